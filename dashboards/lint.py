"""Our linter: the 17 rules of grafana/dashboard-linter v0.2.0 (their names are its) and those of our own.

It reads the JSON, as Grafana does, and there are no exclusions. Two of its rules are read as what they are for: a query
is narrowed by `job` and `instance` where it asks what a target says of itself. A recorded series, or one that names a
cluster, a gateway or a pod, is of that thing and not of the process that happened to tell it.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import promql_parser

Json = Mapping[str, Any]

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
KINDS = {"timeseries", "stat", "table", "bargauge"}
"""All that the console draws."""

OF_A_TARGET = re.compile(
    r"(up|scrape_\w+|process_\w+|http_server_\w+|messaging_\w+|loadgen_\w+|router_\w+|prometheus_\w+|alertmanager_\w+"
    r"|\w+_(collection_duration_seconds|last_success_timestamp_seconds|failures_total)"
    r"|kafka_lag_(up|requests_total|received_bytes|dropped_series)|(gateway_limits|pod_cpu)_up)"
)
"""Metrics that a process tells of itself."""

WIDTH = 24
"""Columns of Grafana's grid."""


def problems(boards: Mapping[str, Json]) -> list[str]:
    """Everything that is wrong with the pages, by uid: one sentence each, with page, place and rule."""
    found = [f"{uid}: {text} ({rule})" for uid, board in boards.items() for rule, text in _of_page(board)]
    return found + [f"{text} (links)" for text in _links(boards)]


def panels(board: Json) -> list[Json]:
    """The panels of a page, its rows left out."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def parse(expr: str) -> promql_parser.Expr:
    """Parse PromQL, Grafana's variables filled with something. Raises ValueError."""
    return promql_parser.parse(re.sub(r"\$\w+", "x", re.sub(r"\[\$__\w+\]", "[1m]", expr)))


def selectors(expr: str) -> list[tuple[promql_parser.VectorSelector, frozenset[str]]]:
    """Every selector of an expression, leftmost first, and the names of the functions around it."""
    found: list[tuple[promql_parser.VectorSelector, frozenset[str]]] = []
    path: list[promql_parser.Expr] = []

    def enter(node: promql_parser.Expr) -> None:
        path.append(node)
        if isinstance(node, promql_parser.VectorSelector):
            found.append((node, frozenset(call.func.name for call in path if isinstance(call, promql_parser.Call))))

    def leave(_node: promql_parser.Expr) -> None:
        path.pop()

    promql_parser.walk(parse(expr), enter, leave)
    return found


def names(selector: promql_parser.VectorSelector) -> list[str]:
    """Metrics that a selector asks for: its own name, or the list that ``__name__`` is matched with."""
    if selector.name:
        return [selector.name]
    [listed] = [matcher.value for matcher in selector.matchers.matchers if matcher.name == "__name__"]
    return str(listed).split("|")


def _of_page(board: Json) -> Iterator[tuple[str, str]]:
    for rule, look in PAGE_RULES.items():
        yield from ((rule, text) for text in look(board))
    for panel in panels(board):
        for rule, check in PANEL_RULES.items():
            yield from ((rule, f"panel {panel.get('title', '?')!r}: {text}") for text in check(panel))
        for target in panel.get("targets") or []:
            yield from _of_query(board, panel, target)


def _of_query(board: Json, panel: Json, target: Json) -> Iterator[tuple[str, str]]:
    place = f"panel {panel.get('title', '?')!r}, query {target['refId']}"
    if not _parses(target["expr"]):
        yield "target-promql-rule", f"{place}: is not PromQL"
        return
    for rule, ask in QUERY_RULES.items():
        yield from ((rule, f"{place}: {text}") for text in ask(board, target))


def _parses(expr: str) -> bool:
    try:
        parse(expr)
    except ValueError:
        return False
    return True


# -- of a page


def _template_datasource(board: Json) -> Iterator[str]:
    first = next(iter(_variables(board)), {})
    if (first.get("name"), first.get("type"), first.get("query")) != ("datasource", "datasource", "prometheus"):
        yield "the first variable does not choose a Prometheus data source by the name datasource"


def _template_target(label: str) -> Callable[[Json], Iterator[str]]:
    def look(board: Json) -> Iterator[str]:
        asks = any(
            OF_A_TARGET.fullmatch(name)
            for panel in panels(board)
            for target in panel.get("targets") or []
            if _parses(target["expr"])
            for selector, _ in selectors(target["expr"])
            for name in names(selector)
        )
        if asks and label not in {variable["name"] for variable in _variables(board)}:
            yield f"asks what targets say of themselves, and has no variable {label}"

    return look


