"""No dead names, and one place for each threshold: rules and panels against what the exporters really say."""

import re
from typing import Any, Protocol

import promql_parser
import pytest

from dashboards import rules
from dashboards.lint import names, panels, parse, selectors
from tests.dashboards import contract
from tests.dashboards.__main__ import main
from tests.dashboards.contract import ALERTS, RECORDS, RULES, Known, asked, wrong

OFFSETS = {"kafka_topic_partition_current_offset", "kafka_consumergroup_current_offset"}
"""Gauges by kafka_exporter's names, but they count: the only ones of which a rate is taken."""


class Panel(Protocol):
    """See conftest.py."""

    board: dict[str, Any]
    json: dict[str, Any]
    defaults: dict[str, Any]
    expressions: list[str]
    steps: list[dict[str, Any]]


@pytest.fixture(scope="module")
def known() -> Known:
    """Every metric that a rule or a panel may name."""
    return contract.known()


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.get("alert") or rule["record"]) for rule in RULES])
def test_every_name_in_a_rule_exists(rule: dict[str, Any], known: Known) -> None:
    """A rule on a metric that nobody has would be silent for ever."""
    assert wrong(rule["expr"], known) == []


def test_every_name_on_a_page_exists(board: dict[str, Any], known: Known) -> None:
    """A panel, a variable or an annotation on a metric that nobody has would be empty for ever."""
    assert [problem for expr in contract.of_board(board) for problem in wrong(expr, known)] == []


def test_a_dead_name_is_found(known: Known) -> None:
    """The check can fail: wherever the name stands, and for a label too."""
    assert wrong("sum(rate(kafka_lag_typo_total[1m])) > 1", known) != []
    assert wrong('{__name__=~"kafka_lag_up|kafka_lag_typo"} == 0', known) != []
    assert wrong('kafka_consumergroup_lag{group="a"}', known) != []
    assert wrong("kafka_consumergroup_lag and on (x) nothing:of_this:kind", known) != []


def test_every_metric_is_used_or_waived() -> None:
    """What is measured and asked for by nobody costs memory in Prometheus; a reason not to ask is in one table."""
    assert contract.unused(contract.every_expr()) == []


def test_a_metric_that_nobody_asks_for_is_found_and_so_is_a_waiver_that_is_over() -> None:
    """The check can fail, both ways."""
    exprs = [expr for expr in contract.every_expr() if "router_dead_letters" not in expr]
    assert contract.unused(exprs) == ["router_dead_letters: no rule and no panel asks for it"]
    asked_for = [*contract.every_expr(), "kafka_topic_partitions"]
    assert contract.unused(asked_for) == ["kafka_topic_partitions: is waived, and asked for"]


def test_the_command_counts_and_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    """`make check-dashboards`: the last line says how much was looked at, and that nothing was found."""
    assert main() == 0
    [line] = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        r"dashboards=[1-9]\d* panels=[1-9]\d* queries=[1-9]\d* dead_metrics=0 unused_metrics=0 lint=0", line
    )


def test_every_record_is_used() -> None:
    """A rule that records what nobody asks for costs evaluation and misleads its reader."""
    assert set(RECORDS) - {name for expr in contract.every_expr() for name in asked(expr)} == set()


def rated(expr: str) -> tuple[set[str], set[str]]:
    """Metrics inside rate() or increase(), and the others."""
    inside: set[str] = set()
    outside: set[str] = set()
    for selector, functions in selectors(expr):
        (inside if functions & {"rate", "increase"} else outside).update(names(selector))
    return inside, outside


def counters(known: Known) -> set[str]:
    """Names that only grow."""
    return {name for name, (kind, _) in known.items() if kind in {"counter", "histogram"}}


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.get("alert") or rule["record"]) for rule in RULES])
def test_counters_of_rules_are_rated(rule: dict[str, Any], known: Known) -> None:
    """A counter stands in rate() or increase(), and nothing else does."""
    inside, outside = rated(rule["expr"])
    assert outside & counters(known) == set()
    assert inside <= counters(known) | OFFSETS


def test_counters_of_panels_are_rated(panel: Panel, known: Known) -> None:
    """A counter stands in rate() or increase(), and nothing else does."""
    for expr in panel.expressions:
        inside, outside = rated(expr)
        assert outside & counters(known) == set()
        assert inside <= counters(known) | OFFSETS


COLOURS = {"info": "blue", "warning": "orange", "critical": "red"}


def sides(alert: rules.AlertRule) -> list[str]:
    """Colour below the threshold of an alert, and above."""
    bad = COLOURS[alert.severity]
    return [bad, "green"] if alert.below else ["green", bad]


def colours(panel: Panel) -> list[str]:
    """Colours of a panel, from the lowest values up."""
    return [step["color"] for step in panel.defaults["thresholds"]["steps"]]


def drawn(panel: Panel) -> list[rules.AlertRule]:
    """The alerts on what a panel shows: the metric that the alert compares, in the alert's unit or as a share of it."""
    shown = {name for expr in panel.expressions for name in asked(expr)}
    return [
        rule
        for name, rule in rules.load().items()
        if (first := selectors(ALERTS[name])) and names(first[0][0])[0] in shown
    ]


def scales(panel: Panel) -> set[float]:
    """Numbers that whole queries of a panel are divided by."""
    parsed = [parse(expr) for expr in panel.expressions]
    return {
        float(expr.rhs.val)
        for expr in parsed
        if isinstance(expr, promql_parser.BinaryExpr)
        and str(expr.op) == "/"
        and isinstance(expr.rhs, promql_parser.NumberLiteral)
    }


def test_thresholds_of_panels_are_those_of_the_rules(panel: Panel) -> None:
    """No panel has a number of its own, and what has an alert on it shows where that begins, in its colour."""
    alerts = drawn(panel)
    values = [step["value"] for step in panel.steps]
    if scales(panel):
        assert scales(panel) == {alert.threshold for alert in alerts}
        assert values == [1]
    elif {name for expr in panel.expressions for name in asked(expr)} == {"ALERTS"}:
        assert values == [1], "one firing alert is one too many"
    else:
        assert set(values) <= {alert.threshold for alert in alerts}
        assert set(values) >= {alert.threshold for alert in alerts if alert.unit == panel.defaults["unit"]}
        assert not values or colours(panel) in [sides(alert) for alert in alerts]


def test_every_alert_is_drawn_on_the_page_that_it_links_to(boards: dict[str, Any]) -> None:
    """Who follows the link of a message sees the line that was crossed."""
    for rule in RULES:
        if rule.get("alert", "Watchdog") == "Watchdog":
            continue
        uid = re.match(r"/d/([a-z-]+)", rule["annotations"]["dashboard_url"]).group(1)
        metric = names(selectors(rule["expr"])[0][0])[0]
        assert any(
            metric in asked(target["expr"])
            and float(rule["annotations"]["threshold"])
            in [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
            for panel in panels(boards[uid])
            for target in panel["targets"]
        ), rule["alert"]
