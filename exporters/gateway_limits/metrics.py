"""Names, help and labels of the gateway_limits exporter."""

from collections.abc import Iterable, Sequence

from prometheus_client import Metric
from prometheus_client.metrics_core import CounterMetricFamily

from exporters.gateway_limits.snapshot import Snapshot


def families(snapshots: Sequence[Snapshot]) -> Iterable[Metric]:
    """One family, sorted by gateway and labels."""
    decisions = CounterMetricFamily(
        "gateway_ratelimit_decisions",
        "Requests that a rate limit decided on, by what it decided and who did: the gateway, or the upstream behind "
        "it. Starts again at 0 when the gateway does.",
        labels=["gateway", "route", "limit", "outcome", "origin"],
    )
    for snapshot in sorted(snapshots, key=lambda snapshot: snapshot.gateway):
        for decision, count in sorted(snapshot.decisions.items()):
            decisions.add_metric([snapshot.gateway, *decision], count)
    return [decisions]
