r"""Pods that are control groups of this machine, in a tree of version 1 or 2.

Version 2: https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files (microseconds), PSI from
``cpu.pressure`` (https://docs.kernel.org/accounting/psi.html). Version 1: ``cpuacct.usage``
(https://docs.kernel.org/admin-guide/cgroup-v1/cpuacct.html) and ``cpu.stat``
(https://docs.kernel.org/scheduler/sched-bwc.html), in nanoseconds. Where version 1 has the CPU and version 2 is mounted
beside it (``unified``), the pressure of the group of the same path there is the group's.
"""

import asyncio
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from exporters.errors import Reason, SourceError
from exporters.pod_cpu.config import Cgroup, CgroupPod
from exporters.pod_cpu.history import History, Stalled, Stalls, Usage, cores, stalled
from exporters.pod_cpu.snapshot import Container, Pod, Snapshot, bound, most, total

MICROSECONDS, NANOSECONDS = 1e-6, 1e-9


class GroupId(NamedTuple):
    """One control group: a path is used again, but by another folder."""

    path: str
    inode: int


class Owner(NamedTuple):
    """Which pod a control group belongs to."""

    namespace: str
    pod: str
    workload: str
    request: float | None


@dataclass(frozen=True)
class Group:
    """What a control group's files say. `limit` in cores."""

    owner: Owner
    usage: Usage
    stalls: Stalls
    limit: float | None


class CgroupSource:
    """Control groups below one root."""

    def __init__(self, settings: Cgroup, clock: Callable[[], float] = time.monotonic) -> None:
        """Look at nothing yet; `clock` gives seconds and never jumps."""
        self._settings = settings
        self._clock = clock
        self._cores: History[GroupId, Usage, float | None] = History(cores)
        self._stalled: History[GroupId, Stalls, Stalled] = History(stalled)

    async def close(self) -> None:
        """Nothing is held open."""

    async def read(self) -> Snapshot:
        """Walk the tree once, in a thread.

        Raises SourceError when there is no such tree. A group that can't be read is a problem of its own.
        """
        groups, problems = await asyncio.to_thread(read, self._settings, self._clock)
        usages = self._cores.rates({key: group.usage for key, group in groups.items()})
        stalls = self._stalled.rates({key: group.stalls for key, group in groups.items()})
        return Snapshot(tuple(_pods(groups, usages, stalls)), problems)


def read(settings: Cgroup, clock: Callable[[], float]) -> tuple[dict[GroupId, Group], tuple[SourceError, ...]]:
    """Read every group that belongs to a pod, and say which of them could not be.

    Raises SourceError when `root` is no tree of control groups.
    """
    tree = _tree(settings.root)
    groups, problems = {}, []
    for path, owner in _owned(tree.root, settings.pods):
        try:
            key = GroupId(path, (tree.root / path).stat().st_ino)
            groups[key] = tree.read(path, owner, clock())
        except FileNotFoundError:
            continue  # it ended while it was read
        except (OSError, ValueError) as error:
            text = error.strerror if isinstance(error, OSError) else error
            problems.append(SourceError(Reason.INVALID_ANSWER, f"{tree.root / path}: {text}"))
    return groups, tuple(problems)


def _tree(root: Path) -> "Unified | Legacy":
    if (root / "cgroup.controllers").exists():
        return Unified(root)
    if (root / "cpuacct").is_dir():
        return Legacy(root / "cpuacct", root / "cpu", root / "unified")
    raise SourceError(Reason.UNREACHABLE, f"{root}: holds no control groups")


def _owned(root: Path, pods: Sequence[CgroupPod]) -> Iterator[tuple[str, Owner]]:
    """Give the groups of pods: the outermost that match, for their counters include what is within."""
    for folder, folders, _ in os.walk(root):
        folders.sort()
        path = str(Path(folder).relative_to(root))
        if owner := _owner(path, pods):
            folders.clear()
            yield path, owner


def _owner(path: str, pods: Sequence[CgroupPod]) -> Owner | None:
    for pod in pods:
        if match := re.fullmatch(pod.path, path):
            expand = match.expand
            return Owner(expand(pod.namespace), expand(pod.pod), expand(pod.workload), pod.request)
    return None


@dataclass(frozen=True)
class Unified:
    """Version 2: every controller in one tree."""

    root: Path

    def read(self, path: str, owner: Owner, at: float) -> Group:
        """Read one group; raises OSError, and ValueError when a file holds something else than is documented."""
        folder = self.root / path
        stat = _numbers(folder / "cpu.stat")
        used = stat["usage_usec"] * MICROSECONDS if "usage_usec" in stat else None
        if used is None:
            raise ValueError("cpu.stat has no usage_usec")
        stalls = Stalls(at, stat.get("nr_periods"), stat.get("nr_throttled"), _pressure(folder / "cpu.pressure"))
        quota, _, period = (_text(folder / "cpu.max") or "max").partition(" ")
        limited = quota != "max"
        # a group without a quota has its periods at 0: there is nothing to be throttled by
        unlimited = Stalls(at, waited=stalls.waited)
        return Group(
            owner, Usage(at, used), stalls if limited else unlimited, int(quota) / int(period) if limited else None
        )


@dataclass(frozen=True)
class Legacy:
    """Version 1: usage and quota in two trees, which may be one; pressure in a third, of version 2, if at all."""

    root: Path
    quotas: Path
    pressures: Path

    def read(self, path: str, owner: Owner, at: float) -> Group:
        """Read one group; raises OSError, and ValueError when a file holds something else than is documented."""
        used = int((self.root / path / "cpuacct.usage").read_text()) * NANOSECONDS
        folder = self.quotas / path
        quota = int(_text(folder / "cpu.cfs_quota_us") or -1)
        waited = _pressure(self.pressures / path / "cpu.pressure")
        if quota < 0:
            return Group(owner, Usage(at, used), Stalls(at, waited=waited), None)
        stat = _numbers(folder / "cpu.stat")
        limit = quota / int((folder / "cpu.cfs_period_us").read_text())
        stalls = Stalls(at, stat.get("nr_periods"), stat.get("nr_throttled"), waited)
        return Group(owner, Usage(at, used), stalls, limit)


def _text(file: Path) -> str | None:
    try:
        return file.read_text()
    except FileNotFoundError:
        return None


def _numbers(file: Path) -> Mapping[str, int]:
    return {name: int(number) for name, number in (line.split() for line in file.read_text().splitlines())}


def _pressure(file: Path) -> float | None:
    """Seconds for which some task waited; None where the kernel does not keep them."""
    try:
        text = file.read_text()
    except OSError:  # without CONFIG_PSI there is no file; with psi=0 it can't be read
        return None
    match = re.search(r"^some .*\btotal=(\d+)", text, re.MULTILINE)
    return int(match[1]) * MICROSECONDS if match else None


def _pods(
    groups: Mapping[GroupId, Group],
    usages: Mapping[GroupId, float | None],
    stalls: Mapping[GroupId, Stalled],
) -> Iterator[Pod]:
    by_owner: dict[Owner, list[GroupId]] = {}
    for key, group in groups.items():
        by_owner.setdefault(group.owner, []).append(key)
    for owner, keys in by_owner.items():
        containers = tuple(
            Container(Path(key.path).name, usages[key], None, groups[key].limit, stalls[key].throttled) for key in keys
        )
        yield Pod(
            owner.namespace,
            owner.pod,
            owner.workload,
            usage=total(container.usage for container in containers),
            request=owner.request,
            limit=bound(container.limit for container in containers),
            throttled=most(container.throttled for container in containers),
            pressure=most(stalls[key].pressure for key in keys),
            containers=containers,
        )