def _template_label_promql(board: Json) -> Iterator[str]:
    for variable in _queried(board):
        asked = re.fullmatch(rf"label_values\((.+), {variable['name']}\)", variable["query"])
        if not asked or not _parses(asked[1]):
            yield f"variable {variable['name']} is not label_values(PromQL, {variable['name']})"


def _template_reload(board: Json) -> Iterator[str]:
    for variable in _queried(board):
        if variable["refresh"] != 2:
            yield f"variable {variable['name']} is not read anew when the time range changes"


def _template_all(board: Json) -> Iterator[str]:
    for variable in _queried(board):
        wanted = {"multi": True, "includeAll": True, "allValue": ".*"}
        if {key: variable.get(key) for key in wanted} != wanted or variable["current"]["value"] != "$__all":
            yield f"variable {variable['name']} does not offer several values, and all of them at first"


def _uneditable(board: Json) -> Iterator[str]:
    if board.get("editable") is not False:
        yield "can be changed in Grafana, where the change is lost"


def _found(board: Json) -> Iterator[str]:
    if not (board["title"].startswith("Bongsu / ") and board.get("description") and board.get("tags") == ["bongsu"]):
        yield "lacks the title 'Bongsu / …', the description or the tag bongsu"


def _annotations(board: Json) -> Iterator[str]:
    marked = {annotation["name"] for annotation in board["annotations"]["list"]}
    yield from (
        f"does not mark {name} on the time axis" for name in ("Alerts", "Restarts", "New pods") if name not in marked
    )
    for annotation in board["annotations"]["list"]:
        if annotation["datasource"] != DATASOURCE or not _parses(annotation["expr"]):
            yield f"annotation {annotation['name']} does not ask the chosen data source in PromQL"


def _siblings(board: Json) -> Iterator[str]:
    kept = [(link["type"], link["tags"], link["keepTime"], link["includeVars"]) for link in board.get("links", [])]
    if kept != [("dashboards", ["bongsu"], True, True)]:
        yield "does not link to the other pages with time range and variables"


def _overlap(board: Json) -> Iterator[str]:
    cells = Counter(
        (x, y)
        for grid in (panel["gridPos"] for panel in board["panels"])
        for x in range(grid["x"], grid["x"] + grid["w"])
        for y in range(grid["y"], grid["y"] + grid["h"])
    )
    if any(count > 1 for count in cells.values()):
        yield "panels overlap"
    if any(x >= WIDTH for x, _ in cells):
        yield "a panel reaches past the last column"


def _lines(board: Json) -> Iterator[str]:
    grids = sorted((panel["gridPos"] for panel in board["panels"]), key=lambda grid: (grid["y"], grid["x"]))
    for y, line in groupby(grids, key=lambda grid: int(grid["y"])):
        together = list(line)
        if sum(grid["w"] for grid in together) != WIDTH or len({grid["h"] for grid in together}) > 1:
            yield f"the panels that begin at {y} are not as high as each other, or do not fill the width"


def _numbered(board: Json) -> Iterator[str]:
    if [panel["id"] for panel in board["panels"]] != list(range(1, len(board["panels"]) + 1)):
        yield "panels are not numbered in their order, so a link to one does not last"


# -- of a panel


def _panel_datasource(panel: Json) -> Iterator[str]:
    if [panel.get("datasource"), *(target["datasource"] for target in panel.get("targets") or [])] != [DATASOURCE] * (
        1 + len(panel.get("targets") or [])
    ):
        yield "is bound to one data source"


def _title_description(panel: Json) -> Iterator[str]:
    description = panel.get("description") or ""
    if not panel.get("title") or len(description.split()) < 10 or not description.endswith("."):
        yield "lacks a title, or a description in sentences that says what to do"


def _unit(panel: Json) -> Iterator[str]:
    if not panel["fieldConfig"]["defaults"].get("unit"):
        yield "has no unit"


def _no_value(panel: Json) -> Iterator[str]:
    if not panel["fieldConfig"]["defaults"].get("noValue"):
        yield "does not say what it means that there is no data"


def _kind(panel: Json) -> Iterator[str]:
    if panel["type"] not in KINDS:
        yield f"is a {panel['type']}, which the console can't draw"


def _targets(panel: Json) -> Iterator[str]:
    letters = "".join(target["refId"] for target in panel.get("targets") or [])
    if not letters:
        yield "asks nothing"
    elif not "ABCDEFGH".startswith(letters):
        yield "its queries are not A, B, C …"


