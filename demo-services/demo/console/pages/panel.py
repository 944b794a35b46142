"""One panel on the page: a frame that is made once, and a body that each refresh brings up to date."""

import math
from dataclasses import dataclass
from typing import Any, Protocol

from nicegui import ui

from demo.console import charts, readings, series, tables
from demo.console.charts import Answer
from demo.console.display import NO_DATA, style
from demo.console.events import Event
from demo.console.links import Here, filled
from demo.console.pages.words import Words, link, scrolled
from demo.console.panels import KINDS, Panel
from demo.console.timerange import Window


@dataclass(frozen=True)
class Seen:
    """What all panels of a page are drawn with: the time, what happened in it, and what a link carries on."""

    window: Window
    happened: tuple[Event, ...]
    here: Here


class Body(Protocol):
    """Draws one kind of panel."""

    def show(self, answers: tuple[Answer, ...], seen: Seen) -> None:
        """Bring what is drawn up to date; never called without any series."""


class PanelView:
    """A card with title, description and body; ``show`` and ``fail`` say what it shows from now on."""

    def __init__(self, panel: Panel) -> None:
        """Make the card in the current slot."""
        self.panel = panel
        with Words("section", classes=f"panel panel-{panel.kind}") as self._card:
            self._card.style(_place(panel))
            with Words("header", classes="panel-head"):
                Words("h3", panel.title)
                if panel.description:
                    _explain(panel.description)
            self._notice = Words("p", "loading …", "notice")
            with Words("div", classes="panel-body") as self._content:
                self._body = BODIES[panel.kind](panel) if panel.kind in BODIES else None
            if panel.kind == "table":
                scrolled(self._content, panel.title)
            self._content.set_visibility(False)

    def show(self, answers: tuple[Answer, ...], seen: Seen) -> None:
        """Draw the answers, or say that there is no data."""
        if self._body is None:
            self._say(f"Panels of the type {self.panel.kind} are drawn by Grafana only.", "quiet")
        elif not any(answer.series for answer in answers):
            self._say(self.panel.no_value or NO_DATA, "empty")
        else:
            self._body.show(answers, seen)
            self._notice.set_visibility(False)
            self._content.set_visibility(True)

    def fail(self, text: str) -> None:
        """Say why nothing is drawn: the numbers of a while ago are not left standing as if they were of now."""
        self._say(text, "failed")

    def _say(self, text: str, kind: str) -> None:
        self._notice.text = text
        self._notice.classes(replace=f"notice notice-{kind}")
        self._notice.set_visibility(True)
        self._content.set_visibility(False)


class ChartBody:
    """A ``timeseries`` panel: lines, and below them a legend with the newest values."""

    def __init__(self, panel: Panel) -> None:
        """Make an empty chart."""
        self._panel = panel
        self._drawn: charts.Chart | None = None
        self._chart = ui.echart({}).classes("chart")
        self._legend = Words("ul", classes="legend")

    def show(self, answers: tuple[Answer, ...], seen: Seen) -> None:
        """Draw the lines."""
        drawn = charts.chart(self._panel, answers, seen.window, seen.happened)
        if drawn == self._drawn:
            return
        self._chart.options.clear()
        self._chart.options.update(drawn.options)
        self._chart.update()
        self._show_legend(drawn, answers, seen.here)
        self._drawn = drawn

    def _show_legend(self, drawn: charts.Chart, answers: tuple[Answer, ...], here: Here) -> None:
        if self._drawn and (self._drawn.lines, self._drawn.left_out) == (drawn.lines, drawn.left_out):
            return
        addresses = _addresses(self._panel, answers, here)
        self._legend.clear()
        with self._legend:
            for line in drawn.lines:
                with Words("li"):
                    Words("i", classes="swatch").style(f"background: var(--{line.tone})")
                    address = addresses.get(line.name)
                    link(line.name, address) if address else Words("span", line.name)
                    Words("b", line.last)
            if drawn.left_out:
                Words("li", f"and {drawn.left_out} more", "quiet")


class TilesBody:
    """A ``stat`` panel: a large number for each series."""

    def __init__(self, panel: Panel) -> None:
        """Make an empty box."""
        self._panel = panel
        self._drawn: tuple[readings.Tile, ...] = ()
        self._box = Words("div", classes="tiles")

    def show(self, answers: tuple[Answer, ...], seen: Seen) -> None:
        """Write the numbers."""
        drawn = readings.tiles(self._panel, answers, seen.window, seen.here)
        if drawn == self._drawn:
            return
        self._drawn = drawn
        self._box.clear()
        with self._box:
            for tile in drawn:
                with Words("div", classes=f"tile state-{tile.shown.state}"):
                    if len(drawn) > 1:
                        Words("span", tile.name, "tile-name")
                    number = (
                        link(tile.shown.text, tile.link, "number")
                        if tile.link
                        else Words("b", tile.shown.text, "number")
                    )
                    number.classes("number-words" if not any(sign.isdigit() for sign in tile.shown.text) else "")
                    if tile.history:
                        tone = "line-1" if tile.shown.state == "plain" else tile.shown.state
                        ui.echart(charts.spark(tile.history, seen.window, tone)).classes("spark")


