"""Control groups: real ones with a quota, of the version that the machine has, and trees of files of both."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from exporters.errors import Reason, SourceError
from exporters.pod_cpu.config import Cgroup, CgroupPod
from exporters.pod_cpu.snapshot import Container, Pod
from exporters.pod_cpu.sources.cgroup import CgroupSource

ROOT = Path("/sys/fs/cgroup")
QUOTA, PERIOD = 10_000, 100_000

UNIFIED = {
    "cpu.stat": "usage_usec 1500000\nuser_usec 1\nsystem_usec 1\nnr_periods 10\nnr_throttled 2\nthrottled_usec 5\n",
    "cpu.max": "50000 100000\n",
    "cpu.pressure": "some avg10=0.00 avg60=0.10 avg300=0.8 total=250000\nfull avg10=0.00 avg60=0.0 avg300=0. total=9\n",
}
"""Files of a group of version 2, as https://docs.kernel.org/admin-guide/cgroup-v2.html describes them."""

LEGACY = {
    "cpuacct/{}/cpuacct.usage": "1500000000\n",
    "cpu/{}/cpu.stat": "nr_periods 10\nnr_throttled 2\nthrottled_time 5\n",
    "cpu/{}/cpu.cfs_quota_us": "50000\n",
    "cpu/{}/cpu.cfs_period_us": "100000\n",
    "unified/{}/cpu.pressure": UNIFIED["cpu.pressure"],
}
"""Files of a group of version 1, as https://docs.kernel.org/scheduler/sched-bwc.html describes them, and PSI beside."""


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def unified(root: Path, path: str, **files: str) -> None:
    """Make or change a group of version 2; `cpu_max` stands for cpu.max."""
    write(root, {"cgroup.controllers": "cpu memory\n"})
    write(root / path, UNIFIED | {name.replace("_", "."): text for name, text in files.items()})


def legacy(root: Path, path: str, **files: str) -> None:
    """Make or change a group of version 1."""
    write(root, {name.format(path): text for name, text in LEGACY.items()})
    write(root, {f"cpu/{path}/cpu.{name}": text for name, text in files.items()})


def source(root: Path, clock: Any, *pods: CgroupPod) -> CgroupSource:
    return CgroupSource(Cgroup(kind="cgroup", root=root, pods=pods), clock)


def service(**settings: Any) -> CgroupPod:
    path = r"system\.slice/([^/]+)\.service"
    return CgroupPod(**({"path": path, "namespace": "system", "pod": r"\1", "workload": r"\1"} | settings))


@pytest.fixture
def folder() -> Iterator[str]:
    """A real group with a quota of a tenth of a core, empty; removed after the test."""
    if os.geteuid() != 0:
        pytest.skip("needs root: makes a control group")
    name = f"bongsu-{uuid.uuid4().hex}"
    version_2 = (ROOT / "cgroup.controllers").exists()
    places = [ROOT / name] if version_2 else [ROOT / "cpu" / name, ROOT / "cpuacct" / name]
    if version_2:
        (ROOT / "cgroup.subtree_control").write_text("+cpu")
    for place in places:
        place.mkdir(exist_ok=True)
    if version_2:
        (places[0] / "cpu.max").write_text(f"{QUOTA} {PERIOD}")
    else:
        (places[0] / "cpu.cfs_quota_us").write_text(str(QUOTA))
    yield name
    for place in places:
        if place.exists():
            for pid in (place / "cgroup.procs").read_text().split():
                (place.parent / "cgroup.procs").write_text(pid)
            place.rmdir()


def join(folder: str, pid: int) -> None:
    for place in (ROOT / folder, ROOT / "cpu" / folder, ROOT / "cpuacct" / folder):
        if place.exists():
            (place / "cgroup.procs").write_text(str(pid))


async def test_a_real_group_with_a_quota(folder: str, burner: Any, clock: Any) -> None:
    """Usage is what its process used, the limit is the quota, and throttling is read back."""
    watched = source(ROOT, clock, service(path=folder, pod="burner", workload="burner", request=0.1))
    join(folder, burner.pid)
    before = burner.burn(0)
    (first,) = (await watched.read()).pods
    assert (first.usage, first.request, first.limit, first.throttled) == (None, 0.1, 0.1, None)
    used = burner.burn(0.2) - before
    clock.now = 2.0
    (pod,) = (await watched.read()).pods
    assert pod.usage == pytest.approx(used / 2, rel=0.05)
    assert pod.limit_ratio == pytest.approx(used / 2 / 0.1, rel=0.05)
    assert pod.throttled is not None
    assert 0 < pod.throttled <= 1


Make = Callable[..., None]


