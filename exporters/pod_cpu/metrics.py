"""Names, help and labels of the pod_cpu exporter."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from typing import TypeVar

from exporters.family import Family, Keys, LabelValues, gauge
from exporters.pod_cpu.autoscaler import Workload, workloads
from exporters.pod_cpu.config import PodCpuSettings
from exporters.pod_cpu.snapshot import Container, Pod, Snapshot, ratio

Thing = TypeVar("Thing")

LABELS = ("namespace", "pod", "workload")

PODS: Mapping[str, tuple[str, Callable[[Pod], float | None]]] = {
    "pod_cpu_usage_cores": (
        "CPU that the pod used on average since the reading before; absent at its first.",
        lambda pod: pod.usage,
    ),
    "pod_cpu_request_cores": ("CPU requested for the pod.", lambda pod: pod.request),
    "pod_cpu_limit_cores": ("CPU that the pod may use at most.", lambda pod: pod.limit),
    "pod_cpu_request_ratio": (
        "CPU usage / request (1 = all of it): what a HorizontalPodAutoscaler compares with its target.",
        lambda pod: pod.request_ratio,
    ),
    "pod_cpu_limit_ratio": ("CPU usage / limit (1 = all of it).", lambda pod: pod.limit_ratio),
    "pod_cpu_throttled_ratio": (
        "Share of its scheduling periods in which the pod's most throttled container was throttled.",
        lambda pod: pod.throttled,
    ),
    "pod_cpu_pressure_ratio": (
        "Share of the time in which some task of the pod waited for a processor (PSI).",
        lambda pod: pod.pressure,
    ),
}
"""Help and value by name; a pod without the value has no series."""

CONTAINERS: Mapping[str, tuple[str, Callable[[tuple[Pod, Container]], float | None]]] = {
    "pod_cpu_container_usage_cores": (
        "CPU that the container used on average since the reading before.",
        lambda part: part[1].usage,
    ),
    "pod_cpu_container_request_ratio": (
        "CPU usage / request of the container (1 = all of it).",
        lambda part: ratio(part[1].usage, part[1].request),
    ),
    "pod_cpu_container_limit_ratio": (
        "CPU usage / limit of the container (1 = all of it).",
        lambda part: ratio(part[1].usage, part[1].limit),
    ),
    "pod_cpu_container_throttled_ratio": (
        "Share of its scheduling periods in which the container was throttled.",
        lambda part: part[1].throttled,
    ),
}
"""The same of containers: under names of their own, so that no sum counts CPU twice."""

WORKLOADS: Mapping[str, tuple[str, Callable[[Workload], float | None]]] = {
    "pod_cpu_workload_request_ratio": (
        "Sum of CPU usage / sum of requests of the workload's ready pods, as a HorizontalPodAutoscaler sees it.",
        lambda workload: workload.request_ratio,
    ),
    "pod_cpu_workload_replicas": (
        "Pods of the workload that a HorizontalPodAutoscaler counts.",
        lambda workload: workload.replicas,
    ),
    "pod_cpu_workload_desired_replicas": (
        "Replicas that a HorizontalPodAutoscaler would ask for at the target of the settings (autoscaler_target).",
        lambda workload: workload.desired,
    ),
}


def families(snapshots: Sequence[Snapshot], settings: PodCpuSettings) -> Iterable[Family]:
    """One family a metric, sorted by workload and pod.

    A pod that two sources see is told once, as the source whose name comes first says: twice the same series is no
    exposition.
    """
    pods = _pods(chain.from_iterable(snapshot.pods for snapshot in snapshots))
    # the pods of a workload come and go together: their series are written as one block
    by_workload = groupby(pods, lambda pod: (pod.namespace, pod.workload))
    blocks = [_block(list(group), lambda pod: (pod.namespace, pod.name, pod.workload)) for _, group in by_workload]
    yield from _families(PODS, LABELS, blocks)
    if settings.containers:
        parts = [(pod, container) for pod in pods for container in pod.containers]
        yield from _families(CONTAINERS, (*LABELS, "container"), [_block(sorted(parts, key=_place), _place)])
    if not settings.sharded:
        unseen = chain.from_iterable(snapshot.unseen for snapshot in snapshots)
        found = workloads(chain(pods, unseen), settings.autoscaler_target)
        block = _block(found, lambda workload: (workload.namespace, workload.name, workload.kind))
        yield from _families(WORKLOADS, ("namespace", "workload", "kind"), [block])


def _pods(pods: Iterable[Pod]) -> list[Pod]:
    once: dict[tuple[str, str], Pod] = {}
    for pod in pods:
        once.setdefault((pod.namespace, pod.name), pod)
    return sorted(once.values(), key=lambda pod: (pod.namespace, pod.workload, pod.name))


def _place(part: tuple[Pod, Container]) -> LabelValues:
    pod, container = part
    return pod.namespace, pod.name, pod.workload, container.name


def _block(things: Sequence[Thing], labels: Callable[[Thing], LabelValues]) -> tuple[Keys, Sequence[Thing]]:
    return tuple(labels(thing) for thing in things), things


def _families(
    metrics: Mapping[str, tuple[str, Callable[[Thing], float | None]]],
    labels: LabelValues,
    blocks: Iterable[tuple[Keys, Sequence[Thing]]],
) -> Iterator[Family]:
    for name, (text, value) in metrics.items():
        family = gauge(name, text, *labels)
        for keys, things in blocks:
            values = [value(thing) for thing in things]
            known = [number for number in values if number is not None]
            if len(known) < len(values):
                keys = tuple(key for key, number in zip(keys, values, strict=True) if number is not None)
            family.extend(keys, known)
        yield family
