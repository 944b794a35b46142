"""The data_visualization block as SVG: lines, areas and bars on one scale; a pie as a list of shares."""

import math
from typing import Any

from markupsafe import Markup

WIDTH, HEIGHT = 560, 210
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 30

FLAT = 1e-300
"""A smaller span is none: it could not be divided into steps, near the smallest number that there is."""


def figure(block: dict[str, Any]) -> Markup:
    """Return the chart of a checked block with its title and legend; its values are in the label that is read aloud."""
    chart = block["chart"]
    if chart["type"] == "pie":
        drawn, legend = Markup(), _shares(chart["segments"])
    else:
        drawn, legend = _plot(chart, block["title"]), _legend(chart["series"])
    return Markup('<figure class="chart"><figcaption>{}</figcaption>{}<ul class="legend">{}</ul></figure>').format(
        block["title"], drawn, legend
    )


def ticks(low: float, high: float, wanted: int = 4) -> list[float]:
    """Return round values, about `wanted` steps of 1, 2 or 5 times a power of ten, that enclose low and high."""
    span = (high - low) or abs(high)
    if span < FLAT:
        span = 1.0
    step = 10 ** math.floor(math.log10(span / wanted))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= wanted)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [index * step for index in range(first, max(last, first + 1) + 1)]


def short(value: float) -> str:
    """Write a number for an axis: 1500 as 1.5k."""
    for power, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= power:
            return f"{value / power:.3g}{suffix}"
    return f"{value:.3g}"


def _plot(chart: dict[str, Any], title: str) -> Markup:
    values = [point["value"] for series in chart["series"] for point in series["data"]]
    scale = ticks(min(0.0, *values), max(0.0, *values))
    categories = chart["axis_config"]["categories"]
    spoken = "; ".join(
        f"{series['name']}: {short(series['data'][-1]['value'])} at the end" for series in chart["series"]
    )
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}</svg>').format(
        WIDTH,
        HEIGHT,
        f"{title}. {spoken}",
        _grid(scale),
        _labels(categories),
        Markup().join(_series(chart, index, scale) for index in range(len(chart["series"]))),
    )


def _grid(scale: list[float]) -> Markup:
    line = Markup(
        '<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/><text class="y" x="{}" y="{:.1f}">{}</text>'
    )
    return Markup().join(
        line.format(LEFT, WIDTH - RIGHT, _y(tick, scale), _y(tick, scale), LEFT - 8, _y(tick, scale) + 4, short(tick))
        for tick in scale
    )


def _labels(categories: list[str]) -> Markup:
    every = max(1, math.ceil(len(categories) / 6))
    text = Markup('<text class="x" x="{:.1f}" y="{}">{}</text>')
    shown = Markup().join(
        text.format(_x(index, len(categories)), HEIGHT - 8, label)
        for index, label in enumerate(categories)
        if index % every == 0
    )
    return Markup('<g class="labels">{}</g>').format(shown)


def _series(chart: dict[str, Any], index: int, scale: list[float]) -> Markup:
    points = [
        (_x(number, len(chart["axis_config"]["categories"])), _y(point["value"], scale))
        for number, point in enumerate(chart["series"][index]["data"])
    ]
    ground = _y(0, scale)
    if chart["type"] == "bar":
        return _bars(points, index, len(chart["series"]), ground)
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    line = Markup('<polyline class="line s{}" points="{}"/>').format(index, path)
    if len(points) == 1:
        line += Markup('<circle class="fill s{}" cx="{:.1f}" cy="{:.1f}" r="4"/>').format(index, *points[0])
    if chart["type"] == "line":
        return line
    under = f"{points[0][0]:.1f},{ground:.1f} {path} {points[-1][0]:.1f},{ground:.1f}"
    return Markup('<polygon class="area s{}" points="{}"/>').format(index, under) + line


def _bars(points: list[tuple[float, float]], index: int, count: int, ground: float) -> Markup:
    width = (WIDTH - LEFT - RIGHT) / len(points) * 0.7 / count
    bar = Markup('<rect class="fill s{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>')
    return Markup().join(
        bar.format(index, x + (index - count / 2) * width, min(y, ground), width, abs(ground - y)) for x, y in points
    )


def _x(index: int, count: int) -> float:
    """Return the middle of the category's column."""
    return LEFT + (WIDTH - LEFT - RIGHT) * (index + 0.5) / count


def _y(value: float, scale: list[float]) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (scale[-1] - value) / (scale[-1] - scale[0])


def _legend(series: list[dict[str, Any]]) -> Markup:
    return Markup().join(_entry(index, one["name"]) for index, one in enumerate(series))


def _shares(segments: list[dict[str, Any]]) -> Markup:
    total = sum(segment["value"] for segment in segments) or 1
    return Markup().join(
        _entry(index, f"{segment['label']}: {short(segment['value'])} ({segment['value'] / total:.0%})")
        for index, segment in enumerate(segments)
    )


def _entry(index: int, text: str) -> Markup:
    key = Markup(
        '<svg class="key" viewBox="0 0 10 10" aria-hidden="true"><circle class="fill s{}" cx="5" cy="5" r="5"/></svg>'
    )
    return Markup("<li>{} {}</li>").format(key.format(index), text)
