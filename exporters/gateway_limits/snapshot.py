"""What one read of a gateway found: its limits, how many requests each let through and how many not, who was hit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from exporters.errors import SourceError


class Outcome(StrEnum):
    """What became of a request at a limit."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DELAYED = "delayed"
    """Over the rate, and let through later."""
    SHADOW = "shadow"
    """Over the limit, and let through because the limit is not enforced."""
    ERROR_ALLOWED = "error_allowed"
    """The limiter failed, and the gateway let the request through."""
    ERROR_DENIED = "error_denied"
    """The limiter failed, and the gateway turned the request away."""


class Origin(StrEnum):
    """Who decided."""

    GATEWAY = "gateway"
    UPSTREAM = "upstream"
    """The service behind the gateway answered 429 itself."""
    UNKNOWN = "unknown"
    """The gateway does not tell its own 429 from an upstream's."""


class Decision(NamedTuple):
    """A kind of decision that a gateway counts."""

    route: str
    limit: str
    """Name of the limit; empty where the gateway does not name it, and for an upstream's."""
    outcome: Outcome
    origin: Origin


class Bucket(NamedTuple):
    """What requests are counted in: a limit has one, or one for each value of a descriptor."""

    route: str
    limit: str
    descriptor: str = ""
    """``client``: each client has one. ``client=gold``: that client's. ``connection``: each connection of a caller's.
    Empty: one for all requests."""


@dataclass(frozen=True)
class Limit:
    """What is configured for a bucket, of all replicas together."""

    requests: float
    """Requests that pass in one window, in the long run."""
    window: float | None = None
    """Seconds; None where the gateway does not tell."""
    burst: float | None = None
    """Requests that pass at once after a pause; None where the gateway has no such number."""


class Client(NamedTuple):
    """A client on a route, or all that are not named."""

    route: str
    name: str


class Check(StrEnum):
    """What can be wrong at a gateway so that limits don't limit, or can't be seen."""

    ENFORCED = "enforced"
    """Each limit is enforced."""
    LIMITER = "limiter"
    """The limiter's store or service answers; without it requests pass unlimited, or none passes."""
    STATISTICS = "statistics"
    """The gateway tells what it counts."""
    ORIGIN = "origin"
    """The gateway tells its own rejections from an upstream's."""
    HEADERS = "headers"
    """The answer to the probe says the limit."""


@dataclass(frozen=True)
class Snapshot:
    """A gateway at one moment.

    The counts are the gateway's own since it started, or the exporter's since it reads the gateway's log: a restart, or
    an order to reset them, takes them back to 0, as Prometheus expects of counters.
    """

    gateway: str
    decisions: Mapping[Decision, int]
    limits: Mapping[Bucket, Limit] = field(default_factory=dict)
    used: Mapping[Bucket, float] = field(default_factory=dict)
    """Share of a bucket that is in use, of the fullest where there are several; 1 is all of it."""
    clients: Mapping[Client, int] = field(default_factory=dict)
    """Requests that were rejected, by client."""
    checks: Mapping[Check, str] = field(default_factory=dict)
    """What was looked for: empty when it is well, else a sentence that says what is wrong and what mends it."""
    problems: tuple[SourceError, ...] = ()
