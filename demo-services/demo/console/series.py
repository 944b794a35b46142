"""One time series, its name in a legend, and the single number that a tile shows of it."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Point = tuple[float, float]
"""Unix seconds and the value, which may be NaN or infinite."""


@dataclass(frozen=True)
class Series:
    """Labels (``__name__`` among them when Prometheus gives it) and points, oldest first."""

    labels: Mapping[str, str]
    points: tuple[Point, ...]


def name(labels: Mapping[str, str], legend: str) -> str:
    """Fill ``{{label}}`` of a Grafana legend; without one, the only label's value, else PromQL's own writing.

    A label that the series does not have becomes empty.
    """
    if legend and legend != "__auto":
        return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda match: labels.get(match[1], ""), legend)
    own = {label: value for label, value in labels.items() if label != "__name__"}
    if len(own) == 1:
        return next(iter(own.values()))
    inner = ", ".join(f'{label}="{value}"' for label, value in sorted(own.items()))
    metric = labels.get("__name__", "")
    return f"{metric}{{{inner}}}" if inner else metric or "value"


def reduce(points: Sequence[Point], calculation: str) -> float | None:
    """Grafana's reducers ``lastNotNull last mean max min sum``; None when no point has a number.

    A reducer that isn't known is read as ``lastNotNull``: the newest number is never a wrong thing to show.
    """
    values = [value for _, value in points if not math.isnan(value)]
    if not values:
        return None
    match calculation:
        case "mean":
            return math.fsum(values) / len(values)
        case "max":
            return max(values)
        case "min":
            return min(values)
        case "sum":
            return math.fsum(values)
    return values[-1]
