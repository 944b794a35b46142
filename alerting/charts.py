"""The series of an alert with its threshold, in three forms: Slack's own chart, a picture, a line of text. Pure.

Slack's block ``data_visualization`` (docs.slack.dev/reference/block-kit/blocks/data-visualization-block, of June 2026)
takes 20 points a series, each with the label of its category, without gaps; labels and names up to 20 characters, a
title up to 50. Where Slack refuses it, a picture is uploaded; where that fails too, the line of text stays.
"""

import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from alerting.model import Evidence, Point
from alerting.text import plain
from alerting.units import duration, number, quantity

POINTS = 20
MAX_TITLE = 50
MAX_UNIT = 40
SHORTEST = timedelta(minutes=15)
LONGEST = timedelta(hours=23)
"""Less than a day, so that the labels, which are times of day, differ."""

BEFORE = timedelta(minutes=10)
"""What is shown of the time before the alert."""

BARS = "▁▂▃▄▅▆▇█"

SIZE = (800, 300)
EDGES = (70, 40, 32, 40)
"""Left, top, right and bottom of the picture's plot."""

INK, PALE, LINE, LIMIT = "#344054", "#D0D5DD", "#1570EF", "#D92D20"


def window(since: datetime, now: datetime) -> tuple[datetime, datetime, timedelta]:
    """Return start, end and step of what is charted: from before the alert until now."""
    start = max(min(since - BEFORE, now - SHORTEST), now - LONGEST)
    step = timedelta(seconds=max(1, -(-int((now - start).total_seconds()) // (POINTS - 1))))
    return now - step * (POINTS - 1), now, step


def evidence(
    points: Sequence[Point], end: datetime, step: timedelta, threshold: str | None, unit: str
) -> Evidence | None:
    """Lay the points on the steps; a gap keeps the value before it. None when there is no line to draw.

    `now` is the value at the end, None when the series has none there.
    """
    slots = [end - step * back for back in reversed(range(POINTS))]
    laid: list[Point] = []
    for slot in slots:
        near = [point.value for point in points if abs(point.at - slot) <= step / 2]
        if near:
            laid.append(Point(slot, near[-1]))
        elif laid:
            laid.append(Point(slot, laid[-1].value))
    if len(laid) < 2:
        return None
    fresh = bool(points) and end - points[-1].at <= step / 2
    return Evidence(tuple(laid), number(threshold), plain(unit, MAX_UNIT), points[-1].value if fresh else None)


def block(title: str, shown: Evidence) -> dict[str, Any]:
    """Slack's own chart: a line, and its threshold as a second one."""
    labels = _labels(shown.points)
    scale = 100.0 if shown.unit == "percentunit" else 1.0
    lines = {"value": [point.value for point in shown.points]}
    if shown.threshold is not None:
        lines["threshold"] = [shown.threshold] * len(labels)
    series = [
        {
            "name": name,
            "data": [
                {"label": label, "value": float(f"{value * scale:.6g}")}
                for label, value in zip(labels, values, strict=True)
            ],
        }
        for name, values in lines.items()
    ]
    axes = {"categories": labels, "x_label": "UTC", "y_label": _unit(shown.unit)}
    return {
        "type": "data_visualization",
        "title": plain(title, MAX_TITLE) or "Alert",
        "chart": {"type": "line", "series": series, "axis_config": axes},
    }


def line(shown: Evidence) -> str:
    """One line of text: bars, from where to where, and over how long."""
    values = [point.value for point in shown.points]
    low, high = min(values), max(values)
    span = high - low
    bars = "".join(BARS[round((value - low) / span * (len(BARS) - 1)) if span else 0] for value in values)
    lasted = duration(shown.points[-1].at - shown.points[0].at)
    return f"`{bars}` {_number(low, shown.unit)} to {_number(high, shown.unit)} in {lasted}"


def picture(title: str, shown: Evidence) -> bytes:
    """A PNG of the line and its threshold, with the numbers of both. Some ten milliseconds: call it in a thread."""
    image = Image.new("RGB", (SIZE[0] * 2, SIZE[1] * 2), "white")
    _draw(ImageDraw.Draw(image), title, shown)
    file = io.BytesIO()
    image.resize(SIZE, Image.Resampling.LANCZOS).save(file, "PNG", optimize=True)
    return file.getvalue()


def spoken(title: str, shown: Evidence) -> str:
    """What a picture shows, for those who don't see it."""
    limit = f", threshold {_number(shown.threshold, shown.unit)}" if shown.threshold is not None else ""
    values = [point.value for point in shown.points]
    span = f"{_number(min(values), shown.unit)} to {_number(max(values), shown.unit)}"
    return f"{plain(title, 200)}: {span}, last {_number(values[-1], shown.unit)}{limit}"


def _draw(draw: ImageDraw.ImageDraw, title: str, shown: Evidence) -> None:
    left, top, right, bottom = (2 * edge for edge in EDGES)
    width, height = 2 * SIZE[0] - left - right, 2 * SIZE[1] - top - bottom
    numbers = [point.value for point in shown.points] + ([shown.threshold] if shown.threshold is not None else [])
    low, high = min(0.0, *numbers), max(numbers)
    span = (high - low) or 1.0

    def y(value: float) -> float:
        return top + height - (value - low) / span * height

    small, large = ImageFont.load_default(22), ImageFont.load_default(28)
    draw.text((left, 20), plain(title, 90).encode("latin-1", "replace").decode("latin-1"), INK, large)
    for value in (low, (low + high) / 2, high):
        draw.line(((left, y(value)), (left + width, y(value))), PALE, 2)
        draw.text((left - 12, y(value)), _number(value, shown.unit), INK, small, anchor="rm")
    labels = _labels(shown.points)
    places = [left + width * index / (len(labels) - 1) for index in range(len(labels))]
    for index in (0, len(labels) // 2, len(labels) - 1):
        draw.text((places[index], top + height + 30), labels[index], INK, small, anchor="mm")
    if shown.threshold is not None:
        draw.line(((left, y(shown.threshold)), (left + width, y(shown.threshold))), LIMIT, 4)
        text = f"threshold {_number(shown.threshold, shown.unit)}"
        draw.text((left + width, y(shown.threshold) - 6), text, LIMIT, small, anchor="rb")
    path = [(place, y(point.value)) for place, point in zip(places, shown.points, strict=True)]
    draw.line(path, LINE, 6, joint="curve")


def _labels(points: Sequence[Point]) -> list[str]:
    """Times of day; seconds only where two would be the same without."""
    form = "%H:%M" if points[1].at - points[0].at >= timedelta(minutes=1) else "%H:%M:%S"
    return [f"{point.at:{form}}" for point in points]


def _number(value: float, unit: str) -> str:
    return quantity(f"{value:.6g}", unit)


def _unit(unit: str) -> str:
    """The name of an axis."""
    return {"percentunit": "%", "s": "seconds", "short": "value", "none": "value", "": "value"}.get(unit, unit)[:50]
