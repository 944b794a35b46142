"""What the kubelets and the API server of a test say, in their formats."""

from typing import Any, NamedTuple

START = 1_795_000_000.0
"""Unix time at which the tests' nodes begin."""


class Row(NamedTuple):
    """A container as its kubelet measured it."""

    pod: str
    used: float
    at: float = START
    container: str = "app"
    started: float = START - 3600
    periods: int | None = None
    throttled: int = 0
    waited: float | None = None


def resource(*rows: Row, failed: int = 0) -> str:
    """The text of /metrics/resource."""
    lines = [
        "# HELP container_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the container",
        "# TYPE container_cpu_usage_seconds_total counter",
        *(f"container_cpu_usage_seconds_total{_labels(row)} {row.used} {ms(row.at)}" for row in rows if row.container),
        "# HELP container_memory_working_set_bytes [STABLE] Current working set of the container in bytes",
        "# TYPE container_memory_working_set_bytes gauge",
        *(
            f"container_memory_working_set_bytes{_labels(row)} 5.24288e+06 {ms(row.at)}"
            for row in rows
            if row.container
        ),
        "# HELP container_start_time_seconds [STABLE] Start time of the container since unix epoch in seconds",
        "# TYPE container_start_time_seconds gauge",
        *(f"container_start_time_seconds{_labels(row)} {row.started!r}" for row in rows if row.container),
        "# HELP node_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the node in core-seconds",
        "# TYPE node_cpu_usage_seconds_total counter",
        f"node_cpu_usage_seconds_total 6197.005020909 {ms(START)}",
        "# HELP pod_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the pod in core-seconds",
        "# TYPE pod_cpu_usage_seconds_total counter",
        *(f'pod_cpu_usage_seconds_total{{namespace="shop",pod="{row.pod}"}} {row.used} {ms(row.at)}' for row in rows),
        "# HELP resource_scrape_error [STABLE] 1 if there was an error while getting container metrics, 0 otherwise",
        "# TYPE resource_scrape_error gauge",
        f"resource_scrape_error {failed}",
    ]
    return "\n".join(lines) + "\n"


def cadvisor(*rows: Row) -> str:
    """The text of /metrics/cadvisor: rows of pods, of containers, of sandboxes and of the machine's own groups."""
    families: dict[str, list[str]] = {}

    def add(family: str, labels: str, value: float | None, at: float) -> None:
        if value is not None:
            families.setdefault(family, []).append(f"{family}{labels} {value} {ms(at)}")

    add("container_cpu_cfs_periods_total", cgroup("/system.slice/sshd.service"), 7, START)
    for row in rows:
        slice_ = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{row.pod}.slice"
        add("container_pressure_cpu_waiting_seconds_total", cgroup(slice_, row), row.waited, row.at)
        sandbox = cgroup(f"{slice_}/cri-containerd-box.scope", row, name="box", image="registry.k8s.io/pause:3.10")
        add("container_pressure_cpu_waiting_seconds_total", sandbox, None if row.waited is None else 0.0, row.at)
        name = f"{hash((row.pod, row.container, row.started)) & 0xFFFFFFFFFFFF:012x}"
        path = f"{slice_}/cri-containerd-{name}.scope"
        inside = cgroup(path, row, container=row.container, name=name, image="docker.io/library/app:1")
        add("container_cpu_cfs_periods_total", inside, row.periods, row.at)
        add("container_cpu_cfs_throttled_periods_total", inside, row.periods and row.throttled, row.at)
        add("container_pressure_cpu_waiting_seconds_total", inside, row.waited, row.at)
    lines = [
        "# HELP machine_cpu_cores Number of logical CPU cores.",
        "# TYPE machine_cpu_cores gauge",
        "machine_cpu_cores 2",
    ]
    for family, members in sorted(families.items()):
        lines += [f"# HELP {family} As cAdvisor counts it.", f"# TYPE {family} counter", *members]
    return "\n".join(lines) + "\n"


def _labels(row: Row) -> str:
    return f'{{container="{row.container}",namespace="shop",pod="{row.pod}"}}'


def cgroup(path: str, row: Row | None = None, container: str = "", name: str = "", image: str = "") -> str:
    namespace, pod = ("shop", row.pod) if row else ("", "")
    return f'{{container="{container}",id="{path}",image="{image}",name="{name}",namespace="{namespace}",pod="{pod}"}}'


def ms(at: float) -> int:
    return round(at * 1000)


def pod(name: str, node: str = "node-a", address: str = "127.0.1.1", **changes: Any) -> Any:
    """A Pod object of a Deployment; `changes` replace parts of its spec or status."""
    resources = {"requests": {"cpu": "250m"}, "limits": {"cpu": "500m"}}
    spec = {"nodeName": node, "containers": [{"name": "app", "image": "app:1", "resources": resources}]}
    status = {
        "phase": "Running",
        "hostIP": address,
        "startTime": "2026-11-18T00:00:00Z",
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-18T00:00:05Z"}],
        "containerStatuses": [{"name": "app", "state": {"running": {"startedAt": "2026-11-18T00:00:01Z"}}}],
    }
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d4f8c", "controller": True}
    return {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-of-{name}",
            "creationTimestamp": "2026-11-18T00:00:00Z",
            "labels": {"app": "web", "pod-template-hash": "5d4f8c"},
            "ownerReferences": [owner],
        },
        "spec": spec | {key: value for key, value in changes.items() if key in ("nodeName", "containers", "resources")},
        "status": status
        | {key: value for key, value in changes.items() if key in ("phase", "hostIP", "containerStatuses")},
    }


def say(kubelet: Any, *rows: Row) -> None:
    """Have a kubelet tell of these containers."""
    kubelet.resource = lambda: resource(*rows)
    kubelet.cadvisor = lambda: cadvisor(*rows)
