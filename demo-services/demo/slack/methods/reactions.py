"""reactions.*: emoji on messages (https://docs.slack.dev/reference/methods)."""

import re
from typing import Any

from demo.slack.errors import SlackError
from demo.slack.methods.call import Call
from demo.slack.objects import as_slack, reactions_as_slack
from demo.slack.workspace import Channel, Message, is_ts


def add(call: Call) -> dict[str, Any]:
    """React to a message."""
    name = _name(call)
    channel, message = _item(call)
    if channel.archived:
        raise SlackError("is_archived")
    call.workspace.react(message, name, call.app)
    return {}


def remove(call: Call) -> dict[str, Any]:
    """Take the bot's own reaction away."""
    name = _name(call)
    _, message = _item(call)
    call.workspace.unreact(message, name, call.app)
    return {}


def get(call: Call) -> dict[str, Any]:
    """Show a message's reactions."""
    channel, message = _item(call)
    shown = as_slack(message, channel, call.workspace.team, metadata=False)
    return {
        "type": "message",
        "channel": channel.id,
        "message": {**shown, "reactions": reactions_as_slack(message)},
    }


def _name(call: Call) -> str:
    name = call.arguments.required("name").strip(":")
    if not re.fullmatch(r"[a-z0-9_+'-]{1,100}(::skin-tone-[2-6])?", name):
        raise SlackError("invalid_name")
    return name


def _item(call: Call) -> tuple[Channel, Message]:
    ts = call.arguments.text("timestamp")
    if not ts or "channel" not in call.arguments:
        raise SlackError("no_item_specified")
    if not is_ts(ts):
        raise SlackError("bad_timestamp")
    channel = call.channel()
    return channel, call.workspace.message(channel, ts)