def _legend(panel: Json) -> Iterator[str]:
    if panel["type"] != "table" and not all(target.get("legendFormat") for target in panel.get("targets") or []):
        yield "a query does not name its series"


# -- of a query


def _logql(_board: Json, target: Json) -> Iterator[str]:
    if target["datasource"].get("type") != "prometheus":
        yield "asks something else than Prometheus"


def _logql_auto(_board: Json, target: Json) -> Iterator[str]:
    if "$__auto" in target["expr"]:
        yield "has Loki's $__auto"


def _rate_interval(_board: Json, target: Json) -> Iterator[str]:
    for window in re.findall(r"\[([^\]]*)\]", target["expr"]):
        if window != "$__rate_interval":
            yield f"looks back {window}, not $__rate_interval: four scrapes, whatever the zoom"


def _target_label(label: str) -> Callable[[Json, Json], Iterator[str]]:
    def ask(_board: Json, target: Json) -> Iterator[str]:
        for selector, _ in selectors(target["expr"]):
            narrowed = f'{label}=~"${label}"' in str(target["expr"]) and label in {
                matcher.name for matcher in selector.matchers.matchers
            }
            if any(OF_A_TARGET.fullmatch(name) for name in names(selector)) and not narrowed:
                yield f'{"|".join(names(selector))} is not narrowed by {label}=~"${label}"'

    return ask


def _counter(_board: Json, target: Json) -> Iterator[str]:
    for selector, functions in selectors(target["expr"]):
        for name in names(selector):
            if name.endswith("_total") and not functions & {"rate", "irate", "increase"}:
                yield f"{name} counts, and stands in no rate or increase"


def _defined(board: Json, target: Json) -> Iterator[str]:
    defined = {variable["name"] for variable in _variables(board)} | {"__rate_interval"}
    for name in sorted(set(re.findall(r"\$([A-Za-z_]\w*)", target["expr"])) - defined):
        yield f"${name} is no variable of the page"


def _variables(board: Json) -> Sequence[Json]:
    return list(board["templating"]["list"])


def _queried(board: Json) -> list[Json]:
    return [variable for variable in _variables(board) if variable["type"] == "query"]


def _links(boards: Mapping[str, Json]) -> Iterator[str]:
    """Links of values: the page exists with the variables that they set, time and data source are kept."""
    for uid, board in boards.items():
        for panel in panels(board):
            for link in panel["fieldConfig"]["defaults"].get("links", []):
                to = re.match(r"/d/([a-z-]+)\?", link["url"])
                there = (
                    {variable["name"] for variable in _variables(boards[to[1]])} if to and to[1] in boards else set()
                )
                if not there or not set(re.findall(r"var-([a-z]+)=", link["url"])) <= there:
                    yield f"{uid}: panel {panel['title']!r}: leads to a page, or a variable, that is not there"
                if not link["url"].endswith("${datasource:queryparam}&${__url_time_range}"):
                    yield f"{uid}: panel {panel['title']!r}: its link does not keep data source and time range"


PAGE_RULES: Mapping[str, Callable[[Json], Iterator[str]]] = {
    "template-datasource-rule": _template_datasource,
    "template-job-rule": _template_target("job"),
    "template-instance-rule": _template_target("instance"),
    "template-label-promql-rule": _template_label_promql,
    "template-on-time-change-reload-rule": _template_reload,
    "uneditable-dashboard": _uneditable,
    "template-all": _template_all,
    "title-tag": _found,
    "annotations": _annotations,
    "siblings": _siblings,
    "grid-overlap": _overlap,
    "grid-lines": _lines,
    "numbers": _numbered,
}

PANEL_RULES: Mapping[str, Callable[[Json], Iterator[str]]] = {
    "panel-datasource-rule": _panel_datasource,
    "panel-title-description-rule": _title_description,
    "panel-units-rule": _unit,
    "panel-no-targets-rule": _targets,
    "no-value": _no_value,
    "kind": _kind,
    "legend": _legend,
}

QUERY_RULES: Mapping[str, Callable[[Json, Json], Iterator[str]]] = {
    "target-logql-rule": _logql,
    "target-logql-auto-rule": _logql_auto,
    "target-rate-interval-rule": _rate_interval,
    "target-job-rule": _target_label("job"),
    "target-instance-rule": _target_label("instance"),
    "target-counter-agg-rule": _counter,
    "variables": _defined,
}
"""With target-promql-rule, which goes before them, the 17 of dashboard-linter and ours."""
