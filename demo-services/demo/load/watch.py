"""One line in the log when a kind of request begins to fail, and one when it is served again."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from demo.load.generator import ABANDONED, Result

WINDOW = 10.0
"""Seconds that are looked at together, so that a service that flaps gives at most one line in that time."""

log = structlog.get_logger()


def failed(outcome: str) -> bool:
    """Whether an outcome is the fault of the other side: no answer, or a 5xx."""
    return not outcome.isdigit() or outcome.startswith("5")


@dataclass
class _Window:
    opened: float
    failing: bool = False
    outcomes: Counter[str] = field(default_factory=Counter)


class Watch:
    """Looks at each kind's results, a window at a time; a kind fails when more than half of its window did."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Assume that all is well."""
        self._now = now
        self._windows: dict[str, _Window] = {}

    def record(self, result: Result) -> None:
        """Look at one result."""
        if result.outcome == ABANDONED:
            return
        window = self._windows.setdefault(result.kind, _Window(self._now()))
        window.outcomes[result.outcome] += 1
        if self._now() - window.opened >= WINDOW:
            self._close(result.kind, window)

    def _close(self, kind: str, window: _Window) -> None:
        failures = Counter({outcome: n for outcome, n in window.outcomes.items() if failed(outcome)})
        failing = 2 * failures.total() > window.outcomes.total()
        if failing != window.failing:
            event, how = ("requests fail", log.warning) if failing else ("requests are served again", log.info)
            how(event, kind=kind, outcomes=dict(window.outcomes))
        self._windows[kind] = _Window(self._now(), failing)
