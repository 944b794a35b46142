"""Labels choose the channel: the first route that matches, in the order of the settings."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alerting.config import RouteSettings


@dataclass(frozen=True)
class Route:
    """Every pattern must match the whole value of its label."""

    patterns: Mapping[str, re.Pattern[str]]
    channel: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether all patterns match; a missing label counts as empty."""
        return all(pattern.fullmatch(labels.get(name, "")) for name, pattern in self.patterns.items())


@dataclass(frozen=True)
class Routes:
    """The ordered routes, and the channel of whatever none of them matches."""

    routes: tuple[Route, ...]
    default: str

    def channel(self, labels: Mapping[str, str]) -> str:
        """Return the channel for an alert with these labels."""
        return next((route.channel for route in self.routes if route.matches(labels)), self.default)


def compiled(settings: Sequence[RouteSettings], default: str) -> Routes:
    """Compile the routes of the settings."""
    return Routes(tuple(Route(_patterns(route.match), route.channel) for route in settings), default)


def _patterns(match: Mapping[str, str]) -> dict[str, re.Pattern[str]]:
    return {
        name: re.compile(value[1:] if value.startswith("~") else re.escape(value), re.DOTALL)
        for name, value in match.items()
    }
