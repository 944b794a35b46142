"""auth.test, team.info, users.info: who one is and who else is there."""

from typing import Any

from demo.slack.errors import SlackError
from demo.slack.methods.call import Call
from demo.slack.workspace import SLACKBOT


def auth_test(call: Call) -> dict[str, Any]:
    """Tell whose token it is."""
    return {
        "url": call.base_url,
        "team": call.workspace.settings.team,
        "user": call.app.name,
        "team_id": call.workspace.team,
        "user_id": call.app.user,
        "bot_id": call.app.bot,
        "is_enterprise_install": False,
    }


def team_info(call: Call) -> dict[str, Any]:
    """Describe the workspace."""
    name = call.workspace.settings.team
    return {"team": {"id": call.workspace.team, "name": name, "domain": call.workspace.domain}}


def users_info(call: Call) -> dict[str, Any]:
    """Describe a bot user, or the one person who looks at the page."""
    wanted = call.arguments.required("user")
    names = call.workspace.names() | {SLACKBOT: "slackbot"}
    if wanted not in names:
        raise SlackError("user_not_found")
    name = names[wanted]
    return {
        "user": {
            "id": wanted,
            "team_id": call.workspace.team,
            "name": name.lower(),
            "real_name": name,
            "deleted": False,
            "is_bot": wanted != call.workspace.person,
            "profile": {"real_name": name, "display_name": name},
        }
    }
