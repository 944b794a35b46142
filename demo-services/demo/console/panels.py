"""A dashboard's JSON (Grafana's classic model) into frozen dataclasses. Pure but for `load`, which reads the folder.

Only what the console draws is read; every other key is left alone. Source of the shape: Grafana documentation,
"Dashboard JSON model".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, AliasPath, BeforeValidator, Field, TypeAdapter, ValidationError

KINDS = ("timeseries", "stat", "table", "bargauge", "row", "text")
"""Panel types that are drawn; a panel of another type says that Grafana has it."""


def _at(first: str, *rest: str) -> Any:
    """Where in the JSON a field is found."""
    return Field(validation_alias=AliasPath(first, *rest))


def _text(value: Any) -> Any:
    """Grafana writes some texts as a list of one, or as null."""
    if value is None:
        return ""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _texts(value: Any) -> Any:
    """Grafana writes a choice as one text or as a list of them."""
    if value is None or value == "":
        return ()
    return (value,) if isinstance(value, str) else value


def _query(value: Any) -> Any:
    """A query variable keeps its text in ``query``, or in ``query.query``."""
    return value.get("query", "") if isinstance(value, dict) else _text(value)


def _regex(value: str) -> str:
    """Grafana writes a regular expression with or without slashes around it."""
    pattern = value.removeprefix("/").removesuffix("/")
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{value!r} is not a regular expression: {error}") from error
    return pattern


Text = Annotated[str, BeforeValidator(_text)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]


@dataclass(frozen=True)
class Threshold:
    """From `value` on (None: from the start) the value has `colour`, a name such as ``red``."""

    value: float | None = None
    colour: Annotated[str, _at("color")] = "green"


@dataclass(frozen=True)
class Target:
    """One PromQL question of a panel."""

    query: Annotated[str, _at("expr")]
    ref: Annotated[Text, _at("refId")] = "A"
    legend: Annotated[Text, _at("legendFormat")] = ""
    instant: bool = False
    hide: bool = False


@dataclass(frozen=True)
class Property:
    """One thing that an override sets, such as ``unit``."""

    id: str
    value: Any = None


@dataclass(frozen=True)
class Override:
    """Properties of the fields whose name is, or matches, `pattern`."""

    matcher: Annotated[str, _at("matcher", "id")]
    properties: tuple[Property, ...] = ()
    pattern: Annotated[Text, Field(validation_alias=AliasPath("matcher", "options"), coerce_numbers_to_str=True)] = ""

    def __post_init__(self) -> None:
        """Refuse a pattern that can't be read, when the file is loaded."""
        if self.matcher == "byRegexp":
            _regex(self.pattern)

    def fits(self, field: str) -> bool:
        """Whether this override speaks of `field`."""
        if self.matcher == "byRegexp":
            return re.search(_regex(self.pattern), field) is not None
        return self.matcher == "byName" and self.pattern == field


@dataclass(frozen=True)
class Transformation:
    """One step that Grafana would do between query and table."""

    id: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Link:
    """Where a click leads; `url` may hold ``${__field.labels.name}``."""

    title: Text = ""
    url: Text = ""


@dataclass(frozen=True)
class Order:
    """A column that a table is sorted by."""

    title: Annotated[Text, _at("displayName")] = ""
    descending: Annotated[bool, _at("desc")] = False


