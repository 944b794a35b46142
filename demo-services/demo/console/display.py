"""A panel's field settings applied to a number: its text and its state. Pure.

Grafana's colour names become four states, because on this page colour speaks of state and of nothing else.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from demo.console import units
from demo.console.panels import Link, Panel, Threshold

State = Literal["ok", "warn", "bad", "info", "plain"]

NO_DATA = "no data"

_STATES: tuple[tuple[str, State], ...] = (
    ("green", "ok"),
    ("yellow", "warn"),
    ("orange", "warn"),
    ("red", "bad"),
    ("blue", "info"),
    ("purple", "info"),
)


@dataclass(frozen=True)
class Shown:
    """What a person sees of one number."""

    text: str
    state: State = "plain"


@dataclass(frozen=True)
class Style:
    """The settings of one field: the panel's own, changed by the overrides that name it."""

    title: str
    unit: str
    decimals: int | None
    thresholds: tuple[Threshold, ...]
    mappings: tuple[Mapping[str, Any], ...]
    no_value: str
    colour: State = "plain"
    hidden: bool = False
    links: tuple[Link, ...] = ()

    def show(self, value: float | None) -> Shown:
        """Text and state of `value`; None is no data, which has no state."""
        missing = value is None or math.isnan(value)
        for text, colour in _mapped(self.mappings, None if missing else value):
            return Shown(text, state(colour) if colour else self.state(value))
        if missing:
            return Shown(self.no_value or NO_DATA)
        return Shown(units.text(value, self.unit, self.decimals), self.state(value))

    def state(self, value: float | None) -> State:
        """State of the highest threshold that `value` reaches; plain when nothing but a base is set."""
        if value is None or math.isnan(value) or len(self.thresholds) < 2:
            return "plain"
        reached = [step for step in self.thresholds if step.value is None or value >= step.value]
        return state(reached[-1].colour) if reached else "plain"


def state(colour: str) -> State:
    """State of a Grafana colour name (``semi-dark-red`` -> bad); a colour without meaning is plain."""
    return next((found for word, found in _STATES if word in colour), "plain")


def style(panel: Panel, field: str) -> Style:
    """Settings of `field`, such as a column ``Value #A`` or a legend's name."""
    changed: dict[str, Any] = {}
    for override in panel.overrides:
        if override.fits(field):
            changed |= {entry.id: entry.value for entry in override.properties}
    steps = (changed.get("thresholds") or {}).get("steps")
    return Style(
        title=str(changed.get("displayName") or field),
        unit=str(changed.get("unit") or panel.unit),
        decimals=changed.get("decimals", panel.decimals),
        thresholds=tuple(Threshold(step.get("value"), step["color"]) for step in steps) if steps else panel.thresholds,
        mappings=tuple(changed.get("mappings") or panel.mappings),
        no_value=panel.no_value,
        colour=state(str((changed.get("color") or {}).get("fixedColor", ""))),
        hidden=bool(changed.get("custom.hidden") or changed.get("custom.hideFrom.viz")),
        links=tuple(Link(link.get("title", ""), link.get("url", "")) for link in changed.get("links") or ())
        or panel.links,
    )


def _mapped(mappings: Sequence[Mapping[str, Any]], value: float | None) -> Iterable[tuple[str, str]]:
    """Text and colour of each value mapping that fits, in order (``value``, ``range``, ``special``)."""
    for mapping in mappings:
        result = _fitting(mapping, value)
        if result and result.get("text"):
            yield str(result["text"]), str(result.get("color", ""))


def _fitting(mapping: Mapping[str, Any], value: float | None) -> Mapping[str, Any] | None:
    options = mapping.get("options", {})
    match mapping.get("type"):
        case "value" if value is not None:
            return next((result for key, result in options.items() if _same(key, value)), None)
        case "range" if value is not None:
            low, high = options.get("from"), options.get("to")
            inside = (low is None or value >= low) and (high is None or value <= high)
            return options.get("result") if inside else None
        case "special" if value is None and options.get("match") in ("null", "null+nan", "nan", "empty"):
            return options.get("result")  # type: ignore[no-any-return]  # JSON of a dashboard
    return None


def _same(key: str, value: float) -> bool:
    try:
        return float(key) == value
    except ValueError:
        return False
