"""Series into options of Apache ECharts. Pure.

Colours are written as ``tone('name')``, a function of console.js that reads the page's CSS, so that one set of
options serves light and dark. A key that begins with ``:`` is evaluated by NiceGUI: such keys and their text are
made here alone, and nothing that Prometheus sends becomes a key or code.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from demo.console import series as naming
from demo.console import units
from demo.console.display import Style, state, style
from demo.console.events import Event
from demo.console.panels import Panel, Target, Threshold
from demo.console.series import Series
from demo.console.timerange import Window

MAX_LINES = 24
"""Lines of one chart; the rest are counted, not drawn."""

COLOURS = 8
"""Line colours that console.css has (``--line-1`` …)."""

ROUND = {1.0: 4, 1.5: 3, 2.0: 4, 3.0: 3, 4.0: 4, 5.0: 5, 6.0: 3, 8.0: 4, 10.0: 5}
"""Tops of an axis, to be multiplied by a power of ten, and into how many parts its ticks divide each."""

PARTS = (4, 5, 3, 2, 1)
"""Into how many parts the axis of a count may be divided, the best first: half a member is none."""

Options = dict[str, Any]

ALIGNED: Options = {"left": 64, "right": 12, "top": 14, "bottom": 24}
"""Room around a chart as wide as the page: those below each other have one time axis."""


@dataclass(frozen=True)
class Answer:
    """What one target was answered."""

    target: Target
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Line:
    """One line of a chart: its name, its points on every instant of the window (None where there is none), its last."""

    name: str
    tone: str
    values: tuple[float | None, ...]
    last: str


@dataclass(frozen=True)
class Chart:
    """What is drawn, and how many lines had no room."""

    lines: tuple[Line, ...]
    options: Options
    left_out: int = 0


def chart(panel: Panel, answers: Sequence[Answer], window: Window, happened: Sequence[Event] = ()) -> Chart:
    """Draw a ``timeseries`` panel, and what `happened` behind its lines."""
    named = sorted(
        ((naming.name(one.labels, answer.target.legend), one) for answer in answers for one in answer.series),
        key=lambda pair: pair[0],
    )
    drawn = named[:MAX_LINES]
    values = [on_grid(one, window) for _, one in drawn]
    peak, low = _extent(values)
    need = max(peak, panel.maximum or 0, panel.soft_maximum or 0)
    scale = units.scale(panel.unit, max(abs(need), abs(low)), panel.decimals)
    axis = _axis(panel, need, scale.size, whole=_counts(panel, values))
    lines = tuple(
        _line(style(panel, name), index, name, row)
        for index, ((name, _), row) in enumerate(zip(drawn, values, strict=True))
    )
    spoken = f"{panel.title}: {', '.join(f'{line.name} {line.last}' for line in lines)}"
    options = _frame(panel, scale, window, axis) | {
        "aria": {"enabled": True, "label": {"description": spoken}},
        "series": [*(_series(panel, lines, index, window) for index in range(len(lines))), _marks(happened)],
    }
    return Chart(lines, options, len(named) - len(drawn))


def spark(values: Sequence[float | None], window: Window, tone: str) -> Options:
    """Draw the small line below a tile's number: no axes, no words."""
    return {
        "animation": False,
        "grid": {"left": 0, "right": 0, "top": 2, "bottom": 0},
        "xAxis": {"type": "value", "show": False, "min": window.start, "max": window.end},
        "yAxis": {"type": "value", "show": False, "scale": True},
        "series": [
            {
                "id": "0",
                "type": "line",
                "showSymbol": False,
                "silent": True,
                "lineStyle": {"width": 1.5, ":color": _css(tone)},
                "areaStyle": {"opacity": 0.12, ":color": _css(tone)},
                "data": [list(pair) for pair in zip(window.instants, values, strict=True)],
            }
        ],
    }


