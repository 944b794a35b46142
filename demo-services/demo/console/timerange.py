"""Time ranges: what a URL says (``now-15m``) into the instants that Prometheus is asked for."""

import math
import re
from dataclasses import dataclass

GRID = 5.0
"""Seconds. Instants are rounded down to it, so that every open page asks for the same moment and shares one answer."""

MAX_POINTS = 240
"""Points of one line: more than a panel has room for, few enough to send every refresh."""

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class TimeRangeError(ValueError):
    """A ``from`` or ``to`` that can't be read, or a range that ends before it begins."""


@dataclass(frozen=True)
class Window:
    """Instants ``start, start + step … end``, in Unix seconds; `at` is the moment for instant queries."""

    start: float
    end: float
    step: float
    at: float

    @property
    def instants(self) -> tuple[float, ...]:
        """Every instant of the window, oldest first."""
        return tuple(self.start + self.step * index for index in range(round((self.end - self.start) / self.step) + 1))


def window(begin: str, end: str, now: float, scrape: float) -> Window:
    """Resolve ``from``/``to`` as Grafana writes them: ``now``, ``now-15m``, or milliseconds since 1970.

    The step is a round number of seconds, at least `scrape`, that gives at most MAX_POINTS points; both ends are
    multiples of it, so that the next refresh moves the window and not the points. Raises TimeRangeError.
    """
    first, last = _instant(begin, now), _instant(end, now)
    if first >= last:
        raise TimeRangeError(f"from={begin} is not before to={end}")
    least = max(scrape, (last - first) / MAX_POINTS)
    step = float(next((step for step in _STEPS if step >= least), math.ceil(least)))
    aligned = math.floor(last / step) * step
    length = max(1, math.floor((last - first) / step)) * step
    return Window(aligned - length, aligned, step, math.floor(last / GRID) * GRID)


def duration(text: str) -> float:
    """Seconds of ``30s``, ``5m``, ``1h``, ``7d``, ``2w``. Raises TimeRangeError."""
    match = re.fullmatch(r"(\d{1,6})([smhdw])", text)
    if not match or int(match[1]) == 0:
        raise TimeRangeError(f"{text!r} is not a duration such as 30s, 15m or 1h")
    return float(int(match[1]) * _SECONDS[match[2]])


def _instant(text: str, now: float) -> float:
    if text == "now":
        return now
    if text.startswith("now-"):
        return now - duration(text.removeprefix("now-"))
    if re.fullmatch(r"\d{1,13}", text):
        return int(text) / 1000
    raise TimeRangeError(f"{text!r} is not a time such as now, now-15m or 1766448000000 (milliseconds since 1970)")
