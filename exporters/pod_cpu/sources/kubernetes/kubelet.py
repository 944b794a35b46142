"""A kubelet's text -> readings of containers.

/metrics/resource: https://kubernetes.io/docs/reference/instrumentation/node-metrics/; /metrics/cadvisor:
https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md. A node writes ten thousand lines of which
some hundred count here, and a cluster has hundreds of nodes: so the families that are wanted are found by their names,
and their lines read by one pattern each, which knows how kubelets write them. Lines that are written otherwise (another
order of the labels, one more, a quote within) are read slowly, and read all the same.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from exporters.errors import Reason, SourceError
from exporters.pod_cpu.history import Stalls, Usage
from exporters.pod_cpu.sources.kubernetes.objects import PodId

RESOURCE = "/metrics/resource"
CADVISOR = "/metrics/cadvisor"

MILLISECONDS = 1000

CONTAINER = ("container", "namespace", "pod")
POD = ("namespace", "pod")
CGROUP = ("container", "id", "image", "name", "namespace", "pod")
"""Labels as the kubelet writes them: sorted by name."""

_LABEL = r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"'
_LABELS = re.compile(_LABEL)
_LINE = re.compile(rf"[a-z_]+\{{((?:{_LABEL},?)*)\}} (?P<value>\S+)(?: (?P<at>-?\d+))?")

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

    pod: PodId
    container: str
    cgroup: str


@dataclass(frozen=True)
class Usages:
    """What /metrics/resource says. Times are Unix times of the node's clock."""

    containers: Mapping[ContainerId, Usage]
    pods: Mapping[PodId, Usage]
    """Of whole pods: the same CPU once more."""
    failed: bool
    """Whether the kubelet says that it could not measure everything."""


@dataclass(frozen=True)
class Throttling:
    """What /metrics/cadvisor says of throttling and pressure."""

    containers: Mapping[CgroupId, Stalls]
    pods: Mapping[PodId, Stalls]
    unlabelled: Mapping[tuple[str, str], Stalls]
    """Containers whose labels were lost, by the uid of their pod and their path below it."""


def usages(text: bytes, now: float, where: str) -> Usages:
    """Read /metrics/resource; `now` is the time of lines without one. Raises SourceError when it is no such text."""
    _check(text, b"node_cpu_usage_seconds_total", where)
    try:
        starts = {
            (container, namespace, pod): float(value)
            for container, namespace, pod, value, _ in _rows(text, "container_start_time_seconds", CONTAINER)
        }
        containers = {
            ContainerId(container, namespace, pod): Usage(
                _time(at, now), float(value), starts.get((container, namespace, pod))
            )
            for container, namespace, pod, value, at in _rows(text, "container_cpu_usage_seconds_total", CONTAINER)
        }
        pods = {
            PodId(namespace, pod): Usage(_time(at, now), float(value))
            for namespace, pod, value, at in _rows(text, "pod_cpu_usage_seconds_total", POD)
        }
        failed = any(float(value) for value, _ in _rows(text, "resource_scrape_error", ()))
    except ValueError as error:
        raise SourceError(Reason.INVALID_ANSWER, f"{where}: {error}") from error
    return Usages(containers, pods, failed)


def throttling(text: bytes, now: float, where: str) -> Throttling:
    """Read /metrics/cadvisor; `now` is the time of lines without one. Raises SourceError when it is no such text."""
    _check(text, b"machine_cpu_cores", where)
    found: dict[tuple[str, ...], list[float | None]] = {}
    times: dict[tuple[str, ...], float] = {}
    try:
        for place, family in enumerate(
            (
                "container_cpu_cfs_periods_total",
                "container_cpu_cfs_throttled_periods_total",
                "container_pressure_cpu_waiting_seconds_total",
            )
        ):
            for *labels, value, at in _rows(text, family, CGROUP):
                key = tuple(labels)
                found.setdefault(key, [None, None, None])[place] = float(value)
                times[key] = _time(at, now)
    except ValueError as error:
        raise SourceError(Reason.INVALID_ANSWER, f"{where}: {error}") from error
    containers, pods, unlabelled = {}, {}, {}
    for key, counts in found.items():
        container, path, _, name, namespace, pod = key
        stalls = Stalls(times[key], *counts)
        if not pod:
            if match := POD_CGROUP.search(path):
                unlabelled[match[1].replace("_", "-"), path[match.end() :]] = stalls
        elif not name:
            pods[PodId(namespace, pod)] = stalls
        elif container not in SANDBOX:
            containers[CgroupId(PodId(namespace, pod), container, name)] = stalls
    return Throttling(containers, pods, unlabelled)


def _check(text: bytes, sign: bytes, where: str) -> None:
    if sign not in text:
        raise SourceError(Reason.INVALID_ANSWER, f"{where}: not what a kubelet says: it has no {sign.decode()}")
    if not text.endswith(b"\n"):
        raise SourceError(Reason.INVALID_ANSWER, f"{where}: answer is cut")


def _rows(text: bytes, family: str, labels: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Values of `labels`, value and time (or nothing) of each line of a family; raises ValueError at one that is none.

    The lines of a family stand together, as the format demands.
    """
    start = text.find(b"\n%s%s" % (family.encode(), b"{" if labels else b" "))
    if start < 0:
        return []
    end = text.find(b"\n#", start)
    block = text[start : end if end > 0 else len(text) - 1].decode()
    rows: list[tuple[str, ...]] = _pattern(family, labels).findall(block)
    return rows if len(rows) == block.count("\n") else list(_slowly(block, labels))


@lru_cache(maxsize=32)
def _pattern(family: str, labels: tuple[str, ...]) -> "re.Pattern[str]":
    written = ",".join(rf'{label}="([^"\\]*)"' for label in labels)
    return re.compile(rf"\n{family}{rf'{{{written}}}' if labels else ''} (\S+)(?: (-?\d+))?(?=\n|\Z)")


def _slowly(block: str, labels: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for line in block.splitlines()[1:]:
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"not a sample: {line[:100]!r}")
        found = {name: re.sub(r"\\(.)", r"\1", value) for name, value in _LABELS.findall(match[1])}
        yield (*(found.get(label, "") for label in labels), match["value"], match["at"] or "")


def _time(milliseconds: str, now: float) -> float:
    return int(milliseconds) / MILLISECONDS if milliseconds else now
