"""Names, help and labels of the gateway_limits exporter."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from exporters.family import Family, Keys, counter, gauge
from exporters.gateway_limits.config import GatewayLimitsSettings
from exporters.gateway_limits.snapshot import Snapshot

LabelsT = TypeVar("LabelsT", bound=tuple[str, ...])


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
        _extend(family, snapshot.gateway, snapshot.decisions)
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
    for gateway, limits in ((snapshot.gateway, snapshot.limits) for snapshot in snapshots):
        _extend(requests, gateway, {bucket: limit.requests for bucket, limit in limits.items()})
        _extend(window, gateway, {bucket: each.window for bucket, each in limits.items() if each.window is not None})
        _extend(burst, gateway, {bucket: each.burst for bucket, each in limits.items() if each.burst is not None})
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
        _extend(family, snapshot.gateway, snapshot.clients)
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


def _extend(family: Family, gateway: str, values: Mapping[LabelsT, float]) -> None:
    """Add the series of a gateway, sorted by labels."""
    ordered, keys = _sorted(gateway, tuple(values))
    family.extend(keys, [values[labels] for labels in ordered])


@functools.lru_cache(maxsize=16_384)
def _sorted(gateway: str, labels: tuple[LabelsT, ...]) -> tuple[tuple[LabelsT, ...], Keys]:
    """Sort the labels of a gateway's series; remembered, for they are the same in nearly every collection."""
    ordered = tuple(sorted(labels))
    return ordered, tuple((gateway, *each) for each in ordered)
