"""The router's own metrics: counters that live as long as the process, gauges made anew from the store's census."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alerting.errors import RETRYABLE, Reason, Refusal
from alerting.model import Census, Method
from alerting.watchdog import Finding

ACCEPTED = "accepted"
STORE_FAILED = "store_failed"
RESULTS = (ACCEPTED, STORE_FAILED, *(refusal.value for refusal in Refusal))
LOOKS = ("whole", "partial", "unreachable", "store_failed")
"""`partial`: an Alertmanager did not answer or has just started, so that absence from the list says nothing."""

FALLBACKS = ("delivered", "failed")

RESOLUTIONS = ("found", "resent", "not_visible")


@dataclass
class Metrics:
    """Counters of one router."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    webhooks: Counter = field(init=False)
    clicks: Counter = field(init=False)
    sockets: Gauge = field(init=False)
    delivered: Counter = field(init=False)
    retries: Counter = field(init=False)
    unknown_outcomes: Counter = field(init=False)
    store_failures: Counter = field(init=False)
    given_up: Counter = field(init=False)
    reconciliations: Counter = field(init=False)
    corrections: Counter = field(init=False)
    fallback: Counter = field(init=False)

    def __post_init__(self) -> None:
        """Make every series at zero, so that a first failure is an increase."""
        self.webhooks = self._counter("webhooks", "Webhook calls by what became of them.", "result", RESULTS)
        self.clicks = self._counter("clicks", "Clicks in Slack by what became of them.", "result", RESULTS)
        self.sockets = Gauge(
            "router_slack_sockets", "Sockets to Slack that are open; 0 without Socket Mode.", registry=self.registry
        )
        self.delivered = self._counter(
            "delivered", "Calls that Slack confirmed, by method.", "method", [method.value for method in Method]
        )
        self.retries = self._counter("retries", "Calls to Slack that will be made again.", "reason", sorted(RETRYABLE))
        self.unknown_outcomes = self._counter(
            "unknown_outcomes", "Posts of unknown outcome, by what the look-up told.", "resolution", RESOLUTIONS
        )
        self.store_failures = Counter(
            "router_store_commit_failures", "Transactions that the store did not keep.", registry=self.registry
        )
        self.given_up = Counter(
            "router_given_up", "Messages forgotten before Slack showed how they ended.", registry=self.registry
        )

        self.reconciliations = self._counter(
            "reconciliations", "Looks at Alertmanager's list of alerts, by what came of them.", "result", LOOKS
        )
        self.corrections = Counter(
            "router_corrections", "Groups that Alertmanager's list put right.", registry=self.registry
        )

        self.fallback = self._counter(
            "fallback_posts", "Calls of the fall-back webhook, by what came of them.", "result", FALLBACKS
        )

    def _counter(self, name: str, text: str, label: str, values: Sequence[str]) -> Counter:
        counter = Counter(f"router_{name}", text, [label], registry=self.registry)
        for value in values:
            counter.labels(value)
        return counter

    def exposition(self, census: Census | None, now: datetime) -> bytes:
        """Prometheus' text format: the counters, then the gauges of this moment; none while the store can't be read."""
        gauges = CollectorRegistry()
        if census:
            gauges.register(_Gauges(census, now))
        return generate_latest(self.registry) + generate_latest(gauges)


@dataclass(frozen=True, eq=False)
class _Gauges(Collector):
    census: Census
    now: datetime

    def collect(self) -> Iterator[Metric]:
        """Yield the families of one census."""
        census = self.census
        alerts = GaugeMetricFamily("router_alerts", "Alerts of open messages by state.", labels=["state"])
        for state, count in census.alerts.items():
            alerts.add_metric([state], count)
        yield alerts
        yield GaugeMetricFamily(
            "router_messages_open", "Groups with something not resolved.", value=census.open_messages
        )
        yield GaugeMetricFamily(
            "router_messages_held", "New messages that wait for the end of quiet hours.", value=census.held
        )
        dead = GaugeMetricFamily(
            "router_dead_letters", "Messages that Slack refuses until somebody acts.", labels=["reason"]
        )
        for reason in sorted(set(Reason) - RETRYABLE):
            dead.add_metric([reason.value], census.dead_letters.get(reason.value, 0))
        yield dead
        waiting = census.oldest_undelivered
        yield GaugeMetricFamily(
            "router_oldest_undelivered_age_seconds",
            "Age of the oldest change that Slack does not show; 0 when it shows all.",
            value=max(0.0, (self.now - waiting).total_seconds()) if waiting else 0.0,
        )
        silent = GaugeMetricFamily(
            "router_watchdog_silent",
            "1 for what the dead-man's switch found while it has tripped, 0 for the rest.",
            labels=["finding"],
        )
        for finding in Finding:
            silent.add_metric([finding.value], finding == census.silence)
        yield silent
        if census.watchdog_at:
            yield GaugeMetricFamily(
                "router_watchdog_last_received_timestamp_seconds",
                "When a Watchdog alert was last received; absent until the first.",
                value=census.watchdog_at.timestamp(),
            )
