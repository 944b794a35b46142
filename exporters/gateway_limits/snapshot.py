"""What one read of a gateway found: how many requests each of its limits let through, and how many it did not."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from exporters.errors import SourceError


class Outcome(StrEnum):
    """What became of a request at a limit."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SHADOW = "shadow"
    """Over the limit, and let through because the limit is not enforced."""


class Origin(StrEnum):
    """Who decided."""

    GATEWAY = "gateway"
    UPSTREAM = "upstream"
    """The service behind the gateway answered 429 itself."""


class Decision(NamedTuple):
    """A kind of decision that a gateway counts."""

    route: str
    limit: str
    """Name of the limit; empty for an upstream's, which the gateway does not know."""
    outcome: Outcome
    origin: Origin


@dataclass(frozen=True)
class Snapshot:
    """A gateway at one moment.

    The counts are the gateway's own since it started: a restart, or an order to reset them, takes them back to 0, as
    Prometheus expects of counters.
    """

    gateway: str
    decisions: Mapping[Decision, int]
    problems: tuple[SourceError, ...] = ()
