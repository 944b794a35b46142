"""A kubelet's text -> readings of containers.

/metrics/resource: https://kubernetes.io/docs/reference/instrumentation/node-metrics/; /metrics/cadvisor:
https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md. A node writes ten thousand lines of which
some hundred count here, and a cluster has hundreds of nodes: so the families that are wanted are found by their names,
and their lines read by one pattern each, which knows how kubelets write them. Lines that are written otherwise (another
order of the labels, one more, a quote within) are read slowly, and read all the same.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from sys import intern
from typing import NamedTuple

from exporters.errors import Reason, SourceError
from exporters.pod_cpu.history import Stalls, Usage
from exporters.pod_cpu.sources.kubernetes.objects import PodId

RESOURCE = "/metrics/resource"
CADVISOR = "/metrics/cadvisor"

MILLISECONDS = 1000

LONGEST_LINE = 1024 * 1024
"""Bytes; real ones have a few hundred."""

CONTAINER = ("container", "namespace", "pod")
CGROUP = ("container", "id", "image", "name", "namespace", "pod")
"""Labels as the kubelet writes them: sorted by name."""

USAGE: Mapping[str, tuple[str, ...]] = {
    "container_start_time_seconds": CONTAINER,
    "container_cpu_usage_seconds_total": CONTAINER,
    "pod_cpu_usage_seconds_total": ("namespace", "pod"),
    "resource_scrape_error": (),
}
STALLS: Mapping[str, tuple[str, ...]] = {
    "container_cpu_cfs_periods_total": CGROUP,
    "container_cpu_cfs_throttled_periods_total": CGROUP,
    "container_pressure_cpu_waiting_seconds_total": CGROUP,
}
"""Families that count, and their labels; these in the order of the fields of Stalls."""

_LABEL = r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"'
_LABELS = re.compile(_LABEL)
_LINE = re.compile(rf"(?P<family>[a-z_]+)\{{((?:{_LABEL},?)*)\}} (?P<value>\S+)(?: (?P<at>-?\d+))?")

SANDBOX = ("", "POD")
"""What holds a pod's network and uses nothing has no container's name, or this one with Docker."""

POD_CGROUP = re.compile(r"pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})(?:\.slice)?/")
"""Start of a container's path below its pod's, with either driver: systemd writes dashes as underscores."""


class ContainerId(NamedTuple):
    """A container of /metrics/resource. A restarted one has the same id, and another start."""

    container: str
    namespace: str
    pod: str


class CgroupId(NamedTuple):
    """A container of /metrics/cadvisor. A restarted one has another `cgroup`."""

    namespace: str
    pod: str
    container: str
    cgroup: str
    """Twelve characters of its name, which the container runtime chose at random."""


@dataclass(frozen=True)
class Usages:
    """What /metrics/resource says. Times are Unix times of the node's clock."""

    containers: Mapping[ContainerId, Usage]
    pods: Mapping[PodId, Usage]
    """Of pods as a whole: the CPU of their containers once more."""
    failed: bool
    """Whether the kubelet says that it could not measure everything."""


@dataclass(frozen=True)
class Throttling:
    """What /metrics/cadvisor says of throttling and pressure."""

    containers: Mapping[CgroupId, Stalls]
    pods: Mapping[PodId, Stalls]
    unlabelled: Mapping[tuple[str, str], Stalls]
    """Containers whose labels were lost, by the uid of their pod and their path below it."""


def usages(text: Iterable[bytes], now: float, where: str) -> Usages:
    """Read /metrics/resource, in pieces of any size; `now` is the time of lines without one.

    Raises SourceError when it is no such text.
    """
    try:
        rows = _rows(text, USAGE, b"node_cpu_usage_seconds_total")
        starts = {
            ContainerId(*map(intern, labels)): float(value)
            for *labels, value, _ in rows["container_start_time_seconds"]
        }
        containers = {
            (key := ContainerId(*map(intern, labels))): Usage(_time(at, now), float(value), starts.get(key))
            for *labels, value, at in rows["container_cpu_usage_seconds_total"]
        }
        pods = {
            PodId(*map(intern, labels)): Usage(_time(at, now), float(value))
            for *labels, value, at in rows["pod_cpu_usage_seconds_total"]
        }
        failed = any(float(value) for value, _ in rows["resource_scrape_error"])
    except ValueError as error:
        raise SourceError(Reason.INVALID_ANSWER, f"{where}: {error}") from error
    return Usages(containers, pods, failed)


