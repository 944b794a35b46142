"""Names, help and labels of the gateway_limits exporter."""

from collections.abc import Iterable, Sequence

from exporters.family import Family, counter, gauge
from exporters.gateway_limits.config import GatewayLimitsSettings
from exporters.gateway_limits.snapshot import Snapshot


def families(snapshots: Sequence[Snapshot], _settings: GatewayLimitsSettings) -> Iterable[Family]:
    """Families sorted by gateway and labels."""
    ordered = sorted(snapshots, key=lambda snapshot: snapshot.gateway)
    return [_decisions(ordered), *_limits(ordered), _used(ordered), _clients(ordered), _checks(ordered)]


def _decisions(snapshots: Sequence[Snapshot]) -> Family:
    family = counter(
        "gateway_ratelimit_decisions_total",
        "Requests that a rate limit decided on, by what it decided and who did: the gateway, or the upstream behind "
        "it. Starts again at 0 when the gateway does.",
        "gateway",
        "route",
        "limit",
        "outcome",
        "origin",
    )
    for snapshot in snapshots:
        for decision, count in sorted(snapshot.decisions.items()):
            family.add([snapshot.gateway, *decision], count)
    return family


def _limits(snapshots: Sequence[Snapshot]) -> tuple[Family, Family, Family]:
    labels = ("gateway", "route", "limit", "descriptor")
    requests = gauge(
        "gateway_ratelimit_limit_requests",
        "Requests that the limit lets through in one window, all replicas together. With a descriptor: for each value "
        "of it.",
        *labels,
    )
    window = gauge("gateway_ratelimit_limit_window_seconds", "The window of the limit.", *labels)
    burst = gauge(
        "gateway_ratelimit_limit_burst_requests",
        "Requests that the limit lets through at once after a pause, all replicas together.",
        *labels,
    )
    for snapshot in snapshots:
        for bucket, limit in sorted(snapshot.limits.items()):
            key = (snapshot.gateway, *bucket)
            requests.add(key, limit.requests)
            if limit.window is not None:
                window.add(key, limit.window)
            if limit.burst is not None:
                burst.add(key, limit.burst)
    return requests, window, burst


def _used(snapshots: Sequence[Snapshot]) -> Family:
    family = gauge(
        "gateway_ratelimit_limit_used_ratio",
        "Share of the limit that is in use, of the fullest bucket where each client has one; 1 is all of it.",
        "gateway",
        "route",
        "limit",
    )
    for snapshot in snapshots:
        for bucket, share in sorted(snapshot.used.items()):
            family.add([snapshot.gateway, bucket.route, bucket.limit], share)
    return family


def _clients(snapshots: Sequence[Snapshot]) -> Family:
    family = counter(
        "gateway_ratelimit_client_rejections_total",
        "Requests that the gateway rejected, of the clients that were rejected most, since each was named, and of all "
        "others. Read from the access log.",
        "gateway",
        "route",
        "client",
    )
    for snapshot in snapshots:
        for client, count in sorted(snapshot.clients.items()):
            family.add([snapshot.gateway, *client], count)
    return family


def _checks(snapshots: Sequence[Snapshot]) -> Family:
    family = gauge(
        "gateway_ratelimit_check_ok",
        "1 when what was looked for at the gateway is well, 0 when it is not; `doctor` says what mends it.",
        "gateway",
        "check",
    )
    for snapshot in snapshots:
        for check, sentence in sorted(snapshot.checks.items()):
            family.add([snapshot.gateway, check], int(not sentence))
    return family
