"""No dead names, and one place for each threshold: rules and panels against what the exporters really say.

PromQL is read with promql-parser (github.com/messense/py-promql-parser), so a name in a string or a label is no metric.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from dashboards import rules

PROJECT = Path(__file__).resolve().parents[2]
GOLDEN = (
    *sorted((PROJECT / "tests" / "exporters").glob("*/golden/*.prom")),
    PROJECT / "tests" / "alerting" / "golden" / "metrics.txt",
)
EXPORTERS = {"gateway_limits", "kafka_lag", "pod_cpu"}

HTTP = frozenset({"http_route", "http_request_method", "http_response_status_code"})
MESSAGING = frozenset({"messaging_destination_name", "messaging_consumer_group_name"})

ELSEWHERE: Mapping[str, tuple[str, frozenset[str]]] = {
    # prometheus.io/docs/concepts/jobs_instances; `part` is set in compose/prometheus/prometheus.yml
    "up": ("gauge", frozenset({"job", "instance", "part"})),
    # prometheus.io/docs/prometheus/latest/configuration/alerting_rules: the labels are the alert's
    "ALERTS": ("gauge", frozenset({"alertname", "alertstate", "severity", "signal"})),
    "ALERTS_FOR_STATE": ("gauge", frozenset({"alertname", "severity", "signal"})),
    # envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/stats; `gateway` is set like `part`
    "envoy_http_downstream_rq_xx": (
        "counter",
        frozenset({"gateway", "envoy_http_conn_manager_prefix", "envoy_response_code_class"}),
    ),
    # opentelemetry.io/docs/specs/semconv/http/http-metrics, by demo-services/demo/access.py
    "http_server_request_duration_seconds_bucket": ("counter", HTTP | {"le"}),
    "http_server_request_duration_seconds_count": ("counter", HTTP),
    # opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics, by demo-services/demo/worker.py
    "messaging_process_duration_seconds_bucket": ("counter", MESSAGING | {"le"}),
    "messaging_process_duration_seconds_count": ("counter", MESSAGING),
    "messaging_client_consumed_messages_total": ("counter", MESSAGING | {"error_type"}),
    # prometheus.io/docs/instrumenting/writing_clientlibs, "Process metrics"
    "process_cpu_seconds_total": ("counter", frozenset()),
    "process_resident_memory_bytes": ("gauge", frozenset()),
    "process_open_fds": ("gauge", frozenset()),
    "process_max_fds": ("gauge", frozenset()),
}
"""Type and labels of the metrics that no exporter of ours has."""

OFFSETS = {"kafka_topic_partition_current_offset", "kafka_consumergroup_current_offset"}
"""Gauges by kafka_exporter's names, but they count: the only ones of which a rate is taken."""

TARGET = {"job", "instance", "part"}
"""Labels that Prometheus adds to each series of a target."""


class Panel(Protocol):
    """See conftest.py."""

    board: dict[str, Any]
    json: dict[str, Any]
    defaults: dict[str, Any]
    expressions: list[str]
    steps: list[dict[str, Any]]


RULES = [
    rule
    for path in sorted(rules.FOLDER.glob("*.yml"))
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
RECORDS = {rule["record"]: rule["expr"] for rule in RULES if "record" in rule}
ALERTS = {rule["alert"]: rule["expr"] for rule in RULES if "alert" in rule}


def golden() -> dict[str, tuple[str, frozenset[str]]]:
    """Type and labels of each sample in the golden /metrics of the exporters and of the router."""
    assert {path.parent.parent.name for path in GOLDEN} == EXPORTERS | {"alerting"}, "a golden /metrics is missing"
    said: dict[str, tuple[str, frozenset[str]]] = {}
    for path in GOLDEN:
        for family in text_string_to_metric_families(path.read_text(encoding="utf-8")):
            for sample in family.samples:
                _, labels = said.get(sample.name, ("", frozenset()))
                said[sample.name] = (family.type, labels | frozenset(sample.labels))
    return said


@pytest.fixture(scope="module")
def known() -> dict[str, tuple[str, frozenset[str]]]:
    """Every metric that a rule or a panel may name."""
    return golden() | dict(ELSEWHERE)


def parse(expr: str) -> promql_parser.Expr:
    """Parse PromQL, Grafana's variables filled with something."""
    return promql_parser.parse(re.sub(r"\$\w+", "x", expr.replace("$__rate_interval", "1m")))


def selectors(expr: str) -> list[Any]:
    """Every selector, leftmost first."""
    found: list[promql_parser.Expr] = []
    promql_parser.walk(parse(expr), found.append)
    return [node for node in found if isinstance(node, promql_parser.VectorSelector)]


def names(selector: Any) -> list[str]:
    """Metrics that a selector asks for: its own name, or the list that __name__ is matched with."""
    if selector.name:
        return [selector.name]
    [listed] = [matcher.value for matcher in selector.matchers.matchers if matcher.name == "__name__"]
    return str(listed).split("|")


def asked(expr: str) -> set[str]:
    """Every metric of an expression."""
    return {name for selector in selectors(expr) for name in names(selector)}


def check(expr: str, known: Mapping[str, tuple[str, frozenset[str]]]) -> list[str]:
    """What an expression asks for that nobody has: metrics, recording rules, and labels in matchers."""
    wrong = []
    for selector in selectors(expr):
        for name in names(selector):
            if name not in known and name not in RECORDS:
                wrong.append(f"{name}: no exporter has it, no rule records it")
            elif name in known:
                labels = known[name][1] | TARGET | {"__name__"}
                wrong += [
                    f"{name}: has no label {matcher.name}"
                    for matcher in selector.matchers.matchers
                    if matcher.name not in labels
                ]
    return wrong


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.get("alert") or rule["record"]) for rule in RULES])
def test_every_name_in_a_rule_exists(rule: dict[str, Any], known: dict[str, tuple[str, frozenset[str]]]) -> None:
    """A rule on a metric that nobody has would be silent for ever."""
    assert check(rule["expr"], known) == []


