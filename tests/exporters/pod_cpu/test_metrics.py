"""The text of /metrics."""

from collections.abc import Callable

from exporters.collection import Status
from exporters.exposition import Exposition
from exporters.pod_cpu import EXPORTER
from exporters.pod_cpu.config import PodCpuSettings, Process, ProcessPod
from exporters.pod_cpu.snapshot import Pod, Snapshot
from exporters.scrape import all_families

SETTINGS = PodCpuSettings(
    listen="127.0.0.1:9310",
    sources=(
        Process(kind="process", pods=(ProcessPod(namespace="demo", pod="users-0", workload="users", command="users"),)),
    ),
)


def test_metrics(golden: Callable[[str, str], None]) -> None:
    """A pod has the series of what is known of it: no usage at its first read, no ratio without its divisor."""
    pods = (
        Pod("demo", "users-0", "users", usage=0.2, request=0.25, limit=0.5),
        Pod("demo", "orders-0", "orders", usage=None, request=0.25, limit=0.5),
        Pod("demo", "billing-0", "billing", usage=0.0, request=None, limit=0.5),
        Pod("demo", "answers-0", "answers", usage=1.5),
    )
    status = Status("process", Snapshot(pods), attempts=2, duration=0.004, last_success=1_700_000_000.5)
    golden("metrics.prom", Exposition().render(all_families(EXPORTER, SETTINGS, [status])).decode())
