"""The newest value of each series, as tiles (``stat``) and bars (``bargauge``). Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from demo.console import series as naming
from demo.console.charts import Answer, on_grid
from demo.console.display import Shown, State, style
from demo.console.links import Here, filled
from demo.console.panels import Panel
from demo.console.series import Series
from demo.console.timerange import Window

MAX_READINGS = 40
"""Tiles or bars of one panel."""

WHOLE = {"percentunit": 1.0, "percent": 100.0}
"""Units that have a whole by nature."""


@dataclass(frozen=True)
class Tile:
    """One number, the address it leads to, and the values behind it when the panel draws them."""

    name: str
    shown: Shown
    link: str | None = None
    history: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class Mark:
    """Where on a bar a threshold stands, 0 to 1, and the state that begins there."""

    at: float
    state: State


@dataclass(frozen=True)
class Bar:
    """One bar: `fraction` of its full length, 0 to 1."""

    name: str
    shown: Shown
    fraction: float
    link: str | None = None


@dataclass(frozen=True)
class Bars:
    """Bars on one scale, the thresholds on it, and how many more there are."""

    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    left_out: int = 0


def tiles(panel: Panel, answers: Sequence[Answer], window: Window, here: Here) -> tuple[Tile, ...]:
    """Read a ``stat`` panel."""
    return tuple(
        Tile(
            name,
            style(panel, name).show(naming.reduce(one.points, panel.calculation)),
            _link(panel, name, one, here),
            on_grid(one, window) if panel.graph == "area" else (),
        )
        for name, one in _named(answers)
    )[:MAX_READINGS]


def bars(panel: Panel, answers: Sequence[Answer], here: Here) -> Bars:
    """Read a ``bargauge`` panel, the longest bar first.

    A full bar is the panel's maximum, or else the whole of a share, or the largest of values and thresholds.
    """
    named = [(name, one, naming.reduce(one.points, panel.calculation)) for name, one in _named(answers)]
    steps = [step for step in panel.thresholds if step.value is not None]
    largest = max([value or 0 for *_, value in named] + [step.value or 0 for step in steps], default=0)
    full = panel.maximum or max(largest, WHOLE.get(panel.unit, 0)) or 1
    ordered = sorted(named, key=lambda entry: (-(entry[2] or 0), entry[0]))
    return Bars(
        tuple(
            Bar(
                name,
                style(panel, name).show(value),
                min(1.0, max(0.0, (value or 0) / full)),
                _link(panel, name, one, here),
            )
            for name, one, value in ordered[:MAX_READINGS]
        ),
        tuple(
            Mark((step.value or 0) / full, style(panel, "").state(step.value))
            for step in steps
            if (step.value or 0) < full
        ),
        max(0, len(named) - MAX_READINGS),
    )


def _named(answers: Sequence[Answer]) -> Iterator[tuple[str, Series]]:
    for answer in answers:
        for one in answer.series:
            yield naming.name(one.labels, answer.target.legend), one


def _link(panel: Panel, name: str, one: Series, here: Here) -> str | None:
    links = style(panel, name).links
    return filled(links[0], one.labels, here) if links else None
