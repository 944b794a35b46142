"""response_url: where an app may answer a click, five times within half an hour (docs.slack.dev, "Handling user
interaction", message responses).

What is said to the clicker alone (`ephemeral`, the default) is shown to nobody here: the page has no such messages.
"""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

USES = 5
SECONDS = 1800.0
KEPT = 200
"""Tickets at a time; the oldest go."""


@dataclass
class Ticket:
    """Leave to answer a click on one message."""

    channel: str
    ts: str
    until: float
    left: int = USES


class Responses:
    """The tickets that were given out."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Start with none; `clock` gives seconds."""
        self._clock = clock
        self._tickets: OrderedDict[str, Ticket] = OrderedDict()

    def ticket(self, channel: str, ts: str) -> str:
        """Give out the last part of a response_url."""
        name = secrets.token_urlsafe(18)
        self._tickets[name] = Ticket(channel, ts, self._clock() + SECONDS)
        while len(self._tickets) > KEPT:
            self._tickets.popitem(last=False)
        return name

    def use(self, name: str) -> Ticket | None:
        """Use one up; None when it is unknown, too old or was used five times."""
        ticket = self._tickets.get(name)
        if ticket is None or ticket.until < self._clock() or not ticket.left:
            return None
        ticket.left -= 1
        return ticket


def kind(said: Mapping[str, Any]) -> str:
    """Return what an answer wants: `delete`, `replace`, `in_channel` or `ephemeral`."""
    if said.get("delete_original") in (True, "true"):
        return "delete"
    if said.get("replace_original") in (True, "true"):
        return "replace"
    return "in_channel" if said.get("response_type") == "in_channel" else "ephemeral"