def test_every_name_in_a_panel_exists(panel: Panel, known: dict[str, tuple[str, frozenset[str]]]) -> None:
    """A panel on a metric that nobody has would be empty for ever."""
    assert [problem for expr in panel.expressions for problem in check(expr, known)] == []


def test_every_name_in_a_variable_or_annotation_exists(
    board: dict[str, Any], known: dict[str, tuple[str, frozenset[str]]]
) -> None:
    """The values to choose from, and the marks on the time axis, come from metrics that exist."""
    queries = [variable["query"] for variable in board["templating"]["list"][1:]]
    exprs = [re.fullmatch(r"label_values\((.+), \w+\)", query).group(1) for query in queries]
    exprs += [annotation["expr"] for annotation in board["annotations"]["list"]]
    assert [problem for expr in exprs for problem in check(expr, known)] == []


def test_a_dead_name_is_found(known: dict[str, tuple[str, frozenset[str]]]) -> None:
    """The check can fail: wherever the name stands, and for a label too."""
    assert check("sum(rate(kafka_lag_typo_total[1m])) > 1", known) != []
    assert check('{__name__=~"kafka_lag_up|kafka_lag_typo"} == 0', known) != []
    assert check('kafka_consumergroup_lag{group="a"}', known) != []
    assert check("kafka_consumergroup_lag and on (x) nothing:of_this:kind", known) != []


def test_every_record_is_used() -> None:
    """A rule that records what nobody asks for costs evaluation and misleads its reader."""
    boards = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "dashboards" / "json").glob("*.json"))
    used = {name for rule in RULES for name in asked(rule["expr"])}
    assert {record for record in RECORDS if record not in used and record not in boards} == set()


def rated(expr: str) -> tuple[set[str], set[str]]:
    """Metrics inside rate() or increase(), and the others."""
    inside, outside, path = set(), set(), []

    def enter(node: promql_parser.Expr) -> None:
        path.append(node)
        if isinstance(node, promql_parser.VectorSelector):
            calls = {call.func.name for call in path if isinstance(call, promql_parser.Call)}
            (inside if calls & {"rate", "increase"} else outside).update(names(node))

    promql_parser.walk(parse(expr), enter, lambda _node: path.pop() and None)
    return inside, outside


def counters(known: Mapping[str, tuple[str, frozenset[str]]]) -> set[str]:
    """Names that only grow."""
    return {name for name, (kind, _) in known.items() if kind in {"counter", "histogram"}}


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.get("alert") or rule["record"]) for rule in RULES])
def test_counters_of_rules_are_rated(rule: dict[str, Any], known: dict[str, tuple[str, frozenset[str]]]) -> None:
    """A counter stands in rate() or increase(), and nothing else does."""
    inside, outside = rated(rule["expr"])
    assert outside & counters(known) == set()
    assert inside <= counters(known) | OFFSETS


def test_counters_of_panels_are_rated(panel: Panel, known: dict[str, tuple[str, frozenset[str]]]) -> None:
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
        if (first := selectors(ALERTS[name])) and names(first[0])[0] in shown
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
        metric = names(selectors(rule["expr"])[0])[0]
        assert any(
            metric in asked(target["expr"])
            and float(rule["annotations"]["threshold"])
            in [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
            for panel in boards[uid]["panels"]
            if panel["type"] != "row"
            for target in panel["targets"]
        ), rule["alert"]
