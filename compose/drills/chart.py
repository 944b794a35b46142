"""A series with its threshold and the moments of a drill, as SVG. Pure; colours are the page's (report.css)."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from markupsafe import Markup

from alerting.units import quantity
from demo.slack.chart import ticks

WIDTH, HEIGHT = 860, 240
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 40, 28

NAME = 70
"""Width of a moment's name."""

GAP = 3
"""Steps without a point that break the line: nothing was measured there, which is not the value before."""


@dataclass(frozen=True)
class Window:
    """What is charted: from `start` to `end` (Unix seconds), a point each `step` seconds."""

    start: float
    end: float
    step: float


@dataclass(frozen=True)
class Line:
    """Points (Unix seconds, value), what they are measured in, and the number that must not be crossed."""

    points: Sequence[tuple[float, float]]
    unit: str
    threshold: float | None


def figure(title: str, line: Line, window: Window, moments: Sequence[tuple[str, float]]) -> Markup:
    """Draw it; `moments` are marked by their names."""
    values = [0.0, *(value for _, value in line.points), *([] if line.threshold is None else [line.threshold])]
    scale = ticks(min(values), max(values))
    svg = Markup('<svg class="series" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}{}{}</svg>').format(
        WIDTH,
        HEIGHT,
        _spoken(title, line),
        _grid(scale, line.unit),
        _times(window),
        _threshold(line, scale),
        _moments([(name, _x(at, window)) for name, at in moments if window.start <= at <= window.end]),
        Markup().join(_stretch(points, window, scale) for points in _stretches(line.points, window.step)),
    )
    return Markup("<figure><figcaption>{}</figcaption>{}</figure>").format(title, svg)


def _spoken(title: str, line: Line) -> str:
    if not line.points:
        return f"{title}: no data"
    values = [value for _, value in line.points]
    limit = "" if line.threshold is None else f", threshold {_written(line.threshold, line.unit)}"
    return f"{title}: {_written(min(values), line.unit)} to {_written(max(values), line.unit)}{limit}"


def _grid(scale: Sequence[float], unit: str) -> Markup:
    row = Markup(
        '<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/><text class="y" x="{}" y="{:.1f}">{}</text>'
    )
    return Markup().join(
        row.format(LEFT, WIDTH - RIGHT, _y(tick, scale), _y(tick, scale), LEFT - 8, _y(tick, scale) + 4, text)
        for tick in scale
        if (text := _written(tick, unit))
    )


def _times(window: Window) -> Markup:
    label = Markup('<text class="x" x="{:.1f}" y="{}">{:%H:%M:%S}</text>')
    places = [window.start + (window.end - window.start) * part / 4 for part in range(5)]
    return Markup().join(label.format(_x(at, window), HEIGHT - 8, datetime.fromtimestamp(at, UTC)) for at in places)


def _threshold(line: Line, scale: Sequence[float]) -> Markup:
    if line.threshold is None:
        return Markup()
    height = _y(line.threshold, scale)
    return Markup('<line class="threshold" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(
        LEFT, WIDTH - RIGHT, height, height
    )


def _moments(places: Sequence[tuple[str, float]]) -> Markup:
    """Mark them; a name that would run into the one before goes above it."""
    mark = Markup(
        '<line class="moment" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/><text class="moment" x="{:.1f}" y="{}">{}</text>'
    )
    drawn, before, raised = [], -math.inf, False
    for name, x in places:
        raised = x - before < NAME and not raised
        top = TOP - (20 if raised else 6)
        drawn.append(mark.format(x, x, top, HEIGHT - BOTTOM, x, top - 3, name))
        before = x
    return Markup().join(drawn)


def _stretches(points: Sequence[tuple[float, float]], step: float) -> Iterator[list[tuple[float, float]]]:
    stretch: list[tuple[float, float]] = []
    for point in points:
        if stretch and point[0] - stretch[-1][0] > GAP * step:
            yield stretch
            stretch = []
        stretch.append(point)
    if stretch:
        yield stretch


def _stretch(points: Sequence[tuple[float, float]], window: Window, scale: Sequence[float]) -> Markup:
    places = " ".join(f"{_x(at, window):.1f},{_y(value, scale):.1f}" for at, value in points)
    if len(points) == 1:
        x, y = places.split(",")
        return Markup('<circle class="dot" cx="{}" cy="{}" r="2"/>').format(x, y)
    return Markup('<polyline class="value" points="{}"/>').format(places)


def _x(at: float, window: Window) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (at - window.start) / (window.end - window.start)


def _y(value: float, scale: Sequence[float]) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (scale[-1] - value) / (scale[-1] - scale[0])


def _written(value: float, unit: str) -> str:
    return quantity(f"{value:.6g}", unit)
