"""Answers of instant queries into a table, with the transformations that our dashboards use. Pure.

Understood: ``filterFieldsByName`` (include), ``organize`` (exclude, order, rename), and ``merge`` or ``joinByField``,
which is what happens to several queries anyway. Source: Grafana documentation, "Transform data".
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demo.console import series as naming
from demo.console.charts import Answer
from demo.console.display import Shown, style
from demo.console.links import Here, filled
from demo.console.panels import Panel

MAX_ROWS = 200
"""Rows of one table; the rest are counted."""


@dataclass(frozen=True)
class Cell:
    """One field of one row: what sorts it and what a person reads; `link` is where a click leads."""

    value: float | str | None
    shown: Shown
    link: str | None = None


@dataclass(frozen=True)
class Column:
    """One column; `number` says that it is set flush right."""

    title: str
    number: bool


@dataclass(frozen=True)
class Table:
    """Rows of cells, one for each column, in the panel's own order."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left_out: int = 0


def table(panel: Panel, answers: Sequence[Answer], here: Here) -> Table:
    """Lay out a ``table`` panel."""
    records = _records(answers)
    numbers = _value_names(answers)
    fields = _fields(panel, records, numbers)
    rows = [tuple(_cell(panel, field, record, field in numbers, here) for field in fields) for record in records]
    renamed = _renamed(panel)
    columns = tuple(Column(renamed.get(field) or style(panel, field).title, field in numbers) for field in fields)
    ordered = _sorted(panel, columns, rows)
    return Table(columns, tuple(ordered[:MAX_ROWS]), max(0, len(ordered) - MAX_ROWS))


Record = dict[str, str | float | None]


def _records(answers: Sequence[Answer]) -> list[Record]:
    """One record for each set of labels, the values of all queries in it."""
    records: dict[tuple[tuple[str, str], ...], Record] = {}
    for answer, value_name in zip(answers, _value_names(answers), strict=True):
        for one in answer.series:
            labels = {label: value for label, value in one.labels.items() if label != "__name__"}
            record = records.setdefault(tuple(sorted(labels.items())), dict(labels))
            record[value_name] = naming.reduce(one.points, "last")
    return list(records.values())


def _value_names(answers: Sequence[Answer]) -> tuple[str, ...]:
    return ("Value",) if len(answers) == 1 else tuple(f"Value #{answer.target.ref}" for answer in answers)


def _fields(panel: Panel, records: Sequence[Record], numbers: Sequence[str]) -> list[str]:
    labels = sorted({field for record in records for field in record} - set(numbers))
    fields = [*labels, *numbers]
    for step in panel.transformations:
        if step.id == "filterFieldsByName":
            kept = _mapping(step.options.get("include")).get("names") or fields
            fields = [field for field in fields if field in kept]
        elif step.id == "organize":
            excluded = _mapping(step.options.get("excludeByName"))
            order = _mapping(step.options.get("indexByName"))
            fields = [field for field in fields if not excluded.get(field)]
            fields.sort(key=lambda field: order.get(field, math.inf))
    return [field for field in fields if not style(panel, field).hidden]


def _renamed(panel: Panel) -> Mapping[str, str]:
    steps = [step for step in panel.transformations if step.id == "organize"]
    return {old: new for step in steps for old, new in _mapping(step.options.get("renameByName")).items()}


def _cell(panel: Panel, field: str, record: Record, number: bool, here: Here) -> Cell:
    value = record.get(field)
    # an override may speak of a field by its new name as well as by its own
    settings = style(panel, _renamed(panel).get(field, field) if number else field)
    address = None
    if settings.links:
        labels = {label: text for label, text in record.items() if isinstance(text, str)}
        address = filled(settings.links[0], labels, here)
    if number:
        return Cell(value, settings.show(None if isinstance(value, str) else value), address)
    return Cell(value, Shown(str(value) if value is not None else ""), address)


def _sorted(panel: Panel, columns: Sequence[Column], rows: list[tuple[Cell, ...]]) -> list[tuple[Cell, ...]]:
    for order in reversed(panel.sort_by):
        for index, column in enumerate(columns):
            if column.title == order.title:
                rows = sorted(rows, key=lambda row: _rank(row[index]), reverse=order.descending)
    return rows


def _rank(cell: Cell) -> tuple[float, str]:
    if isinstance(cell.value, str):
        return (0.0, cell.value)
    return (-math.inf if cell.value is None or math.isnan(cell.value) else cell.value, "")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
