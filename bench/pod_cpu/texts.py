"""What the kubelets and the API server of the benchmark's cluster say.

Every node has 110 pods of two containers; every second pod has CPU limits. The texts have the families, labels and
proportions of a kubelet of Kubernetes 1.34 with containerd (cAdvisor's metrics/prometheus.go): three control groups a
pod, about 16,000 lines and 5 MB a node.
"""

import json
from collections.abc import Iterator
from typing import Any

PODS_A_NODE = 110
CONTAINERS = ("app", "proxy")
PODS_A_WORKLOAD = 11
BEGAN = 1_795_000_000.0
ROUND = 15.0
"""Seconds between two readings."""

NODE = b"@node@"

FEW = (
    "container_cpu_load_average_10s",
    "container_file_descriptors",
    "container_fs_reads_bytes_total",
    "container_fs_reads_total",
    "container_fs_writes_bytes_total",
    "container_fs_writes_total",
    "container_last_seen",
    "container_memory_cache",
    "container_memory_failcnt",
    "container_memory_kernel_usage",
    "container_memory_mapped_file",
    "container_memory_max_usage_bytes",
    "container_memory_rss",
    "container_memory_swap",
    "container_memory_total_active_file_bytes",
    "container_memory_total_inactive_file_bytes",
    "container_memory_usage_bytes",
    "container_memory_working_set_bytes",
    "container_oom_events_total",
    "container_processes",
    "container_sockets",
    "container_spec_cpu_period",
    "container_spec_cpu_shares",
    "container_spec_memory_limit_bytes",
    "container_spec_memory_reservation_limit_bytes",
    "container_spec_memory_swap_limit_bytes",
    "container_threads",
    "container_threads_max",
    "container_pressure_cpu_stalled_seconds_total",
    "container_pressure_io_stalled_seconds_total",
    "container_pressure_io_waiting_seconds_total",
    "container_pressure_memory_stalled_seconds_total",
    "container_pressure_memory_waiting_seconds_total",
    "container_cpu_system_seconds_total",
    "container_cpu_user_seconds_total",
)
"""Families with one line a control group that do not count here."""

MANY = {
    "container_blkio_device_usage_total": [
        f'device="/dev/sda",major="8",minor="0",operation="{operation}"' for operation in ("Read", "Write")
    ],
    "container_memory_failures_total": [
        f'failure_type="{kind}",scope="{scope}"'
        for kind in ("pgfault", "pgmajfault")
        for scope in ("container", "hierarchy")
    ],
    "container_tasks_state": [
        f'state="{state}"' for state in ("iowaiting", "running", "sleeping", "stopped", "uninterruptible")
    ],
}
"""Families with a line for each of these labels."""


def used(container: int, turn: int) -> float:
    """CPU seconds of the n-th container of a node after so many rounds."""
    return 1000.0 + container + turn * ROUND * (container % 20) / 100


def resource(turn: int) -> bytes:
    """/metrics/resource of a node; its name is to be put in for NODE."""
    at = round((BEGAN + turn * ROUND) * 1000)
    usage, memory, start, pod_usage, pod_memory = [], [], [], [], []
    for pod in range(PODS_A_NODE):
        for place, name in enumerate(CONTAINERS):
            number = pod * len(CONTAINERS) + place
            labels = f'{{container="{name}",namespace="{_namespace(pod)}",pod="{_pod(pod)}"}}'
            usage.append(f"container_cpu_usage_seconds_total{labels} {used(number, turn)!r} {at + number}")
            memory.append(f"container_memory_working_set_bytes{labels} 4.1254912e+07 {at + number}")
            start.append(f"container_start_time_seconds{labels} 1.794912345678e+09")
        labels = f'{{namespace="{_namespace(pod)}",pod="{_pod(pod)}"}}'
        pod_usage.append(f"pod_cpu_usage_seconds_total{labels} {2000.0 + pod + turn} {at}")
        pod_memory.append(f"pod_memory_working_set_bytes{labels} 8.2e+07 {at}")
    node = [f"node_cpu_usage_seconds_total {90000 + turn} {at}"]
    families = {
        "container_cpu_usage_seconds_total": usage,
        "container_memory_working_set_bytes": memory,
        "container_start_time_seconds": start,
        "node_cpu_usage_seconds_total": node,
        "pod_cpu_usage_seconds_total": pod_usage,
        "pod_memory_working_set_bytes": pod_memory,
        "resource_scrape_error": ["resource_scrape_error 0"],
    }
    return _text(families)


