"""Labels choose what becomes of an alert: the first route that matches, in the order of the settings, and so within it.

A route says what is different from what is around it: the channel, whom it calls, how it escalates, when it is quiet.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alerting.config import RouterSettings, RouteSettings
from alerting.model import Hold
from alerting.people import EscalationSettings
from alerting.quiet import QuietHours, quiet_hours


@dataclass(frozen=True)
class Policy:
    """What becomes of an alert. `mention` has whom to call by severity; `escalation` is in the order of time."""

    channel: str
    mention: Mapping[str, tuple[str, ...]]
    escalation: tuple[EscalationSettings, ...] = ()
    quiet: QuietHours | None = None


@dataclass(frozen=True)
class Route:
    """Every pattern must match the whole value of its label."""

    patterns: Mapping[str, re.Pattern[str]]
    policy: Policy
    routes: tuple["Route", ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether all patterns match; a missing label counts as empty."""
        return all(pattern.fullmatch(labels.get(name, "")) for name, pattern in self.patterns.items())


@dataclass(frozen=True)
class Routes:
    """The ordered routes, and the policy of whatever none of them matches."""

    routes: tuple[Route, ...]
    default: Policy

    def channel(self, labels: Mapping[str, str]) -> str:
        """Return the channel for an alert with these labels."""
        return self.policy(labels).channel

    def hold(self, labels: Mapping[str, str], now: datetime) -> Hold | None:
        """Return what holds back a new message of an alert with these labels that comes now."""
        quiet = self.policy(labels).quiet
        return quiet.hold(labels.get("severity", ""), now) if quiet else None

    def policies(self) -> Iterator[Policy]:
        """Yield every policy that an alert can have."""
        yield self.default
        waiting = list(self.routes)
        while waiting:
            route = waiting.pop()
            yield route.policy
            waiting.extend(route.routes)

    def policy(self, labels: Mapping[str, str]) -> Policy:
        """Return what becomes of an alert with these labels: what the innermost route says that matches."""
        found, inside = self.default, self.routes
        while route := next((route for route in inside if route.matches(labels)), None):
            found, inside = route.policy, route.routes
        return found


def compiled(settings: RouterSettings) -> Routes:
    """Compile the routes of the settings."""
    zone, quiet = settings.timezone, settings.quiet_hours
    default = Policy(
        settings.default_channel,
        settings.mention,
        _in_order(settings.escalation),
        quiet_hours(quiet, zone) if quiet else None,
    )
    return Routes(_compiled(settings.routes, default, zone), default)


def _compiled(settings: Sequence[RouteSettings], around: Policy, zone: str) -> tuple[Route, ...]:
    routes = []
    for route in settings:
        policy = _within(around, route, zone)
        routes.append(Route(_patterns(route.match), policy, _compiled(route.routes, policy, zone)))
    return tuple(routes)


def _within(around: Policy, route: RouteSettings, zone: str) -> Policy:
    """Take from the route what it says, and the rest from around it."""
    return replace(
        around,
        channel=around.channel if route.channel is None else route.channel,
        mention=around.mention if route.mention is None else route.mention,
        escalation=around.escalation if route.escalation is None else _in_order(route.escalation),
        quiet=around.quiet if route.quiet_hours is None else quiet_hours(route.quiet_hours, zone),
    )


def _in_order(steps: Sequence[EscalationSettings]) -> tuple[EscalationSettings, ...]:
    return tuple(sorted(steps, key=lambda step: step.after))


def _patterns(match: Mapping[str, str]) -> dict[str, re.Pattern[str]]:
    return {
        name: re.compile(value[1:] if value.startswith("~") else re.escape(value), re.DOTALL)
        for name, value in match.items()
    }
