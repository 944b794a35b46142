"""The same series from the same answers, with prometheus_client's parser, metrics and renderer."""

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families

OUTCOMES = {"ok": "accepted", "enforced": "rejected"}
LIMIT = "envoy_http_local_rate_limit_"
REQUESTS = "envoy_gw_requests"
LIMITS = {
    "gateway_ratelimit_limit_requests": 200,
    "gateway_ratelimit_limit_window_seconds": 1,
    "gateway_ratelimit_limit_burst_requests": 200,
}


class Contender:
    """Collects as an exporter written with prometheus_client does."""

    def __init__(self, answers: Sequence[tuple[str, str]], buckets: Sequence[tuple[str, str, str]]) -> None:
        """`answers` are names of gateways with what they answered; the limits in `buckets` are the same for all."""
        self._answers = answers
        self._buckets = buckets

    def collect(self) -> Iterator[Metric]:
        """Parse every answer, and make the families."""
        labels = ["gateway", "route", "limit", "outcome", "origin"]
        family = CounterMetricFamily("gateway_ratelimit_decisions", "Decisions.", labels=labels)
        for gateway, text in self._answers:
            for decision, count in _decisions(text).items():
                family.add_metric([gateway, *decision], count)
        yield family
        for name, value in LIMITS.items():
            limits = GaugeMetricFamily(name, "Limits.", labels=["gateway", "route", "limit", "descriptor"])
            for gateway, _ in self._answers:
                for bucket in self._buckets:
                    limits.add_metric([gateway, *bucket], value)
            yield limits


def render(answers: Sequence[tuple[str, str]], buckets: Sequence[tuple[str, str, str]]) -> bytes:
    """Parse and write."""
    registry = CollectorRegistry()
    registry.register(Contender(answers, buckets))
    return generate_latest(registry)


def _decisions(text: str) -> dict[tuple[str, str, str, str], float]:
    found: dict[tuple[str, str, str, str], float] = {}
    for parsed in text_string_to_metric_families(text):
        for sample in parsed.samples:
            name = sample.name.removesuffix("_total")
            if name.startswith(LIMIT):
                limit = sample.labels["envoy_local_http_ratelimit_prefix"]
                counted = name.removeprefix(LIMIT)
                if counted in OUTCOMES:
                    found[limit, limit, OUTCOMES[counted], "gateway"] = sample.value
                else:
                    found[limit, limit, "shadow", "gateway"] = sample.value - found[limit, limit, "rejected", "gateway"]
            elif name == REQUESTS:
                theirs = sample.labels["code"] == "429" and "RL" not in sample.labels["flags"]
                key = (sample.labels["route"], "", "rejected", "upstream")
                found[key] = found.get(key, 0.0) + (sample.value if theirs else 0.0)
    return found
