"""Messages as HTML: the templates and what they can call."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from demo.slack import chart, entities, mrkdwn
from demo.slack.workspace import Channel, Message, Workspace

MESSAGES_SHOWN = 50

TEMPLATES = Path(__file__).parent / "templates"

_NAMED_COLORS = {"good": "#2eb67d", "warning": "#ecb22e", "danger": "#e01e5a"}
_NO_COLOR = "#bbbbbb"

_environment = Environment(
    loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def page(workspace: Workspace, channel: Channel, messages: str, *, embed: bool, theme: str, version: str) -> str:
    """Return the whole page of a channel around its `messages`, in `theme`; `embed` leaves the sidebar out."""
    return _environment.get_template("page.html").render(
        team=workspace.settings.team,
        channels=list(workspace.channels.values()),
        apps=list(workspace.apps.values()),
        channel=channel,
        embed=embed,
        theme=theme,
        version=version,
        messages=messages,
    )


class Articles:
    """Renders the last messages of channels, each message once for each of its revisions."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """Start with nothing rendered; `names` are those of the users that messages mention."""
        self._names = {f">@{user}<": f">@{escape(name)}<" for user, name in names.items()}
        self._kept: dict[str, dict[tuple[str, int], str]] = {}

    def html(self, channel: Channel) -> str:
        """Return the last messages of the channel as a list of articles."""
        kept = self._kept.get(channel.id, {})
        self._kept[channel.id] = articles = {
            (message.ts, revision): kept.get((message.ts, revision)) or self._named(_article(message, channel))
            for message in list(channel.shown())[-MESSAGES_SHOWN:]
            for revision in [channel.revision(message)]
        }
        return _environment.get_template("messages.html").render(channel=channel, articles=articles.values())

    def _named(self, html: str) -> str:
        """Show the name of a user in place of the id."""
        for user, name in self._names.items():
            html = html.replace(user, name)
        return html


def content(message: Mapping[str, Any]) -> Markup:
    """Return what a message says, given as the Web API does; its files, which only the workspace has, are left out."""
    shown = {"text": "", "blocks": [], "attachments": [], **message, "deleted": False, "files": [], "reactions": {}}
    return Markup(_macros().body(shown | {"marked_edited": "edited" in message}))


def _article(message: Message, channel: Channel) -> str:
    return str(_macros().message(message, channel))


def _macros() -> Any:
    """The macros of the template as functions."""
    return _environment.get_template("message.html").module


def _text_object(value: dict[str, Any]) -> str:
    return mrkdwn.mrkdwn(value["text"]) if value["type"] == "mrkdwn" else mrkdwn.plain(value["text"])


def _color(value: object) -> str:
    """Return a colour as #rrggbb or #rgb."""
    text = str(value or "")
    if text in _NAMED_COLORS:
        return _NAMED_COLORS[text]
    match = re.fullmatch(r"#?([0-9A-Fa-f]{6}|[0-9A-Fa-f]{3})", text)
    return f"#{match[1]}" if match else _NO_COLOR


def _moment(ts: str) -> str:
    """Return a ts as ISO 8601, UTC."""
    return datetime.fromtimestamp(float(ts), UTC).isoformat(timespec="seconds")


def _clock(ts: str) -> str:
    return f"{datetime.fromtimestamp(float(ts), UTC):%H:%M} UTC"


_environment.filters |= {
    "mrkdwn": mrkdwn.mrkdwn,
    "plain": mrkdwn.plain,
    "text_object": _text_object,
    "safe_url": mrkdwn.safe_url,
    "color": _color,
    "moment": _moment,
    "clock": _clock,
    "unescaped": entities.unescaped,
}
_environment.globals |= {"chart": chart.figure, "emoji": mrkdwn.EMOJI}
