"""Every golden /metrics is what Prometheus' own linter accepts."""

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
GOLDEN = sorted(HERE.glob("*/golden/*.prom"))

OTHERS_NAMES = {
    "kafka_consumergroup_current_offset_sum",
    "kafka_consumergroup_lag_sum",
    "kafka_consumergroup_poll_time_ms",
}
"""Gauges that promtool would have without `_sum` and `_ms`; dashboards of other exporters know them so."""


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.parent.name}/{path.name}")
def test_promtool_accepts_it(path: Path) -> None:
    """`promtool check metrics` finds nothing but the names that are kept for compatibility."""
    promtool = shutil.which("promtool")
    assert promtool, "promtool is needed: apt-get install prometheus"
    with path.open("rb") as text:
        checked = subprocess.run(
            [promtool, "check", "metrics"], stdin=text, capture_output=True, text=True, check=False
        )
    found = (checked.stdout + checked.stderr).splitlines()
    assert [line for line in found if line.split()[0] not in OTHERS_NAMES] == []


def test_each_exporter_has_one() -> None:
    """Documents and rules are held against these files."""
    assert {path.parent.parent.name for path in GOLDEN if path.name == "metrics.prom"} == {
        "gateway_limits",
        "kafka_lag",
        "pod_cpu",
    }