@dataclass(frozen=True)
class Panel:
    """One panel: what it asks, how it is drawn, and where it stands on Grafana's grid of 24 columns."""

    kind: Annotated[str, _at("type")]
    title: Text = ""
    description: Text = ""
    x: Annotated[int, _at("gridPos", "x")] = 0
    y: Annotated[int, _at("gridPos", "y")] = 0
    width: Annotated[int, _at("gridPos", "w")] = 24
    height: Annotated[int, _at("gridPos", "h")] = 8
    targets: tuple[Target, ...] = ()
    inner: Annotated[tuple["Panel", ...], _at("panels")] = ()
    """Panels of a row that is saved collapsed."""
    unit: Annotated[Text, _at("fieldConfig", "defaults", "unit")] = ""
    decimals: Annotated[int | None, _at("fieldConfig", "defaults", "decimals")] = None
    minimum: Annotated[float | None, _at("fieldConfig", "defaults", "min")] = None
    maximum: Annotated[float | None, _at("fieldConfig", "defaults", "max")] = None
    soft_maximum: Annotated[float | None, _at("fieldConfig", "defaults", "custom", "axisSoftMax")] = None
    no_value: Annotated[Text, _at("fieldConfig", "defaults", "noValue")] = ""
    thresholds: Annotated[tuple[Threshold, ...], _at("fieldConfig", "defaults", "thresholds", "steps")] = ()
    threshold_style: Annotated[Text, _at("fieldConfig", "defaults", "custom", "thresholdsStyle", "mode")] = "off"
    stacking: Annotated[Text, _at("fieldConfig", "defaults", "custom", "stacking", "mode")] = "none"
    fill: Annotated[float, _at("fieldConfig", "defaults", "custom", "fillOpacity")] = 0
    mappings: Annotated[tuple[dict[str, Any], ...], _at("fieldConfig", "defaults", "mappings")] = ()
    links: Annotated[tuple[Link, ...], _at("fieldConfig", "defaults", "links")] = ()
    overrides: Annotated[tuple[Override, ...], _at("fieldConfig", "overrides")] = ()
    calculation: Annotated[Text, _at("options", "reduceOptions", "calcs")] = "lastNotNull"
    graph: Annotated[Text, _at("options", "graphMode")] = "none"
    content: Annotated[Text, _at("options", "content")] = ""
    sort_by: Annotated[tuple[Order, ...], _at("options", "sortBy")] = ()
    transformations: tuple[Transformation, ...] = ()


@dataclass(frozen=True)
class Variable:
    """One variable of the dashboard: what may be chosen and what is, until the URL says otherwise."""

    name: str
    kind: Annotated[str, _at("type")]
    label: Text = ""
    query: Annotated[str, BeforeValidator(_query)] = ""
    regex: Annotated[Text, AfterValidator(_regex)] = ""
    multi: bool = False
    include_all: Annotated[bool, _at("includeAll")] = False
    all_value: Annotated[Text, _at("allValue")] = ""
    current: Annotated[Texts, _at("current", "value")] = ()


@dataclass(frozen=True)
class Annotation:
    """What is marked on the time axis: where `query` has samples."""

    name: str
    query: Annotated[str, _at("expr")] = ""
    colour: Annotated[str, _at("iconColor")] = ""
    title: Annotated[Text, _at("titleFormat")] = ""
    text: Annotated[Text, _at("textFormat")] = ""
    enable: bool = True


@dataclass(frozen=True)
class Dashboard:
    """One file of the folder. `panels` are in reading order, those of collapsed rows too."""

    uid: str
    title: str
    description: Text = ""
    tags: Texts = ()
    variables: Annotated[tuple[Variable, ...], _at("templating", "list")] = ()
    annotations: Annotated[tuple[Annotation, ...], _at("annotations", "list")] = ()
    panels: tuple[Panel, ...] = ()
    begin: Annotated[Text, _at("time", "from")] = "now-1h"


@dataclass(frozen=True)
class Broken:
    """A dashboard file that can't be used, and why."""

    file: str
    why: str


class DashboardError(ValueError):
    """A dashboard's JSON is not of Grafana's classic model; ``str()`` names the place."""


_DASHBOARD = TypeAdapter(Dashboard)


def parse(text: str) -> Dashboard:
    """Read one dashboard. Raises DashboardError."""
    try:
        dashboard = _DASHBOARD.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DashboardError(f"{place}: {first['msg']}" if place else str(first["msg"])) from error
    return replace(dashboard, panels=tuple(_flat(dashboard.panels)))


def load(folder: Path) -> tuple[tuple[Dashboard, ...], tuple[Broken, ...]]:
    """Read every ``*.json`` of `folder`, by title; a file that can't be read costs only itself."""
    good: dict[str, Dashboard] = {}
    broken: list[Broken] = []
    for file in sorted(folder.glob("*.json")):
        try:
            dashboard = parse(file.read_text(encoding="utf-8"))
        except OSError as error:
            broken.append(Broken(file.name, f"can't be read: {error.strerror}"))
        except ValueError as error:
            broken.append(Broken(file.name, str(error)))
        else:
            if dashboard.uid in good:
                broken.append(Broken(file.name, f"has the uid {dashboard.uid} of another file"))
            else:
                good[dashboard.uid] = dashboard
    return tuple(sorted(good.values(), key=lambda dashboard: dashboard.title)), tuple(broken)


def _flat(panels: tuple[Panel, ...]) -> Iterator[Panel]:
    for panel in sorted(panels, key=lambda panel: (panel.y, panel.x)):
        yield replace(panel, inner=())
        yield from sorted(panel.inner, key=lambda inner: (inner.y, inner.x))
