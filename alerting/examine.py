"""Whether Slack will take what the settings have the router send: the token, its scopes, each channel."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from alerting.config import RouterSettings
from alerting.errors import DeliveryError
from alerting.slack import Slack, SlackChannel

SCOPES: Mapping[str, str] = {
    "chat:write": "post, edit and reply",
    "channels:read": "find the id of a public channel",
    "channels:history": "look whether a post of unknown outcome has arrived",
    "groups:read": "find the id of a private channel",
    "groups:history": "look whether a post has arrived in a private channel",
    "files:write": "upload the picture of a chart where Slack's own is refused",
}
"""What the app needs, as slack-app.yaml has it, and what for."""

NEEDED = frozenset({"chat:write", "channels:read", "channels:history"})
"""Without the others something is missing that not every workspace uses."""


@dataclass(frozen=True)
class Finding:
    """One line: is it well, and what is it about."""

    ok: bool
    text: str


async def examine(settings: RouterSettings, slack: Slack) -> list[Finding]:
    """Ask Slack; every mistake is a finding, none an error."""
    try:
        team, name, scopes = await slack.identity()
    except DeliveryError as error:
        return [Finding(False, f"Slack does not take the token: {error.code}")]
    found = [Finding(True, f"the token is {name}'s in {team}"), *_scopes(scopes)]
    try:
        known = await slack.channels()
    except DeliveryError as error:
        return [*found, Finding(False, f"the channels can't be listed: {error.code}")]
    return [*found, *(_channel(channel, known.get(channel)) for channel in sorted(channels(settings)))]


def channels(settings: RouterSettings) -> frozenset[str]:
    """Every channel that the settings name, wherever."""
    return frozenset(_named(settings.model_dump(mode="json")))


def _named(value: Any) -> Iterator[str]:
    """Walk the settings: a channel is ``#name`` or an id, under a key that says so."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if str(key).endswith("channel") and isinstance(inner, str) and re.match(r"[#CG]", inner):
                yield inner
            yield from _named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner)


def _scopes(given: frozenset[str]) -> Iterator[Finding]:
    if lacking := sorted(NEEDED - given):
        for scope in lacking:
            yield Finding(False, f"the scope {scope} is missing, to {SCOPES[scope]}")
    else:
        yield Finding(True, f"the scopes suffice: {', '.join(sorted(SCOPES.keys() & given))}")
    for scope in SCOPES.keys() - NEEDED - given:
        yield Finding(True, f"without the scope {scope} it can't {SCOPES[scope]}")


def _channel(name: str, channel: SlackChannel | None) -> Finding:
    if channel is None:
        return Finding(False, f"{name} does not exist, or is private and the bot is not in it")
    if channel.archived:
        return Finding(False, f"{name} is archived")
    if not channel.member:
        return Finding(False, f"{name}: the bot is not in it: /invite it there")
    return Finding(True, f"{name} is there")
