"""Names, help and labels of the pod_cpu exporter."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from exporters.family import Family, gauge
from exporters.pod_cpu.config import PodCpuSettings
from exporters.pod_cpu.snapshot import Pod, Snapshot

LABELS = ("namespace", "pod", "workload")

METRICS: Mapping[str, tuple[str, Callable[[Pod], float | None]]] = {
    "pod_cpu_usage_cores": (
        "CPU that the pod used on average since the collection before; absent at its first.",
        lambda pod: pod.usage,
    ),
    "pod_cpu_request_cores": ("CPU requested for the pod.", lambda pod: pod.request),
    "pod_cpu_limit_cores": ("CPU that the pod may use at most.", lambda pod: pod.limit),
    "pod_cpu_request_ratio": (
        "CPU usage / request (1 = all of it): what a HorizontalPodAutoscaler compares with its target.",
        lambda pod: pod.request_ratio,
    ),
    "pod_cpu_limit_ratio": ("CPU usage / limit (1 = all of it).", lambda pod: pod.limit_ratio),
}
"""Help and value by name; a pod without the value has no series."""


def families(snapshots: Sequence[Snapshot], _settings: PodCpuSettings) -> Iterable[Family]:
    """One family a metric, sorted by pod."""
    pods = sorted(
        (pod for snapshot in snapshots for pod in snapshot.pods),
        key=lambda pod: (pod.namespace, pod.name, pod.workload),
    )
    for name, (text, value) in METRICS.items():
        family = gauge(name, text, *LABELS)
        for pod in pods:
            if (known := value(pod)) is not None:
                family.add((pod.namespace, pod.name, pod.workload), known)
        yield family
