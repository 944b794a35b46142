"""Mentions, who did what, and buttons, as Block Kit and as lines of a thread. Pure.

Slack shows a menu as the reader left it for as long as its block_id stays, so each state has ids of its own.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from alerting.actions import TOMORROW
from alerting.handling import Handling
from alerting.model import Act, Deed, Outcome
from alerting.text import escape, plain, when, width

Block = dict[str, Any]

NAME = 80
"""Characters of a person's name, at most."""

SILENCES: Mapping[str, str] = {"1h": "for 1 hour", "4h": "for 4 hours", TOMORROW: "until tomorrow"}

LINK_BUTTONS: Mapping[str, str] = {"Runbook": "📖 Runbook", "Dashboard": "📊 Dashboard"}
"""Links that are buttons, where Slack can send clicks: it sends those on links, too, and warns when nobody answers."""


def called(mention: Iterable[str]) -> str:
    """Write whom a message calls, so that Slack calls them."""
    return " ".join(_call(one) for one in mention)


def told(act: Act) -> str:
    """Tell the thread of an act."""
    who = escape(act.by.name, NAME) if act.by else ""
    if act.outcome is Outcome.FAILED:
        return f"⚠️ {who} asked to {act.deed}: {escape(act.note, 300)}"
    match act.deed:
        case Deed.ACKNOWLEDGE:
            return f"👀 *Acknowledged* by {who}"
        case Deed.SILENCE:
            return f"🔕 *Silenced* by {who}{_until(act)}"
        case Deed.UNSILENCE:
            return f"🔔 *Silence ended* by {who}"
        case Deed.ESCALATE:
            cause = f"by {who}" if who else act.note
            where = f" to {escape(act.channel, NAME)}" if act.channel else ""
            return f"📣 *Escalated*{where} {cause} {'' if act.channel else called(act.mention)}".rstrip()


def done(handling: Handling) -> list[Block]:
    """Show who has done what, in small print."""
    lines = [
        _by("👀 Acknowledged", handling.acknowledged),
        _by("🔕 Silenced", handling.silenced),
        _by("📣 Escalated", handling.escalated),
    ]
    elements = [_mrkdwn(line) for line in lines if line]
    return [{"type": "context", "elements": elements}] if elements else []


def buttons(handling: Handling, links: Mapping[str, str], state: str) -> list[Block]:
    """Offer what can be done; `state` makes the ids of this state."""
    elements = [_button(deed) for deed in handling.buttons]
    if handling.links:
        elements += [
            _link(name, text, links[name]) for name, text in LINK_BUTTONS.items() if is_button(links.get(name, ""))
        ]
    return [{"type": "actions", "block_id": f"act-{state}", "elements": elements}] if elements else []


def is_button(url: str) -> bool:
    """Whether Slack takes this URL for a button."""
    return url.startswith(("http://", "https://")) and url.isprintable() and " " not in url and width(url) <= 1000


def _call(one: str) -> str:
    if one.startswith("@"):
        return f"<!{one[1:]}>"
    return f"<!subteam^{one}>" if one.startswith("S") else f"<@{one}>"


def _by(what: str, act: Act | None) -> str:
    if act is None:
        return ""
    who = f" by <@{act.by.id}>" if act.by else ""
    where = f" to {escape(act.channel, NAME)}" if act.channel else ""
    return f"{what}{where}{who} {when(act.at)}{_until(act)}"


def _until(act: Act) -> str:
    return f" until {when(act.until)}" if act.until else ""


def _button(deed: Deed) -> Block:
    if deed is Deed.SILENCE:
        return {
            "type": "static_select",
            "action_id": deed.value,
            "placeholder": _plain("🔕 Silence"),
            "options": [{"text": _plain(text), "value": value} for value, text in SILENCES.items()],
        }
    made: Block = {"type": "button", "action_id": deed.value, "text": _plain(WORDS[deed])}
    return made | ({"style": "primary"} if deed is Deed.ACKNOWLEDGE else {})


WORDS: Mapping[Deed, str] = {
    Deed.ACKNOWLEDGE: "👀 Acknowledge",
    Deed.UNSILENCE: "🔔 End silence",
    Deed.ESCALATE: "📣 Escalate now",
}


def _link(name: str, text: str, url: str) -> Block:
    return {"type": "button", "action_id": f"link-{name.lower()}", "text": _plain(text), "url": url}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": plain(text, 75), "emoji": True}


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
