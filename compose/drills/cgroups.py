"""One control group with a CPU limit, and a process in it: what the kernel does to a container that has a limit.

Version 2: https://docs.kernel.org/admin-guide/cgroup-v2.html (``cpu.max``). Version 1, with the pressure of the empty
version 2 beside it: https://docs.kernel.org/scheduler/sched-bwc.html (``cpu.cfs_quota_us``).
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PERIOD = 100_000
"""Microseconds; Kubernetes' and Docker's too."""

UNIFIED = "unified"
LEGACY = ("cpu", "cpuacct", UNIFIED)
"""The trees that exporters/pod_cpu reads where version 1 has the CPU controller."""


def prevented(root: Path = ROOT) -> str | None:
    """Say why this machine has no group to give, or None."""
    if not any(tree.is_dir() for tree in _trees(root).values()):
        return f"this machine has no control groups at {root}"
    if os.geteuid() != 0:
        return "only root may make a control group with a CPU limit; run the stack and the drill as root"
    probe = f"bongsu-probe-{os.getpid()}"
    try:
        with _made(probe, root) as groups:
            _limit(groups, 1.0)
            _pressure(groups).read_text()
    except OSError as error:
        return f"the kernel gives no control group with a CPU limit and pressure here ({error})"
    return None


@contextmanager
def limited(path: str, pid: int, cores: float, root: Path = ROOT) -> Iterator[None]:
    """Hold process `pid` to `cores` in a new group `path` for the length of a block, then put it back.

    Raises OSError when the kernel refuses.
    """
    homes = _homes(pid, root)
    with _made(path, root) as groups:
        _limit(groups, cores)
        try:
            for group in groups.values():
                _move(pid, group)
            yield
        finally:
            for tree, home in homes.items():
                with suppress(ProcessLookupError):  # it ended by itself
                    _move(pid, home if home.is_dir() else _trees(root)[tree])


@contextmanager
def _made(path: str, root: Path) -> Iterator[Mapping[str, Path]]:
    """Make the group in each tree, parents included; what was made is removed."""
    made: list[Path] = []
    try:
        for tree in _trees(root).values():
            place = tree
            for name in Path(path).parts:
                _delegate(place)
                place /= name
                if not place.exists():
                    place.mkdir()
                    made.append(place)
        yield {name: tree / path for name, tree in _trees(root).items()}
    finally:
        for place in reversed(made):
            place.rmdir()


def _trees(root: Path) -> Mapping[str, Path]:
    """The trees that a group must be made in, by name; version 2 has one."""
    return {"": root} if _version_2(root) else {name: root / name for name in LEGACY}


def _version_2(root: Path) -> bool:
    return (root / "cgroup.controllers").exists()


def _delegate(place: Path) -> None:
    """Let groups below `place` have the CPU controller, where that has to be said. It stays so: others may use it."""
    control = place / "cgroup.subtree_control"
    if "cpu" in _words(place / "cgroup.controllers") and "cpu" not in _words(control):
        control.write_text("+cpu", encoding="ascii")


def _words(file: Path) -> list[str]:
    return file.read_text(encoding="ascii").split() if file.exists() else []


def _limit(groups: Mapping[str, Path], cores: float) -> None:
    quota = round(cores * PERIOD)
    if "" in groups:
        (groups[""] / "cpu.max").write_text(f"{quota} {PERIOD}", encoding="ascii")
    else:
        (groups["cpu"] / "cpu.cfs_period_us").write_text(str(PERIOD), encoding="ascii")
        (groups["cpu"] / "cpu.cfs_quota_us").write_text(str(quota), encoding="ascii")


def _pressure(groups: Mapping[str, Path]) -> Path:
    return (groups.get("") or groups[UNIFIED]) / "cpu.pressure"


def _homes(pid: int, root: Path) -> Mapping[str, Path]:
    """Where the process is now in each tree: proc(5), ``/proc/[pid]/cgroup``, lines of id, controllers and path."""
    lines = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").splitlines()
    paths = {controllers: path.lstrip("/") for _, controllers, path in (line.split(":", 2) for line in lines)}
    wanted = {name: "" if name == UNIFIED else name for name in _trees(root)}
    return {
        name: _trees(root)[name] / next((path for key, path in paths.items() if controller in key.split(",")), "")
        for name, controller in wanted.items()
    }


def _move(pid: int, group: Path) -> None:
    (group / "cgroup.procs").write_text(str(pid), encoding="ascii")