@pytest.mark.parametrize("make", [unified, legacy])
async def test_both_versions_say_the_same(tmp_path: Path, clock: Any, make: Make) -> None:
    """In their own units."""
    make(tmp_path, "system.slice/web.service")
    watched = source(tmp_path, clock, service())
    assert (await watched.read()).pods[0].usage is None
    stat = "nr_periods 30\nnr_throttled 7\nthrottled_time 9\n"
    pressure = UNIFIED["cpu.pressure"].replace("250000", "750000")
    if make is unified:
        unified(tmp_path, "system.slice/web.service", cpu_stat=f"usage_usec 2500000\n{stat}", cpu_pressure=pressure)
    else:
        legacy(tmp_path, "system.slice/web.service", stat=stat)
        write(tmp_path, {"cpuacct/system.slice/web.service/cpuacct.usage": "2500000000\n"})
        write(tmp_path, {"unified/system.slice/web.service/cpu.pressure": pressure})
    clock.now = 5.0
    (pod,) = (await watched.read()).pods
    assert pod == Pod(
        "system",
        "web",
        "web",
        usage=pytest.approx(0.2),
        limit=0.5,
        throttled=0.25,
        pressure=pytest.approx(0.1),
        containers=(Container("web.service", pytest.approx(0.2), None, 0.5, 0.25),),
    )


@pytest.mark.parametrize(
    ("make", "open_ended"), [(unified, {"cpu_max": "max 100000\n"}), (legacy, {"cfs_quota_us": "-1\n"})]
)
async def test_without_a_quota_there_is_no_limit_and_no_throttling(
    tmp_path: Path, clock: Any, make: Make, open_ended: dict[str, str]
) -> None:
    """Not a limit of 0, and not a throttling of 0."""
    make(tmp_path, "system.slice/web.service", **open_ended)
    watched = source(tmp_path, clock, service())
    await watched.read()
    clock.now = 5.0
    (pod,) = (await watched.read()).pods
    assert (pod.usage, pod.limit, pod.limit_ratio, pod.throttled) == (0.0, None, None, None)


async def test_version_1_alone_tells_no_pressure(tmp_path: Path, clock: Any) -> None:
    """Without a tree of version 2 beside it there is none, which is not a pressure of 0."""
    legacy(tmp_path, "system.slice/web.service")
    (tmp_path / "unified").rename(tmp_path / "elsewhere")
    watched = source(tmp_path, clock, service())
    await watched.read()
    clock.now = 5.0
    (pod,) = (await watched.read()).pods
    assert (pod.usage, pod.pressure) == (0.0, None)


async def test_the_root_of_version_2_has_no_quota(tmp_path: Path, clock: Any) -> None:
    """It has neither cpu.max nor periods in cpu.stat."""
    write(tmp_path, {"cgroup.controllers": "", "cpu.stat": "usage_usec 7\n"})
    (pod,) = (await source(tmp_path, clock, service(path=r"\.", pod="all", workload="all")).read()).pods
    assert (pod.limit, pod.pressure) == (None, None)


async def test_groups_of_one_pod_are_added_up_and_what_is_within_is_not_counted_twice(
    tmp_path: Path, clock: Any
) -> None:
    """The outer group's counters hold those of the inner."""
    for path in ("system.slice/a.service", "system.slice/a.service/inner.service", "system.slice/b.service", "user"):
        unified(tmp_path, path)
    watched = source(tmp_path, clock, service(path=r".*/([^/]+)\.service", pod="all", workload="all"))
    await watched.read()
    for path in ("system.slice/a.service", "system.slice/a.service/inner.service", "system.slice/b.service"):
        unified(tmp_path, path, cpu_stat="usage_usec 2500000\nnr_periods 10\nnr_throttled 2\n")
    clock.now = 5.0
    (pod,) = (await watched.read()).pods
    assert [container.name for container in pod.containers] == ["a.service", "b.service"]
    assert (pod.usage, pod.limit) == (pytest.approx(0.4), 1.0)


async def test_a_group_that_was_made_again_begins_anew(tmp_path: Path, clock: Any) -> None:
    """The same path is another group."""
    unified(tmp_path, "system.slice/web.service")
    watched = source(tmp_path, clock, service())
    await watched.read()
    (tmp_path / "system.slice/web.service").rename(tmp_path / "old")
    unified(tmp_path, "system.slice/web.service", cpu_stat="usage_usec 9500000\n")
    clock.now = 5.0
    (pod,) = (await watched.read()).pods
    assert pod.usage is None


async def test_a_group_that_ended_leaves_at_once(tmp_path: Path, clock: Any) -> None:
    """Nothing of it is kept."""
    unified(tmp_path, "system.slice/web.service")
    watched = source(tmp_path, clock, service())
    assert len((await watched.read()).pods) == 1
    (tmp_path / "system.slice/web.service").rename(tmp_path / "gone")
    assert (await watched.read()).pods == ()


async def test_a_broken_file_costs_its_own_group_only(tmp_path: Path, clock: Any) -> None:
    """And is said with its place."""
    unified(tmp_path, "system.slice/web.service")
    unified(tmp_path, "system.slice/odd.service", cpu_stat="no numbers\n")
    found = await source(tmp_path, clock, service()).read()
    assert [pod.name for pod in found.pods] == ["web"]
    (problem,) = found.problems
    assert problem.reason is Reason.INVALID_ANSWER
    assert problem.message.startswith(f"{tmp_path}/system.slice/odd.service: ")


async def test_what_is_no_tree_is_said_so(tmp_path: Path, clock: Any) -> None:
    """The source is down, and the exporter lives."""
    with pytest.raises(SourceError, match="holds no control groups") as caught:
        await source(tmp_path, clock, service()).read()
    assert caught.value.reason is Reason.UNREACHABLE