class BarsBody:
    """A ``bargauge`` panel: a bar for each series, thresholds marked on it."""

    def __init__(self, panel: Panel) -> None:
        """Make an empty list."""
        self._panel = panel
        self._drawn: readings.Bars | None = None
        self._box = Words("ul", classes="bars")

    def show(self, answers: tuple[Answer, ...], seen: Seen) -> None:
        """Set the bars."""
        drawn = readings.bars(self._panel, answers, seen.here)
        if drawn == self._drawn:
            return
        self._drawn = drawn
        self._box.clear()
        with self._box:
            for bar in drawn.bars:
                with Words("li", classes=f"bar state-{bar.shown.state}"):
                    link(bar.name, bar.link, "bar-name") if bar.link else Words("span", bar.name, "bar-name")
                    Words("b", bar.shown.text)
                    with Words("span", classes="track"):
                        Words("i", classes="length").style(f"width: {bar.fraction:.1%}")
                        for mark in drawn.marks:
                            Words("i", classes=f"mark state-{mark.state}").style(f"left: {mark.at:.1%}")
            if drawn.left_out:
                Words("li", f"and {drawn.left_out} more", "quiet")


CELL = """
<q-td :props="props" :class="'state-' + props.value.state">
  <a v-if="props.value.link" :href="props.value.link">{{ props.value.text }}</a>
  <span v-else>{{ props.value.text }}</span>
</q-td>
"""
"""Quasar's table cell with the state as a class; ``{{ }}`` writes text, never HTML."""

BY_VALUE = "(a, b) => a.value === b.value ? 0 : a.value === null || a.value < b.value ? -1 : 1"
"""How a column sorts: by the number or text behind what is written."""


class TableBody:
    """A ``table`` panel: sortable columns, the panel's own order first."""

    def __init__(self, panel: Panel) -> None:
        """Make an empty table."""
        self._panel = panel
        self._drawn: tables.Table | None = None
        self._table = ui.table(columns=[], rows=[], row_key="id").props("flat dense hide-pagination")
        self._table.props[":pagination"] = "{rowsPerPage: 0}"
        self._table.add_slot("body-cell", CELL)
        self._more = Words("p", "", "quiet")

    def show(self, answers: tuple[Answer, ...], seen: Seen) -> None:
        """Set the rows."""
        drawn = tables.table(self._panel, answers, seen.here)
        if drawn == self._drawn:
            return
        if self._drawn is None or drawn.columns != self._drawn.columns:
            self._table.columns = [_column(index, column) for index, column in enumerate(drawn.columns)]
        self._table.rows = [_row(cells) for cells in drawn.rows]
        self._more.text = f"and {drawn.left_out} more" if drawn.left_out else ""
        self._drawn = drawn


class TextBody:
    """A ``text`` panel: its Markdown."""

    def __init__(self, panel: Panel) -> None:
        """Write it once: it has no data."""
        ui.markdown(panel.content)

    def show(self, answers: tuple[Answer, ...], seen: Seen) -> None:
        """Leave it as it is."""


BODIES: dict[str, Any] = {
    "timeseries": ChartBody,
    "stat": TilesBody,
    "bargauge": BarsBody,
    "table": TableBody,
    "text": TextBody,
}
assert {*BODIES, "row"} == set(KINDS)


def _place(panel: Panel) -> str:
    """Where the card stands on a wide page, in Grafana's units: 24 columns, rows of about 38 px."""
    return (
        f"--x: {panel.x + 1}; --w: {max(1, min(panel.width, 24 - panel.x))}; "
        f"--y: {panel.y + 1}; --h: {max(1, panel.height)}"
    )


def _explain(description: str) -> None:
    """Put the description behind a small button that works by keyboard and by touch."""
    with Words("details", classes="explain"):
        Words("summary", "?").props["aria-label"] = "What this panel means"
        Words("p", description)


def _addresses(panel: Panel, answers: tuple[Answer, ...], here: Here) -> dict[str, str]:
    """Legend name -> where a click on it leads."""
    found: dict[str, str] = {}
    for answer in answers:
        for one in answer.series:
            name = series.name(one.labels, answer.target.legend)
            links = style(panel, name).links
            if links and (address := filled(links[0], one.labels, here)):
                found[name] = address
    return found


def _column(index: int, column: tables.Column) -> dict[str, Any]:
    name = f"c{index}"
    align = "right" if column.number else "left"
    return {"name": name, "label": column.title, "field": name, "align": align, "sortable": True, ":sort": BY_VALUE}


def _row(cells: tuple[tables.Cell, ...]) -> dict[str, Any]:
    row: dict[str, Any] = {"id": "\0".join(str(cell.value) for cell in cells if isinstance(cell.value, str))}
    for index, cell in enumerate(cells):
        value = None if isinstance(cell.value, float) and not math.isfinite(cell.value) else cell.value
        row[f"c{index}"] = {"value": value, "text": cell.shown.text, "state": cell.shown.state, "link": cell.link}
    return row
