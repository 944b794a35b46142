"""Names, help and labels of the gateway_limits exporter."""

from collections.abc import Iterable, Sequence

from exporters.family import Family, counter
from exporters.gateway_limits.config import GatewayLimitsSettings
from exporters.gateway_limits.snapshot import Snapshot


def families(snapshots: Sequence[Snapshot], _settings: GatewayLimitsSettings) -> Iterable[Family]:
    """One family, sorted by gateway and labels."""
    decisions = counter(
        "gateway_ratelimit_decisions_total",
        "Requests that a rate limit decided on, by what it decided and who did: the gateway, or the upstream behind "
        "it. Starts again at 0 when the gateway does.",
        "gateway",
        "route",
        "limit",
        "outcome",
        "origin",
    )
    for snapshot in sorted(snapshots, key=lambda snapshot: snapshot.gateway):
        for decision, count in sorted(snapshot.decisions.items()):
            decisions.add([snapshot.gateway, *decision], count)
    return [decisions]
