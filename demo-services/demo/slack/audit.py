"""What was called: a bounded list for tests and drills, and counters for Prometheus."""

from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge


@dataclass
class Visit:
    """What becomes known of a call while it is served."""

    method: str
    """A known method or ``unknown``."""
    app: str | None = None
    channel: str | None = None
    """The channel's name, when the call names one that exists."""
    ts: str | None = None
    """Of the message posted, edited or meant."""
    fault: str | None = None
    """The ordered failure that the call met."""


@dataclass(frozen=True)
class Entry:
    """One call as it ended; `outcome` is ok, Slack's error code, or the ordered failure in the answer's place."""

    number: int
    time: float
    outcome: str
    method: str
    app: str | None
    channel: str | None
    ts: str | None
    fault: str | None


class Audit:
    """Counts from 1 since start; keeps the last calls only."""

    def __init__(self, kept: int, clock: Callable[[], float]) -> None:
        """Keep at most `kept` calls; `clock` gives seconds since the epoch."""
        self._entries: deque[Entry] = deque(maxlen=kept)
        self._clock = clock
        self._number = 0
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "slack_requests_total",
            "Calls of the Web API by method and outcome: ok, an error code of Slack, or an ordered failure.",
            ("method", "outcome"),
            registry=self.registry,
        )
        self._messages = Gauge(
            "slack_messages", "Messages kept, replies included.", ("channel",), registry=self.registry
        )

    def record(self, visit: Visit, outcome: str) -> None:
        """Note one call."""
        self._number += 1
        self._entries.append(Entry(self._number, self._clock(), outcome, **vars(visit)))
        self._requests.labels(visit.method, outcome).inc()

    def messages(self, channel: str, count: int) -> None:
        """Set how many messages the channel keeps."""
        self._messages.labels(channel).set(count)

    def list(self, method: str | None, channel: str | None, after: int) -> list[dict[str, Any]]:
        """Return the calls with a number above `after`, oldest first."""
        return [
            asdict(entry)
            for entry in self._entries
            if entry.number > after and method in (None, entry.method) and channel in (None, entry.channel)
        ]
