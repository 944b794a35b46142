"""What a method gets, and what is known about it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from demo.slack.arguments import Arguments
from demo.slack.errors import SlackError
from demo.slack.rates import Rates, Tier
from demo.slack.sockets import Sockets
from demo.slack.workspace import App, Channel, Workspace


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

    def channel(self, argument: str = "channel", *, by_name: bool = False) -> Channel:
        """Find the channel that `argument` names by its id, or `by_name` too, if the app may know of it."""
        name = self.arguments.required(argument)
        channel = self.workspace.channel_to_post(name) if by_name else self.workspace.channel(name)
        if not channel.seen_by(self.app):
            raise SlackError("channel_not_found")
        return channel

    def need(self, *scopes: str) -> None:
        """Refuse the call when its token has none of `scopes`."""
        if scopes and not self.app.scopes.intersection(scopes):
            provided = ",".join(sorted(self.app.scopes))
            raise SlackError("missing_scope", needed=",".join(scopes), provided=provided)


@dataclass(frozen=True)
class Method:
    """One method: `run` returns the answer without ``ok``, or raises SlackError or RateLimited."""

    run: Callable[[Call], dict[str, Any]]
    tier: Tier
    scopes: tuple[str, ...] = ()
    """One of these is needed; which one, a method may find out from the kind of channel."""
    takes_json: bool = False
    app_level: bool = False
    """Called with an app-level token (``xapp-…``), not with that of the bot."""
