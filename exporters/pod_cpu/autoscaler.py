"""What a HorizontalPodAutoscaler would make of the pods of a workload.

Its arithmetic is that of GetResourceReplicas in Kubernetes 1.34
(https://github.com/kubernetes/kubernetes/blob/v1.34.0/pkg/controller/podautoscaler/replica_calculator.go): a ratio of
sums, in whole thousandths of a core and whole percents. Its own limits (minReplicas, maxReplicas, behavior,
stabilization) are not applied, and replicas are the pods that exist, not those that were asked for.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil

from exporters.pod_cpu.snapshot import Pod, Standing

TOLERANCE = 0.1
"""Of --horizontal-pod-autoscaler-tolerance: no change while usage is within it of the target."""

NOT_SCALABLE = frozenset({"DaemonSet", "Job", "CronJob", "Node", "Pod"})

Milli = Mapping[str, int]
"""Thousandths of a core by the name of a pod."""


@dataclass(frozen=True)
class Workload:
    """Pods that have one owner, as an autoscaler sees them."""

    namespace: str
    name: str
    kind: str
    request_ratio: float | None
    """Sum of usage / sum of requests, of ready pods that have both; None when a pod does not request in full."""
    replicas: int
    desired: int | None
    """What an autoscaler would scale to; None when it could not, or was not asked."""


def workloads(pods: Iterable[Pod], target: float | None) -> list[Workload]:
    """Every workload, sorted; `target` is the average usage / request to keep."""

    def owner(pod: Pod) -> tuple[str, str, str]:
        return pod.namespace, pod.workload, pod.kind

    return [_workload(*key, list(group), target) for key, group in groupby(sorted(pods, key=owner), owner)]


def _workload(namespace: str, name: str, kind: str, pods: Sequence[Pod], target: float | None) -> Workload:
    counted = [pod for pod in pods if pod.standing is not Standing.IGNORED]
    in_full = all(pod.requested_in_full and pod.request for pod in counted)
    ready = [pod for pod in counted if pod.standing is Standing.READY and pod.usage is not None]
    requested = sum([pod.request or 0.0 for pod in ready])
    known = sum([pod.usage or 0.0 for pod in ready]) / requested if in_full and requested else None
    wanted = None
    if target is not None and known is not None and kind not in NOT_SCALABLE:
        wanted = desired(counted, round(target * 100))
    return Workload(namespace, name, kind, known, len(counted), wanted)


def desired(pods: Sequence[Pod], target: int) -> int:
    """Replicas that an autoscaler would ask for at `target` percent; of `pods`, one at least is ready and measured."""
    requests = {pod.name: _milli(pod.request) for pod in pods}
    unready = [pod.name for pod in pods if pod.standing is Standing.UNREADY]
    ready = [pod for pod in pods if pod.standing is Standing.READY]
    missing = [pod.name for pod in ready if pod.usage is None]
    usages = {pod.name: _milli(pod.usage) for pod in ready if pod.usage is not None}
    now = _to_target(usages, requests, target)
    up_with_unready = bool(unready) and now > 1
    if not missing and not up_with_unready:
        return len(pods) if _within_tolerance(now) else ceil(now * len(ready))
    if now < 1:
        # on the way down, what is not known could be busy
        usages |= {name: requests[name] * max(100, target) // 100 for name in missing}
    elif now > 1:
        usages |= dict.fromkeys(missing, 0)
    if up_with_unready:
        usages |= dict.fromkeys(unready, 0)
    return _careful(now, _to_target(usages, requests, target), len(usages), len(pods))


def _careful(before: float, now: float, counted: int, replicas: int) -> int:
    """No change when that of the unknown turns the direction, or is within the tolerance."""
    if _within_tolerance(now) or (before < 1 < now) or (now < 1 < before):
        return replicas
    wanted = ceil(now * counted)
    return replicas if (now < 1 and wanted > replicas) or (now > 1 and wanted < replicas) else wanted


def _within_tolerance(now: float) -> bool:
    return 1 - TOLERANCE <= now <= 1 + TOLERANCE


def _to_target(usages: Milli, requests: Milli, target: int) -> float:
    requested = sum(requests[name] for name in usages)
    return (sum(usages.values()) * 100 // requested) / target if requested else 0.0


def _milli(cores: float | None) -> int:
    """Round up, as Quantity.MilliValue does; a float's last digits are no reason to."""
    return ceil(round((cores or 0.0) * 1000, 6))
