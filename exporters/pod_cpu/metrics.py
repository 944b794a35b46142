"""Names, help and labels of the pod_cpu exporter."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby

from exporters.family import Family, gauge
from exporters.pod_cpu.autoscaler import Workload, workloads
from exporters.pod_cpu.config import PodCpuSettings
from exporters.pod_cpu.snapshot import Container, Pod, Snapshot, ratio

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

CONTAINERS: Mapping[str, tuple[str, Callable[[Container], float | None]]] = {
    "pod_cpu_container_usage_cores": (
        "CPU that the container used on average since the reading before.",
        lambda container: container.usage,
    ),
    "pod_cpu_container_request_ratio": (
        "CPU usage / request of the container (1 = all of it).",
        lambda container: ratio(container.usage, container.request),
    ),
    "pod_cpu_container_limit_ratio": (
        "CPU usage / limit of the container (1 = all of it).",
        lambda container: ratio(container.usage, container.limit),
    ),
    "pod_cpu_container_throttled_ratio": (
        "Share of its scheduling periods in which the container was throttled.",
        lambda container: container.throttled,
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
    together = [list(group) for _, group in groupby(pods, lambda pod: (pod.namespace, pod.workload))]
    for name, (text, value) in PODS.items():
        family = gauge(name, text, *LABELS)
        for group in together:
            _extend(family, [((pod.namespace, pod.name, pod.workload), value(pod)) for pod in group])
        yield family
    if settings.containers:
        yield from _containers(pods)
    if not settings.sharded:
        yield from _workloads(pods, snapshots, settings.autoscaler_target)


def _pods(pods: Iterable[Pod]) -> list[Pod]:
    once: dict[tuple[str, str], Pod] = {}
    for pod in pods:
        once.setdefault((pod.namespace, pod.name), pod)
    return sorted(once.values(), key=lambda pod: (pod.namespace, pod.workload, pod.name))


def _containers(pods: Iterable[Pod]) -> Iterator[Family]:
    named = [
        ((pod.namespace, pod.name, pod.workload, container.name), container)
        for pod in pods
        for container in sorted(pod.containers, key=lambda container: container.name)
    ]
    for name, (text, value) in CONTAINERS.items():
        family = gauge(name, text, *LABELS, "container")
        _extend(family, [(key, value(container)) for key, container in named])
        yield family


def _workloads(pods: Iterable[Pod], snapshots: Sequence[Snapshot], target: float | None) -> Iterator[Family]:
    unseen = chain.from_iterable(snapshot.unseen for snapshot in snapshots)
    found = workloads(chain(pods, unseen), target)
    for name, (text, value) in WORKLOADS.items():
        family = gauge(name, text, "namespace", "workload", "kind")
        _extend(family, [((each.namespace, each.name, each.kind), value(each)) for each in found])
        yield family


def _extend(family: Family, series: Iterable[tuple[tuple[str, ...], float | None]]) -> None:
    known = [(key, value) for key, value in series if value is not None]
    family.extend(tuple(key for key, _ in known), [value for _, value in known])
