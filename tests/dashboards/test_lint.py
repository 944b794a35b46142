"""Our linter: what every panel and every page must have, read from the committed JSON as Grafana reads it."""

import re
from itertools import groupby
from typing import Any, Protocol

KINDS = {"timeseries", "stat", "table", "bargauge"}
"""All that the console draws."""


class Panel(Protocol):
    """See conftest.py."""

    board: dict[str, Any]
    json: dict[str, Any]
    defaults: dict[str, Any]
    expressions: list[str]


def test_panel_can_be_read_without_its_author(panel: Panel) -> None:
    """A title, a description of sentences that say what to do, a unit, and what it means that there is no data."""
    assert panel.json["type"] in KINDS
    assert panel.json["title"]
    assert len(panel.json["description"].split()) >= 10
    assert panel.json["description"].endswith(".")
    assert panel.defaults["unit"]
    assert panel.defaults["noValue"]


def test_panel_asks_the_chosen_datasource(panel: Panel) -> None:
    """No panel is bound to one Prometheus."""
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    assert panel.json["datasource"] == chosen
    assert [target["datasource"] for target in panel.json["targets"]] == [chosen] * len(panel.json["targets"])


def test_panel_asks_something_and_each_query_has_its_letter(panel: Panel) -> None:
    """Queries are A, B, C …; those of a chart name their series."""
    letters = [target["refId"] for target in panel.json["targets"]]
    assert letters == list("ABCDEFGH")[: len(letters)]
    assert letters
    if panel.json["type"] != "table":
        assert all(target["legendFormat"] for target in panel.json["targets"])


def test_windows_follow_the_resolution(panel: Panel) -> None:
    """Every range of a panel is $__rate_interval: four scrapes at least, whatever the zoom."""
    for expr in panel.expressions:
        assert set(re.findall(r"\[([^\]]*)\]", expr)) <= {"$__rate_interval"}


def test_variables_of_a_query_are_on_the_page(panel: Panel) -> None:
    """A name after a $ is a variable of the page, or Grafana's own."""
    defined = {variable["name"] for variable in panel.board["templating"]["list"]}
    for expr in panel.expressions:
        assert set(re.findall(r"\$(\w+)", expr)) <= defined | {"__rate_interval"}


def test_page_is_named_by_its_file_and_can_be_found(board: dict[str, Any], boards: dict[str, Any]) -> None:
    """uid, title, description and tag; read-only, for it is changed in code."""
    assert boards[board["uid"]] is board
    assert board["title"].startswith("Bongsu / ")
    assert board["description"]
    assert board["tags"] == ["bongsu"]
    assert board["editable"] is False


def test_page_lets_one_choose(board: dict[str, Any]) -> None:
    """The datasource first, then labels: several at once, all at first, read anew with the time range."""
    source, *labels = board["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("datasource", "datasource", "prometheus")
    for variable in labels:
        assert re.fullmatch(rf"label_values\(.+, {variable['name']}\)", variable["query"])
        assert (variable["multi"], variable["includeAll"], variable["allValue"]) == (True, True, ".*")
        assert variable["current"]["value"] == "$__all"
        assert variable["refresh"] == 2


def test_page_marks_alerts_and_links_to_the_others(board: dict[str, Any]) -> None:
    """ALERTS are annotations; the links keep the time range and the variables."""
    [annotation] = board["annotations"]["list"]
    assert annotation["expr"].startswith('ALERTS{alertstate="firing", ')
    [link] = board["links"]
    assert (link["type"], link["tags"], link["keepTime"], link["includeVars"]) == ("dashboards", ["bongsu"], True, True)


def test_links_of_values_lead_somewhere_and_keep_the_time(boards: dict[str, Any]) -> None:
    """The page of each link exists, with the variables that the link sets; the overview leads to every other page."""
    led = set()
    for board in boards.values():
        for panel in board["panels"]:
            for link in panel.get("fieldConfig", {}).get("defaults", {}).get("links", []):
                uid, query = re.fullmatch(r"/d/([a-z-]+)\?(.*)", link["url"]).groups()
                variables = {variable["name"] for variable in boards[uid]["templating"]["list"]}
                assert set(re.findall(r"var-([a-z]+)=", query)) <= variables
                assert query.endswith("&${datasource:queryparam}&${__url_time_range}")
                led.add((board["uid"], uid))
    assert {("bongsu-overview", uid) for uid in boards} <= led | {("bongsu-overview", "bongsu-overview")}


def test_panels_do_not_overlap(board: dict[str, Any]) -> None:
    """Each cell of the grid belongs to one panel."""
    cells = [
        (x, y)
        for panel in board["panels"]
        for grid in [panel["gridPos"]]
        for x in range(grid["x"], grid["x"] + grid["w"])
        for y in range(grid["y"], grid["y"] + grid["h"])
    ]
    assert len(cells) == len(set(cells))


def test_rows_fill_the_width(board: dict[str, Any]) -> None:
    """The panels that begin at one height are as high as each other, and fill the 24 columns."""
    grids = sorted((panel["gridPos"] for panel in board["panels"]), key=lambda grid: (grid["y"], grid["x"]))
    for _, row in groupby(grids, key=lambda grid: grid["y"]):
        together = list(row)
        assert sum(grid["w"] for grid in together) == 24
        assert len({grid["h"] for grid in together}) == 1


def test_panels_are_numbered_in_order(board: dict[str, Any]) -> None:
    """A link to one panel (viewPanel) keeps its number until the page is rearranged."""
    assert [panel["id"] for panel in board["panels"]] == list(range(1, len(board["panels"]) + 1))
