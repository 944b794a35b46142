"""What a method gets, and what is known about it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from demo.slack.arguments import Arguments
from demo.slack.rates import Rates, Tier
from demo.slack.sockets import Sockets
from demo.slack.workspace import App, Workspace


@dataclass(frozen=True)
class Call:
    """One call that has been let in."""

    workspace: Workspace
    rates: Rates
    app: App
    arguments: Arguments
    base_url: str
    """The workspace's own address as the caller wrote it, with a slash at its end."""
    sockets: Sockets


@dataclass(frozen=True)
class Method:
    """One method: `run` returns the answer without ``ok``, or raises SlackError or RateLimited."""

    run: Callable[[Call], dict[str, Any]]
    tier: Tier
    scopes: tuple[str, ...] = ()
    takes_json: bool = False
    app_level: bool = False
    """Called with an app-level token (``xapp-…``), not with that of the bot."""