def on_grid(one: Series, window: Window) -> tuple[float | None, ...]:
    """Values at every instant of the window; None where the series has no number, so that the line has a gap."""
    found = {round((at - window.start) / window.step): value for at, value in one.points}
    return tuple(
        value if (value := found.get(index)) is not None and math.isfinite(value) else None
        for index in range(len(window.instants))
    )


def _line(field: Style, index: int, name: str, values: tuple[float | None, ...]) -> Line:
    # a line that ends before the window does has no newest value: its thing is gone
    newest = units.text(values[-1], field.unit, field.decimals) if values[-1] is None else field.show(values[-1]).text
    return Line(name, _tone(field, index), values, newest)


def _series(panel: Panel, lines: Sequence[Line], index: int, window: Window) -> Options:
    line = lines[index]
    numbers = sum(value is not None for value in line.values)
    entry: Options = {
        # ECharts keeps a line through an update by its id: names come and go
        "id": str(index),
        "type": "line",
        "name": line.name,
        # one lonely point has no line to be seen by
        "showSymbol": numbers < 3,
        "symbol": "circle",
        "symbolSize": 5,
        "lineStyle": {"width": 1.75, ":color": _css(line.tone)},
        "itemStyle": {":color": _css(line.tone)},
        "emphasis": {"focus": "series"},
        "data": [[int(at * 1000), value] for at, value in zip(window.instants, line.values, strict=True)],
    }
    if panel.stacking in ("normal", "percent"):
        entry["stack"] = "all"
    if panel.fill:
        # many fills over each other would be one grey ground
        entry["areaStyle"] = {"opacity": round(min(panel.fill, 40) / 100 / len(lines), 3), ":color": _css(line.tone)}
    if index == 0 and panel.threshold_style != "off":
        entry["markLine"] = _threshold_lines(panel)
    return entry


def _threshold_lines(panel: Panel) -> Options:
    return {
        "symbol": "none",
        "silent": True,
        "animation": False,
        "data": [
            {
                "yAxis": step.value,
                "lineStyle": {"type": "dashed", "width": 1.25, ":color": _css(_threshold_tone(before, step))},
                "label": {
                    "position": "insideEndTop",
                    # its own unit, whatever that of the axis: 30 s, not 0.5 min
                    "formatter": f"alert {_side(step)} {units.text(step.value, panel.unit)}",
                    ":color": _css(_threshold_tone(before, step)),
                },
            }
            for before, step in pairwise((None, *panel.thresholds))
            if step and step.value is not None
        ],
    }


def _marks(happened: Sequence[Event]) -> Options:
    """What happened, on a line of its own without points: a ground over its time, and where it began its name."""
    spans = [event for event in happened if event.end > event.begin]
    return {
        "id": "happened",
        "type": "line",
        "data": [],
        "markArea": {
            "silent": True,
            "data": [
                [
                    {"xAxis": int(one.begin * 1000), "itemStyle": {"opacity": 0.07, ":color": _css(_event_tone(one))}},
                    {"xAxis": int(one.end * 1000)},
                ]
                for one in spans
            ],
        },
        "markLine": {
            "symbol": "none",
            "animation": False,
            "data": [
                {
                    "xAxis": int(one.begin * 1000),
                    "lineStyle": {"type": "dotted", "width": 1.5, ":color": _css(_event_tone(one))},
                    # its name while the pointer is on the line: names of several would lie over each other
                    "label": {"show": False},
                    "emphasis": {
                        "label": {
                            "show": True,
                            "position": "insideEndTop",
                            "formatter": one.title,
                            ":color": _css("text"),
                            ":backgroundColor": _css("surface"),
                        }
                    },
                }
                for one in happened
            ],
        },
    }


def _event_tone(one: Event) -> str:
    return "muted" if one.state == "plain" else one.state


