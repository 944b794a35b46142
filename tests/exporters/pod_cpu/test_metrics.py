"""The text of /metrics."""

from collections.abc import Callable

from exporters.collection import Status
from exporters.exposition import Exposition
from exporters.pod_cpu import EXPORTER
from exporters.pod_cpu.config import Kubernetes, PodCpuSettings, Process, ProcessPod
from exporters.pod_cpu.snapshot import Container, Pod, Snapshot, Standing
from exporters.scrape import all_families
from exporters.shard import Shard

PROCESS = Process(
    kind="process", pods=(ProcessPod(namespace="demo", pod="users-0", workload="users", command="users"),)
)
PLAIN = PodCpuSettings(listen="127.0.0.1:9310", sources=(PROCESS,))
WHOLE = PodCpuSettings(listen="127.0.0.1:9310", sources=(PROCESS,), containers=True, autoscaler_target=0.5)

PODS = (
    Pod(
        "demo",
        "users-0",
        "users",
        usage=0.2,
        request=0.25,
        limit=0.5,
        throttled=0.25,
        pressure=0.1,
        kind="Deployment",
        containers=(Container("proxy", 0.05, 0.05, 0.1, 0.25), Container("app", 0.15, 0.2, 0.4)),
    ),
    Pod("demo", "orders-0", "orders", usage=None, request=0.25, limit=0.5),
    Pod("demo", "billing-0", "billing", usage=0.0, request=None, limit=0.5, throttled=0.0),
    Pod("demo", "answers-0", "answers", usage=1.5),
)
UNSEEN = (Pod("demo", "users-1", "users", request=0.25, kind="Deployment", standing=Standing.UNREADY),)


def text(settings: PodCpuSettings, *snapshots: Snapshot) -> str:
    statuses = [
        Status(f"process-{number}" if number else "process", snapshot, attempts=2, duration=0.004, last_success=1.7e9)
        for number, snapshot in enumerate(snapshots)
    ]
    return Exposition().render(all_families(EXPORTER, settings, statuses)).decode()


def test_metrics(golden: Callable[[str, str], None]) -> None:
    """A pod has the series of what is known of it: no usage at its first read, no ratio without its divisor."""
    golden("metrics.prom", text(WHOLE, Snapshot(PODS, unseen=UNSEEN)))


def test_containers_and_a_verdict_are_told_on_demand_only() -> None:
    """Six series of a pod, a seventh with PSI, and two of its workload."""
    written = text(PLAIN, Snapshot(PODS, unseen=UNSEEN))
    assert "pod_cpu_container_usage_cores{" not in written
    assert "pod_cpu_workload_desired_replicas{" not in written
    assert 'pod_cpu_workload_replicas{namespace="demo",workload="users",kind="Deployment"} 2' in written
    assert sum('pod="users-0"' in line for line in written.splitlines()) == 7


def test_a_shard_does_not_speak_of_workloads() -> None:
    """It sees some of their pods only."""
    shard = PodCpuSettings(listen="127.0.0.1:9310", sources=(Kubernetes(kind="kubernetes", shard=Shard(0, 2)),))
    assert "pod_cpu_workload" not in text(shard, Snapshot(PODS))


def test_a_pod_that_two_sources_see_is_told_once() -> None:
    """Prometheus would drop what is told twice."""
    again = Snapshot((Pod("demo", "users-0", "users", usage=9.0),))
    lines = [line for line in text(PLAIN, Snapshot(PODS), again).splitlines() if 'pod="users-0"' in line]
    assert [line for line in lines if line.startswith("pod_cpu_usage_cores")] == [
        'pod_cpu_usage_cores{namespace="demo",pod="users-0",workload="users"} 0.2'
    ]
