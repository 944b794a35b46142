"""conversations.*: read and join channels (https://docs.slack.dev/reference/methods)."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from demo.slack import limits
from demo.slack.arguments import Arguments
from demo.slack.errors import SlackError
from demo.slack.methods.call import Call
from demo.slack.objects import as_slack
from demo.slack.workspace import App, Channel, Message

KINDS = {"public_channel": "channels:read", "private_channel": "groups:read", "mpim": "mpim:read", "im": "im:read"}
"""Scope that a token needs to be told of conversations of one type; of the last two there are none here."""


def history(call: Call) -> dict[str, Any]:
    """List what the channel shows, newest first, a page at a time."""
    channel = _readable(call)
    limit = min(call.arguments.whole("limit", limits.HISTORY_DEFAULT.value), limits.HISTORY_MAXIMUM.value)
    window = _window(call.arguments)
    within = [message for message in channel.shown() if window.holds(message)]
    within.reverse()
    after = _cursor(call.arguments, "next_ts")
    if after is not None:
        within = [message for message in within if Decimal(message.ts) < after]
    page = within[:limit]
    more = len(within) > limit
    answer = {"messages": _shown(call, channel, page), "has_more": more, "pin_count": 0}
    return answer | (_next("next_ts", page[-1].ts) if more else {})


def replies(call: Call) -> dict[str, Any]:
    """List a thread, its first message included, oldest first."""
    channel = _readable(call)
    limit = min(call.arguments.whole("limit", limits.REPLIES_DEFAULT.value), limits.LIST_MAXIMUM.value)
    parent = channel.messages.get(call.arguments.text("ts"))
    if parent is None:
        raise SlackError("thread_not_found")
    below = [] if parent.is_reply else channel.replies(parent.ts)
    window = _window(call.arguments)
    within = [message for message in below if window.holds(message)]
    after = _cursor(call.arguments, "next_ts")
    if after is None:
        within.insert(0, parent)
    else:
        within = [message for message in within if Decimal(message.ts) > after]
    page = within[:limit]
    more = len(within) > limit
    answer = {"messages": _shown(call, channel, page), "has_more": more}
    return answer | (_next("next_ts", page[-1].ts) if more else {})


def list_channels(call: Call) -> dict[str, Any]:
    """List the channels of the types that are asked for; a bot hears of private channels that it is in."""
    kinds = set(filter(None, (call.arguments.text("types") or "public_channel").split(",")))
    if kinds - KINDS.keys():
        raise SlackError("invalid_types")
    for kind in sorted(kinds):
        call.need(KINDS[kind])
    limit = min(call.arguments.whole("limit", limits.LIST_DEFAULT.value, "invalid_limit"), limits.LIST_MAXIMUM.value)
    start = int(_cursor(call.arguments, "offset") or 0)
    found = [
        channel
        for channel in call.workspace.channels.values()
        if ("private_channel" if channel.private else "public_channel") in kinds
        and channel.seen_by(call.app)
        and not (channel.archived and call.arguments.flag("exclude_archived"))
    ]
    page = [channel_as_slack(channel, call.app) for channel in found[start : start + limit]]
    end = start + limit
    following = _next("offset", str(end)) if end < len(found) else {"response_metadata": {"next_cursor": ""}}
    return {"channels": page, **following}


def info(call: Call) -> dict[str, Any]:
    """Describe one channel."""
    channel = call.channel()
    call.need(_scope(channel, "read"))
    return {"channel": channel_as_slack(channel, call.app)}


def join(call: Call) -> dict[str, Any]:
    """Make the bot a member."""
    channel = call.channel()
    if channel.private:
        raise SlackError("method_not_supported_for_channel_type")
    if channel.archived:
        raise SlackError("is_archived")
    warned = {}
    if call.app.user in channel.members:
        warned = {"warning": "already_in_channel", "response_metadata": {"warnings": ["already_in_channel"]}}
    call.workspace.join(channel, call.app)
    return {"channel": channel_as_slack(channel, call.app), **warned}


def channel_as_slack(channel: Channel, app: App) -> dict[str, Any]:
    """Return the channel object (https://docs.slack.dev/reference/objects/conversation-object)."""
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": True,
        "is_group": False,
        "is_im": False,
        "is_mpim": False,
        "is_private": channel.private,
        "is_archived": channel.archived,
        "is_general": False,
        "is_member": app.user in channel.members,
        "created": channel.created,
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
        "num_members": len(channel.members),
    }


def _readable(call: Call) -> Channel:
    channel = call.channel()
    call.need(_scope(channel, "history"))
    if call.app.user not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _scope(channel: Channel, what: str) -> str:
    """Private channels were groups once, and their scopes are called so still."""
    return f"{'groups' if channel.private else 'channels'}:{what}"


def _shown(call: Call, channel: Channel, messages: Sequence[Message]) -> list[dict[str, Any]]:
    metadata = call.arguments.flag("include_all_metadata")
    return [as_slack(message, channel, call.workspace.team, metadata=metadata) for message in messages]


@dataclass(frozen=True)
class _Window:
    """A span of ts; its ends belong to it when it is inclusive."""

    oldest: Decimal | None
    latest: Decimal | None
    inclusive: bool

    def holds(self, message: Message) -> bool:
        ts = Decimal(message.ts)
        if ts in (self.oldest, self.latest):
            return self.inclusive
        return (self.oldest is None or ts > self.oldest) and (self.latest is None or ts < self.latest)


def _window(arguments: Arguments) -> _Window:
    return _Window(
        oldest=_ts(arguments.text("oldest"), "invalid_ts_oldest"),
        latest=_ts(arguments.text("latest"), "invalid_ts_latest"),
        inclusive=arguments.flag("inclusive"),
    )


def _ts(value: str, error: str) -> Decimal | None:
    if value in ("", "now"):
        return None
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", value):
        raise SlackError(error)
    return Decimal(value)


def _next(kind: str, value: str) -> dict[str, Any]:
    cursor = base64.b64encode(f"{kind}:{value}".encode()).decode()
    return {"response_metadata": {"next_cursor": cursor}}


def _cursor(arguments: Arguments, kind: str) -> Decimal | None:
    given = arguments.text("cursor")
    if not given:
        return None
    try:
        found, _, value = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as problem:
        raise SlackError("invalid_cursor") from problem
    if found != kind:
        raise SlackError("invalid_cursor")
    return _ts(value, "invalid_cursor") or Decimal(0)
