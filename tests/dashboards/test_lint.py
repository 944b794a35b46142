"""The linter finds nothing on the committed pages, and finds each mistake that is made on purpose."""

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest

from dashboards import lint

UID = "bongsu-services"
"""A page with everything that is linted."""

Json = dict[str, Any]


def test_nothing_is_wrong_with_the_committed_pages(boards: Json) -> None:
    """No exclusions."""
    assert lint.problems(boards) == []


def panel(board: Json) -> Json:
    """The first chart of the page that asks targets of themselves."""
    return next(panel for panel in board["panels"] if panel.get("title") == "CPU of each process")


def asking(expr: str) -> Callable[[Json], None]:
    """A mistake: the panel asks `expr`."""

    def change(board: Json) -> None:
        panel(board)["targets"][0]["expr"] = expr

    return change


def without_variable(name: str) -> Callable[[Json], None]:
    """A mistake: the page does not have the variable."""

    def change(board: Json) -> None:
        board["templating"]["list"] = [each for each in board["templating"]["list"] if each["name"] != name]

    return change


def at(*path: Any, value: Any) -> Callable[[Json], None]:
    """A mistake: the value at a place of the page."""

    def change(board: Json) -> None:
        place: Any = board
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


def on(*path: Any, value: Any) -> Callable[[Json], None]:
    """A mistake: the value at a place of the panel."""
    return lambda board: at(*path, value=value)(panel(board))


CHOSEN = 'job=~"$job", instance=~"$instance"'
MISTAKES: list[tuple[str, Callable[[Json], None]]] = [
    ("template-datasource-rule", without_variable("datasource")),
    ("template-job-rule", without_variable("job")),
    ("template-instance-rule", without_variable("instance")),
    ("template-label-promql-rule", at("templating", "list", 1, "query", value="label_values(up{, gateway)")),
    ("template-label-promql-rule", at("templating", "list", 1, "query", value="label_values(up, other)")),
    ("template-on-time-change-reload-rule", at("templating", "list", 1, "refresh", value=1)),
    ("template-all", at("templating", "list", 1, "allValue", value=None)),
    ("uneditable-dashboard", at("editable", value=True)),
    ("title-tag", at("tags", value=[])),
    ("annotations", at("annotations", "list", value=[])),
    ("annotations", at("annotations", "list", 0, "expr", value="ALERTS{")),
    ("siblings", at("links", 0, "keepTime", value=False)),
    ("panel-datasource-rule", on("datasource", "uid", value="abc")),
    ("panel-datasource-rule", on("targets", 0, "datasource", "uid", value="abc")),
    ("panel-title-description-rule", on("title", value="")),
    ("panel-title-description-rule", on("description", value="CPU.")),
    ("panel-units-rule", on("fieldConfig", "defaults", "unit", value="")),
    ("panel-no-targets-rule", on("targets", value=[])),
    ("panel-no-targets-rule", on("targets", 0, "refId", value="B")),
    ("no-value", on("fieldConfig", "defaults", "noValue", value="")),
    ("kind", on("type", value="gauge")),
    ("legend", on("targets", 0, "legendFormat", value="")),
    ("target-promql-rule", asking("sum(")),
    ("target-logql-rule", on("targets", 0, "datasource", "type", value="loki")),
    ("target-logql-auto-rule", asking(f"rate(process_cpu_seconds_total{{{CHOSEN}}}[$__auto])")),
    ("target-rate-interval-rule", asking(f"rate(process_cpu_seconds_total{{{CHOSEN}}}[5m])")),
    ("target-job-rule", asking('process_open_fds{instance=~"$instance"}')),
    ("target-job-rule", asking('process_open_fds{job="demo", instance=~"$instance"}')),
    ("target-instance-rule", asking('process_open_fds{job=~"$job"}')),
    ("target-counter-agg-rule", asking(f"sum(process_cpu_seconds_total{{{CHOSEN}}})")),
    ("variables", asking(f'process_open_fds{{{CHOSEN}, part=~"$part"}}')),
    ("grid-overlap", on("gridPos", "y", value=0)),
    ("grid-overlap", on("gridPos", "w", value=48)),
    ("grid-lines", on("gridPos", "h", value=7)),
    ("numbers", on("id", value=99)),
]


@pytest.mark.parametrize(
    ("rule", "change"), MISTAKES, ids=[f"{number}-{rule}" for number, (rule, _) in enumerate(MISTAKES)]
)
def test_each_mistake_is_found(rule: str, change: Callable[[Json], None], boards: Json) -> None:
    """Every rule can fail, and says which it is."""
    board = copy.deepcopy(boards[UID])
    change(board)
    assert rule in {found.rpartition("(")[2].rstrip(")") for found in lint.problems({UID: board})}


def test_every_rule_has_a_mistake() -> None:
    """A rule that nothing breaks may as well not be there; the 17 of dashboard-linter are among them."""
    rules = {*lint.PAGE_RULES, *lint.PANEL_RULES, *lint.QUERY_RULES, "target-promql-rule"}
    assert {rule for rule, _ in MISTAKES} == rules
    assert len([rule for rule in rules if rule.endswith("-rule") or rule == "uneditable-dashboard"]) == 17


@pytest.mark.parametrize(
    "url",
    [
        "/d/bongsu-none?var-pod=a&${datasource:queryparam}&${__url_time_range}",
        "/d/bongsu-pods?var-route=a&${datasource:queryparam}&${__url_time_range}",
        "/d/bongsu-pods?var-pod=a",
    ],
)
def test_a_link_that_leads_nowhere_or_forgets_the_time_is_found(url: str, boards: Json) -> None:
    """The page, its variables, and what one looks at."""
    changed = copy.deepcopy(boards)
    panel(changed[UID])["fieldConfig"]["defaults"]["links"] = [{"url": url}]
    assert [found for found in lint.problems(changed) if found.endswith("(links)")] != []


def test_page_is_named_by_its_file(board: Json, boards: Json) -> None:
    """The uid is the file's name."""
    assert boards[board["uid"]] is board


def test_the_overview_leads_to_every_other_page(boards: Json) -> None:
    """From what hurts to the page that explains it, by a click on the value."""
    led = {
        re.match(r"/d/([a-z-]+)", link["url"]).group(1)
        for panel in lint.panels(boards["bongsu-overview"])
        for link in panel["fieldConfig"]["defaults"].get("links", [])
    }
    assert led == set(boards) - {"bongsu-overview"}
