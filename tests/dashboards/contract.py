"""What rules and panels ask for, and what exporters, router and others tell: neither without the other.

PromQL is read with promql-parser (github.com/messense/py-promql-parser), so a name in a string or a label is no metric.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from dashboards import rules
from dashboards.lint import names, panels, selectors

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = PROJECT / "dashboards" / "json"
GOLDEN = (
    *sorted((PROJECT / "tests" / "exporters").glob("*/golden/*.prom")),
    PROJECT / "tests" / "alerting" / "golden" / "metrics.txt",
)
EXPORTERS = {"gateway_limits", "kafka_lag", "pod_cpu"}

Known = Mapping[str, tuple[str, frozenset[str]]]
"""Type and labels by name."""

HTTP = frozenset({"http_route", "http_request_method", "http_response_status_code"})
MESSAGING = frozenset({"messaging_destination_name", "messaging_consumer_group_name"})

ELSEWHERE: Known = {
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
    "process_start_time_seconds": ("gauge", frozenset()),
    # the router's, absent until it has heard a Watchdog; docs/metrics.md has it
    "router_watchdog_last_received_timestamp_seconds": ("gauge", frozenset()),
    # prometheus.io/docs/concepts/jobs_instances
    "scrape_duration_seconds": ("gauge", frozenset()),
    "scrape_samples_scraped": ("gauge", frozenset()),
    # of Prometheus and Alertmanager themselves; tests/integration/test_dashboards.py asks them
    "prometheus_rule_evaluation_failures_total": ("counter", frozenset({"rule_group"})),
    "prometheus_rule_group_last_duration_seconds": ("gauge", frozenset({"rule_group"})),
    "prometheus_notifications_dropped_total": ("counter", frozenset()),
    "prometheus_tsdb_head_series": ("gauge", frozenset()),
    "alertmanager_notifications_failed_total": ("counter", frozenset({"integration"})),
}
"""Type and labels of the metrics that no exporter of ours has."""

WAIVED: Mapping[str, frozenset[str]] = {
    "for a second Prometheus: where it is 1, the first tells nobody": frozenset({"router_watchdog_silent"}),
    "always 0 but in Socket Mode, which a panel can't know": frozenset({"router_slack_sockets"}),
    "kafka_exporter's name, kept for its dashboards; ours draw the sum by topic or cluster": frozenset(
        {
            "kafka_topic_partition_in_sync_replica",
            "kafka_topic_partition_leader",
            "kafka_topic_partition_leader_is_preferred",
            "kafka_topic_partition_oldest_offset",
            "kafka_topic_partition_replicas",
            "kafka_topic_partition_under_replicated_partition",
            "kafka_topic_partitions",
            "kafka_consumergroup_current_offset_sum",
        }
    ),
    "of a whole group, for autoscalers that take one number; ours draw each topic": frozenset(
        {"kafka_consumergroup_lag_overall", "kafka_consumergroup_lag_seconds_max"}
    ),
    "kafka-lag-exporter's names, there by option for its dashboards": frozenset(
        {
            "kafka_consumergroup_group_lag",
            "kafka_consumergroup_group_lag_seconds",
            "kafka_consumergroup_group_max_lag",
            "kafka_consumergroup_group_max_lag_seconds",
            "kafka_consumergroup_group_offset",
            "kafka_consumergroup_group_sum_lag",
            "kafka_consumergroup_group_topic_sum_lag",
            "kafka_consumergroup_poll_time_ms",
            "kafka_partition_earliest_offset",
            "kafka_partition_latest_offset",
        }
    ),
    "of single containers, there by option for who looks into a pod; ours draw pods": frozenset(
        {
            "pod_cpu_container_usage_cores",
            "pod_cpu_container_request_ratio",
            "pod_cpu_container_limit_ratio",
            "pod_cpu_container_throttled_ratio",
        }
    ),
    "the ratio to it is drawn": frozenset({"pod_cpu_request_cores"}),
}
"""The metrics that no rule and no panel asks for, by the reason."""

TARGET = {"job", "instance", "part"}
"""Labels that Prometheus adds to each series of a target."""

BOARDS: dict[str, Any] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))
}
RULES: list[dict[str, Any]] = [
    rule
    for path in sorted(rules.FOLDER.glob("*.yml"))
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
RECORDS = {rule["record"]: rule["expr"] for rule in RULES if "record" in rule}
ALERTS = {rule["alert"]: rule["expr"] for rule in RULES if "alert" in rule}


def exported() -> Known:
    """Each sample in the golden /metrics of the exporters and of the router."""
    assert {path.parent.parent.name for path in GOLDEN} == EXPORTERS | {"alerting"}, "a golden /metrics is missing"
    said: dict[str, tuple[str, frozenset[str]]] = {}
    for path in GOLDEN:
        for family in text_string_to_metric_families(path.read_text(encoding="utf-8")):
            for sample in family.samples:
                _, labels = said.get(sample.name, ("", frozenset()))
                said[sample.name] = (family.type, labels | frozenset(sample.labels))
    return said


def known() -> Known:
    """Every metric that a rule or a panel may name."""
    return {**exported(), **ELSEWHERE}


def asked(expr: str) -> set[str]:
    """Every metric of an expression."""
    return {name for selector, _ in selectors(expr) for name in names(selector)}


def wrong(expr: str, known: Known) -> list[str]:
    """What an expression asks for that nobody has: metrics, recording rules, and labels in matchers."""
    found = []
    for selector, _ in selectors(expr):
        for name in names(selector):
            if name not in known and name not in RECORDS:
                found.append(f"{name}: no exporter has it, no rule records it")
            elif name in known:
                labels = known[name][1] | TARGET | {"__name__"}
                found += [
                    f"{name}: has no label {matcher.name}"
                    for matcher in selector.matchers.matchers
                    if matcher.name not in labels
                ]
    return found


def of_board(board: Mapping[str, Any]) -> list[str]:
    """Every expression of a page: panels, variables, annotations."""
    exprs = [target["expr"] for panel in panels(board) for target in panel["targets"]]
    exprs += [
        re.findall(r"^label_values\((.+), \w+\)$", variable["query"])[0] for variable in board["templating"]["list"][1:]
    ]
    return exprs + [annotation["expr"] for annotation in board["annotations"]["list"]]


def every_expr() -> list[str]:
    """Every expression of rules and pages."""
    return [rule["expr"] for rule in RULES] + [expr for board in BOARDS.values() for expr in of_board(board)]


def dead(exprs: Iterable[str]) -> list[str]:
    """What is asked for and told by nobody."""
    told = known()
    return sorted({problem for expr in exprs for problem in wrong(expr, told)})


def unused(exprs: Iterable[str]) -> list[str]:
    """What is told and neither asked for nor waived; and waivers of what is asked for, or not there at all."""
    wanted = {name for expr in exprs for name in asked(expr)}
    told = {name for name in exported() if not name.endswith("_created")}
    waived = {name for metrics in WAIVED.values() for name in metrics}
    return [
        *(f"{name}: no rule and no panel asks for it" for name in sorted(told - wanted - waived)),
        *(f"{name}: is waived, and asked for" for name in sorted(waived & wanted)),
        *(f"{name}: is waived, and nobody tells it" for name in sorted(waived - told)),
    ]