def _frame(panel: Panel, scale: units.Scale, window: Window, axis: Options) -> Options:
    axis_label = {"fontSize": 11, ":color": _css("muted")}
    written = _formatter(scale, _digits(axis.get("interval"), scale.size))
    return {
        "animation": False,
        "textStyle": {"fontFamily": "inherit"},
        "grid": ALIGNED if panel.width == 24 else {**ALIGNED, "left": 4, "bottom": 2, "containLabel": True},
        "tooltip": {
            "trigger": "axis",
            "confine": True,
            "order": "valueDesc",
            "className": "chart-tooltip",
            "transitionDuration": 0,
            ":valueFormatter": written,
        },
        "xAxis": {
            "type": "time",
            "min": int(window.start * 1000),
            "max": int(window.end * 1000),
            "axisLine": {"lineStyle": {":color": _css("rule")}},
            "axisTick": {"show": False},
            "axisLabel": axis_label | {"hideOverlap": True},
            "splitNumber": 4,
        },
        "yAxis": {
            "type": "value",
            **axis,
            "splitNumber": 4,
            "axisLabel": axis_label | {":formatter": written},
            "splitLine": {"lineStyle": {":color": _css("rule")}},
        },
    }


def _counts(panel: Panel, rows: Sequence[Sequence[float | None]]) -> bool:
    """Whether the panel counts things: a number without a unit, and never a part of one."""
    return panel.unit == "short" and all(value % 1 == 0 for row in rows for value in row if value is not None)


def _axis(panel: Panel, need: float, size: float, *, whole: bool) -> Options:
    """Ends and ticks of the axis, round in the unit that is written (`size`): 0, 5 and 10 min, not 0, 500 and 1,000 s.

    Where nothing was but 0 there is nothing to divide. An axis that does not begin at 0 is left to ECharts.
    """
    if panel.minimum != 0 or need < 0:
        return {"min": panel.minimum, "max": panel.maximum}
    if need == panel.maximum:
        return {"min": 0, "max": need, "interval": need / 4}
    if need == 0:
        return {"min": 0, "max": size, "interval": size}
    wanted = need / size
    power = 10.0 ** math.floor(math.log10(wanted))
    factor = next(factor for factor in ROUND if factor * power >= wanted * (1 - 1e-9))
    top, parts = factor * power, ROUND[factor]
    if whole:
        top = math.ceil(top)
        parts = next(parts for parts in (parts, *PARTS) if top % parts == 0)
    return {"min": 0, "max": top * size, "interval": top * size / parts}


def _extent(rows: Sequence[Sequence[float | None]]) -> tuple[float, float]:
    numbers = [value for row in rows for value in row if value is not None]
    return (max(numbers), min(numbers)) if numbers else (0.0, 0.0)


def _tone(field: Style, index: int) -> str:
    return f"line-{index % COLOURS + 1}" if field.colour == "plain" else field.colour


def _threshold_tone(before: Threshold | None, step: Threshold) -> str:
    """Colour of the worse side: a threshold that must not be undercut has it below."""
    found = state(step.colour)
    if found == "ok" and before is not None:
        found = state(before.colour)
    return "muted" if found == "plain" else found


def _side(step: Threshold) -> str:
    """Where the bad side of a threshold is."""
    if state(step.colour) == "ok":
        return "below"
    return "at" if step.value else "above"


def _css(tone: str) -> str:
    return f"tone({json.dumps(tone)})"


def _digits(interval: float | None, size: float) -> int:
    """Digits after the point: two, or as many as it takes to tell one tick of the axis from the next."""
    return max(2, 1 - math.floor(math.log10(interval / size))) if interval else 2


def _formatter(scale: units.Scale, digits: int) -> str:
    """Write the scale as a JavaScript function; `suffix` comes from a dashboard's unit, so it goes through JSON."""
    return (
        f"v => v == null ? '–' : (v / {scale.size!r}).toLocaleString('en', {{maximumFractionDigits: {digits}}})"
        f" + {json.dumps(scale.suffix)}"
    )