def cadvisor(turn: int) -> bytes:
    """/metrics/cadvisor of a node; its name is to be put in for NODE."""
    at = round((BEGAN + turn * ROUND) * 1000)
    families: dict[str, list[str]] = {}

    def add(family: str, labels: str, value: str, more: str = "") -> None:
        container, rest = labels.split(",", 1)
        written = f"{container},{more},{rest}" if more else labels
        families.setdefault(family, []).append(f"{family}{{{written}}} {value} {at}")

    for pod, group, labels in _groups():
        periods = 1000 + 150 * turn
        if pod % 2 and group:
            add("container_cpu_cfs_periods_total", labels, str(periods))
            add("container_cpu_cfs_throttled_periods_total", labels, str(100 + turn * pod % 150))
            add("container_cpu_cfs_throttled_seconds_total", labels, f"{10.5 + turn}")
            add("container_spec_cpu_quota", labels, "50000")
        add("container_cpu_usage_seconds_total", labels, f"{2000.0 + pod + turn}", 'cpu="total"')
        add("container_pressure_cpu_waiting_seconds_total", labels, f"{pod + turn * 0.75}")
        add("container_start_time_seconds", labels, "1.794912345e+09")
        for family in FEW:
            add(family, labels, "1.2345678e+07")
        for family, each in MANY.items():
            for more in each:
                add(family, labels, "12345", more)
    machine = {"machine_cpu_cores": ['machine_cpu_cores{boot_id="b",machine_id="m",system_uuid="s"} 64']}
    return _text(dict(sorted(families.items())) | machine)


def pods(node: str, address: str) -> Iterator[Any]:
    """The Pod objects of a node, with what an API server tells of one."""
    for pod in range(PODS_A_NODE):
        yield {"metadata": _metadata(pod, node), "spec": _spec(pod, node), "status": _status(address)}


def _metadata(pod: int, node: str) -> Any:
    return {
        "name": _pod(pod).replace(NODE.decode(), node),
        "namespace": _namespace(pod),
        "uid": _uid(pod).replace(NODE.decode(), node),
        "resourceVersion": "100",
        "creationTimestamp": "2026-11-18T00:00:00Z",
        "labels": {"app": "web", "pod-template-hash": "5d4f8c", "release": "stable", "team": "orders"},
        "annotations": {"prometheus.io/scrape": "true", "kubectl.kubernetes.io/restartedAt": "2026-11-18"},
        "ownerReferences": [
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": f"{_workload(pod)}-{node}-5d4f8c",
                "uid": "0b2a7b1c-5d0e-4f3a-9c8d-112233445566",
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
        "managedFields": [{"manager": "kubelet", "operation": "Update", "fieldsV1": json.loads(_FIELDS)}],
    }


def _spec(pod: int, node: str) -> Any:
    resources = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"} | _limit(pod)}
    return {
        "nodeName": node,
        "serviceAccountName": "default",
        "restartPolicy": "Always",
        "volumes": [{"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}],
        "containers": [
            {
                "name": container,
                "image": f"registry.example/{container}:1.2.3",
                "resources": resources,
                "env": [{"name": f"SETTING_{number}", "value": "something"} for number in range(8)],
                "volumeMounts": [{"name": "token", "mountPath": "/var/run/secrets"}],
            }
            for container in CONTAINERS
        ],
    }


def _status(address: str) -> Any:
    return {
        "phase": "Running",
        "hostIP": address,
        "podIP": "10.0.0.1",
        "startTime": "2026-11-18T00:00:00Z",
        "conditions": [
            {"type": kind, "status": "True", "lastTransitionTime": "2026-11-18T00:00:05Z"}
            for kind in ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
        ],
        "containerStatuses": [
            {
                "name": container,
                "ready": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": "2026-11-18T00:00:01Z"}},
                "containerID": f"containerd://{'c0ffee' * 10}",
            }
            for container in CONTAINERS
        ],
    }


_FIELDS = '{"f:status":{"f:conditions":{"k:{\\"type\\":\\"Ready\\"}":{".":{},"f:status":{},"f:type":{}}},"f:phase":{}}}'


def _groups() -> Iterator[tuple[int, str, str]]:
    """Control groups of a node: pod, container (empty: the pod's own, or its sandbox) and labels."""
    for pod in range(PODS_A_NODE):
        uid = _uid(pod).replace("-", "_")
        path = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{uid}.slice"
        of = f'namespace="{_namespace(pod)}",pod="{_pod(pod)}"'
        yield pod, "", f'container="",id="{path}",image="",name="",{of}'
        for name in ("", *CONTAINERS):
            key = f"{pod:04x}{name or 'pause':x<6}{'0123456789abcdef' * 4}"[:64]
            image = f"registry.example/{name}@sha256:{'ab' * 32}" if name else "registry.k8s.io/pause:3.10"
            yield (
                pod,
                name,
                f'container="{name}",id="{path}/cri-containerd-{key}.scope",image="{image}",name="{key}",{of}',
            )


def _text(families: dict[str, list[str]]) -> bytes:
    lines = []
    for family, members in families.items():
        kind = "counter" if family.endswith("_total") else "gauge"
        lines += [f"# HELP {family} [STABLE] As the kubelet counts it.", f"# TYPE {family} {kind}", *members]
    return ("\n".join(lines) + "\n").encode()


def _limit(pod: int) -> dict[str, str]:
    return {"cpu": "500m"} if pod % 2 else {}


def _namespace(pod: int) -> str:
    return f"team-{pod // PODS_A_WORKLOAD:02d}"


def _workload(pod: int) -> str:
    return f"service-{pod // PODS_A_WORKLOAD:02d}"


def _pod(pod: int) -> str:
    return f"{_workload(pod)}-{NODE.decode()}-5d4f8c-{pod:05d}"


def _uid(pod: int) -> str:
    return f"0b2a7b1c-5d0e-4f3a-9c8d-{NODE.decode()}{pod:04x}"