def throttling(text: Iterable[bytes], now: float, where: str) -> Throttling:
    """Read /metrics/cadvisor, in pieces of any size; `now` is the time of lines without one.

    Raises SourceError when it is no such text.
    """
    found: dict[tuple[str, ...], list[float | None]] = {}
    times: dict[tuple[str, ...], float] = {}
    try:
        for place, rows in enumerate(_rows(text, STALLS, b"machine_cpu_cores").values()):
            for *labels, value, at in rows:
                key = tuple(labels)
                found.setdefault(key, [None, None, None])[place] = float(value)
                times[key] = _time(at, now)
    except ValueError as error:
        raise SourceError(Reason.INVALID_ANSWER, f"{where}: {error}") from error
    return _sorted(found, times)


def _sorted(found: Mapping[tuple[str, ...], list[float | None]], times: Mapping[tuple[str, ...], float]) -> Throttling:
    containers, pods, unlabelled = {}, {}, {}
    for key, counts in found.items():
        container, path, _, name, namespace, pod = key
        if not pod:
            if match := POD_CGROUP.search(path):
                unlabelled[match[1].replace("_", "-"), path[match.end() :]] = Stalls(times[key], *counts)
        elif not name:
            pods[PodId(intern(namespace), intern(pod))] = Stalls(times[key], *counts)
        # a container's own pressure is not told; without a quota there is nothing to know of it
        elif container not in SANDBOX and counts[0] is not None:
            told = CgroupId(intern(namespace), intern(pod), intern(container), name[:12])
            containers[told] = Stalls(times[key], *counts)
    return Throttling(containers, pods, unlabelled)


def _rows(
    text: Iterable[bytes], wanted: Mapping[str, tuple[str, ...]], sign: bytes
) -> dict[str, list[tuple[str, ...]]]:
    """Labels, value and time (or nothing) of each line of the `wanted` families, which map a name to its labels.

    Raises ValueError when `sign` is nowhere in it, which every kubelet says, or the last line has no end, or a line of
    a wanted family is none.
    """
    blocks: dict[str, list[bytes]] = {family: [] for family in wanted}
    heads = {family: f"\n{family}{'{' if labels else ' '}".encode() for family, labels in wanted.items()}
    signed, rest = False, b""
    for chunk in text:
        # each line is looked for with the end of the one before
        lines, _, rest = (b"\n" + rest + chunk).rpartition(b"\n")
        if len(rest) > LONGEST_LINE:
            raise ValueError(f"a line is longer than {LONGEST_LINE} bytes")
        signed = signed or sign in lines
        for family, head in heads.items():
            # the lines of a family stand together, as the format demands
            if (first := lines.find(head)) >= 0:
                last = lines.find(b"\n", lines.rfind(head) + 1)
                blocks[family].append(lines[first : last if last >= 0 else len(lines)])
    if not signed:
        raise ValueError(f"not what a kubelet says: it has no {sign.decode()}")
    if rest:
        raise ValueError("answer is cut")
    return {family: _read(family, labels, b"".join(blocks[family]).decode()) for family, labels in wanted.items()}


def _read(family: str, labels: tuple[str, ...], block: str) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = _pattern(family, labels).findall(block)
    return rows if len(rows) == block.count("\n") else list(_slowly(family, labels, block))


@lru_cache(maxsize=32)
def _pattern(family: str, labels: tuple[str, ...]) -> "re.Pattern[str]":
    written = ",".join(rf'{label}="([^"\\]*)"' for label in labels)
    return re.compile(rf"\n{family}{rf'{{{written}}}' if labels else ''} (\S+)(?: (-?\d+))?(?=\n|\Z)")


def _slowly(family: str, labels: tuple[str, ...], block: str) -> Iterator[tuple[str, ...]]:
    for line in block.split("\n")[1:]:
        match = _LINE.fullmatch(line)
        if match is None or match["family"] != family:
            raise ValueError(f"not a sample of {family}: {line[:100]!r}")
        found = {name: re.sub(r"\\(.)", r"\1", value) for name, value in _LABELS.findall(match[2])}
        yield (*(found.get(label, "") for label in labels), match["value"], match["at"] or "")


def _time(milliseconds: str, now: float) -> float:
    return int(milliseconds) / MILLISECONDS if milliseconds else now
