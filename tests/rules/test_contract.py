"""The contract between a rule and all that reads it: docs/architecture.md says what every alert carries."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from dashboards import rules as drawn
from dashboards.build import documents

PROJECT = Path(__file__).resolve().parents[2]
RUNBOOKS = PROJECT / "docs" / "runbooks"
FILES = sorted((PROJECT / "alerting" / "rules").glob("*.yml"))
RULES = [
    (path.stem, rule)
    for path in FILES
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
ALERTS = [pytest.param(signal, rule, id=rule["alert"]) for signal, rule in RULES if "alert" in rule]
RECORDS = [pytest.param(rule, id=rule["record"]) for _, rule in RULES if "record" in rule]

SCRAPE = timedelta(seconds=15)
"""The longest scrape interval that the windows must bear."""


def nodes(expr: str, kind: type[promql_parser.Expr]) -> list[Any]:
    """Every node of a kind in an expression, outermost and leftmost first."""
    found: list[promql_parser.Expr] = []
    promql_parser.walk(promql_parser.parse(expr), found.append)
    return [node for node in found if isinstance(node, kind)]


def compared(expr: str) -> float | None:
    """The number in the first comparison of an alert's expression, None when it compares nothing."""
    numbers = [
        comparison.rhs.val
        for comparison in nodes(expr, promql_parser.BinaryExpr)
        if str(comparison.op) in {"<", "<=", ">", ">=", "==", "!="}
        and isinstance(comparison.rhs, promql_parser.NumberLiteral)
    ]
    return float(numbers[0]) if numbers else None


@pytest.mark.parametrize(("signal", "rule"), ALERTS)
def test_alert_carries_the_labels_of_the_contract(signal: str, rule: dict[str, Any]) -> None:
    """An alert says how bad it is and which signal it is of; the file has the signal's name."""
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["labels"]["signal"] == signal


@pytest.mark.parametrize(("signal", "rule"), ALERTS)
def test_alert_carries_the_annotations_of_the_contract(signal: str, rule: dict[str, Any]) -> None:
    """All annotations are there, and no others; a summary is the same for every alert of a group."""
    names = {"summary", "description", "value", "threshold", "unit", "query", "runbook_url", "dashboard_url"}
    assert set(rule["annotations"]) == names
    assert "{{" not in rule["annotations"]["summary"]
    assert "$value" in rule["annotations"]["value"]


@pytest.mark.parametrize(("signal", "rule"), ALERTS)
def test_threshold_is_the_number_that_the_expression_compares_with(signal: str, rule: dict[str, Any]) -> None:
    """What Slack and the panels show is where the alert begins; only the Watchdog compares nothing."""
    number = compared(rule["expr"])
    if rule["alert"] == "Watchdog":
        assert number is None
    else:
        assert float(rule["annotations"]["threshold"]) == number


@pytest.mark.parametrize(("signal", "rule"), ALERTS)
def test_runbook_exists(signal: str, rule: dict[str, Any]) -> None:
    """The page that the message links to is there, and its heading is the alert's name."""
    assert rule["annotations"]["runbook_url"] == f"/runbooks/{rule['alert']}"
    assert (RUNBOOKS / f"{rule['alert']}.md").read_text(encoding="utf-8").startswith(f"# {rule['alert']}\n")


def test_every_runbook_has_its_alert() -> None:
    """No page speaks of an alert that is gone."""
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == set(drawn.load())


@pytest.mark.parametrize(("signal", "rule"), ALERTS)
def test_dashboard_and_its_variables_exist(signal: str, rule: dict[str, Any]) -> None:
    """The page that the message links to is built, and has the variables that the link sets."""
    address = rule["annotations"]["dashboard_url"]
    uid = re.match(r"/d/([a-z-]+)(\?|\{\{|$)", address)
    assert uid
    document = json.loads(documents(drawn.load())[f"{uid[1]}.json"])
    variables = {variable["name"] for variable in document["templating"]["list"]}
    assert set(re.findall(r"var-([a-z]+)=", address)) <= variables


@pytest.mark.parametrize(("signal", "rule"), ALERTS)
def test_what_lasts_less_than_two_scrapes_fires_nothing(signal: str, rule: dict[str, Any]) -> None:
    """One missed scrape, or one sample out of line, is shorter than `for`."""
    if rule["alert"] != "Watchdog":
        assert promql_parser.parse_duration(rule["for"]) >= 2 * SCRAPE


@pytest.mark.parametrize("rule", RECORDS)
def test_record_is_named_level_metric_operations(rule: dict[str, Any]) -> None:
    """The name follows prometheus.io/docs/practices/rules."""
    assert re.fullmatch(r"[a-z_]+:[a-z_]+:[a-z0-9_]+", rule["record"])


@pytest.mark.parametrize(("signal", "rule"), [(signal, rule) for signal, rule in RULES])
def test_rate_windows_hold_four_scrapes(signal: str, rule: dict[str, Any]) -> None:
    """A rate over fewer than four scrapes fails with the first that is missed."""
    for call in nodes(rule["expr"], promql_parser.Call):
        if call.func.name in {"rate", "increase", "irate", "delta", "deriv"}:
            assert call.args[0].range >= 4 * SCRAPE


INHIBITIONS = yaml.safe_load((PROJECT / "compose" / "alertmanager" / "alertmanager.yml").read_text(encoding="utf-8"))[
    "inhibit_rules"
]


def labels_seen() -> dict[str, set[str]]:
    """Labels that each alert has been seen with, by the promtool tests."""
    seen: dict[str, set[str]] = {}
    for path in (PROJECT / "alerting" / "rules" / "tests").glob("*.yml"):
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for case in test.get("alert_rule_test", []):
                for expected in case.get("exp_alerts", []):
                    seen.setdefault(case["alertname"], set()).update(expected["exp_labels"])
    return seen


def test_inhibitions_name_alerts_that_share_the_labels_that_must_be_equal() -> None:
    """Alertmanager takes two labels that are both missing as equal, so a wrong name would silence too much.

    Only `cluster` may be missing: clusters without names in the exporter's settings have none.
    """
    seen = labels_seen()
    for rule in INHIBITIONS:
        matchers = [*rule["source_matchers"], *rule["target_matchers"]]
        alerts = [name for matcher in matchers for name in re.findall(r"[A-Z]\w+", matcher)]
        assert len(alerts) >= 2
        for alert in alerts:
            assert set(rule["equal"]) - {"cluster"} <= seen[alert], (alert, rule["equal"])
