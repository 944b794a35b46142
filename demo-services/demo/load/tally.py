"""What came of a run's requests, by kind: counts, rates, percentiles; as a table and as JSON."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table

from demo.load.generator import CONNECTION_ERROR, DROPPED, NO_TOKEN, NOT_SENT, REJECTED, TIMEOUT, Result
from demo.load.latency import ERROR, Latencies
from demo.load.scenario import Stream

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass
class _Count:
    outcomes: Counter[str] = field(default_factory=Counter)
    latencies: Latencies = field(default_factory=Latencies)


@dataclass(frozen=True)
class Row:
    """One kind of request: rates are per second, latencies in seconds and None when nothing was timed.

    `rate_asked` is None for logins, which no stream asks for. `due` counts every arrival; `sent` those that left.
    """

    kind: str
    rate_asked: float | None
    rate_achieved: float
    due: int
    sent: int
    outcomes: Mapping[str, int]
    latency_seconds: Mapping[str, float | None]

    @property
    def statuses(self) -> dict[str, int]:
        """Answers by status code."""
        return {outcome: count for outcome, count in self.outcomes.items() if outcome.isdigit()}


class Tally:
    """Counts results; `record` is the generator's and the gateway's Record."""

    def __init__(self) -> None:
        """Count from zero."""
        self._counts: dict[str, _Count] = {}

    def record(self, result: Result) -> None:
        """Count one result."""
        count = self._counts.setdefault(result.kind, _Count())
        count.outcomes[result.outcome] += 1
        if result.seconds is not None:
            count.latencies.add(result.seconds)

    def total(self, *outcomes: str) -> int:
        """How many arrivals had one of the outcomes, logins left out; all that were sent when none is named."""
        counters = [count.outcomes for kind, count in self._counts.items() if kind != "login"]
        if outcomes:
            return sum(counter[outcome] for counter in counters for outcome in outcomes)
        return sum(_sent(counter) for counter in counters)

    def p99(self) -> float | None:
        """The highest of the kinds' 99th percentiles, in seconds."""
        found = [count.latencies.quantile(0.99) for kind, count in self._counts.items() if kind != "login"]
        return max((value for value in found if value is not None), default=None)

    def rows(self, streams: Iterable[Stream], factor: float, seconds: float) -> list[Row]:
        """Sum up a run of `seconds`: a row for each kind that was asked for or sent, logins last."""
        asked: dict[str, float] = {}
        for stream in streams:
            asked[stream.request] = asked.get(stream.request, 0.0) + factor * stream.rate
        kinds = sorted(asked.keys() | self._counts.keys(), key=lambda kind: (kind == "login", kind))
        return [_row(kind, asked.get(kind), self._counts.get(kind, _Count()), seconds) for kind in kinds]


def _sent(outcomes: Counter[str]) -> int:
    return outcomes.total() - sum(outcomes[outcome] for outcome in NOT_SENT)


def _row(kind: str, asked: float | None, count: _Count, seconds: float) -> Row:
    sent = _sent(count.outcomes)
    latencies: dict[str, float | None] = {name: count.latencies.quantile(q) for name, q in QUANTILES.items()}
    latencies["max"] = count.latencies.max if count.latencies.count else None
    return Row(
        kind=kind,
        rate_asked=asked,
        rate_achieved=sent / seconds if seconds else 0.0,
        due=count.outcomes.total(),
        sent=sent,
        outcomes=dict(sorted(count.outcomes.items())),
        latency_seconds=latencies,
    )


def table(rows: Iterable[Row]) -> Table:
    """The summary for people."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "asked/s", "sent/s", "due", "sent", "p50", "p95", "p99", "max"):
        shown.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    shown.add_column("outcomes", overflow="fold")
    for row in rows:
        asked = "" if row.rate_asked is None else f"{row.rate_asked:.1f}"
        latencies = [milliseconds(seconds) for seconds in row.latency_seconds.values()]
        shown.add_row(
            row.kind, asked, f"{row.rate_achieved:.1f}", str(row.due), str(row.sent), *latencies, outcomes(row.outcomes)
        )
    return shown


def outcomes(counts: Mapping[str, int]) -> str:
    """Say ``202 ×480, 429 rejected ×211``."""
    words = {REJECTED: "429 rejected", NO_TOKEN: "no token", CONNECTION_ERROR: "connection error"}
    return ", ".join(f"{words.get(outcome, outcome)} ×{count}" for outcome, count in counts.items())


def milliseconds(seconds: float | None) -> str:
    """Say a latency with three digits or so, or a dash for none."""
    if seconds is None:
        return "–"
    return f"{1000 * seconds:.1f} ms" if seconds < 0.1 else f"{1000 * seconds:.0f} ms"


def document(row: Row) -> dict[str, Any]:
    """One row of the JSON summary."""
    return {
        "rate_asked": row.rate_asked,
        "rate_achieved": round(row.rate_achieved, 3),
        "due": row.due,
        "sent": row.sent,
        "statuses": row.statuses,
        "rejected": row.outcomes.get(REJECTED, 0),
        "timeouts": row.outcomes.get(TIMEOUT, 0),
        "connection_errors": row.outcomes.get(CONNECTION_ERROR, 0),
        "dropped": row.outcomes.get(DROPPED, 0),
        "no_token": row.outcomes.get(NO_TOKEN, 0),
        "abandoned": row.outcomes.get("abandoned", 0),
        "latency_seconds": row.latency_seconds,
        "latency_error": ERROR,
    }
