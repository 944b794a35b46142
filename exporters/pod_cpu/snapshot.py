"""What one read found of the pods that run, and the arithmetic of their CPU use."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from exporters.errors import SourceError


class ProcessId(NamedTuple):
    """One process: the kernel gives a pid again, but not with the same start."""

    pid: int
    started: float
    """Unix time."""


@dataclass(frozen=True)
class Sample:
    """CPU seconds that each process of a pod had used, at one moment of a clock that never jumps (seconds)."""

    at: float
    used: Mapping[ProcessId, float]


def usage(before: Sample | None, now: Sample) -> float | None:
    """Cores in use between two samples; None without a process that is in both.

    Only processes in both count. A restarted pod is thus a new process without a usage yet, never a negative one, and
    a child that ended takes its last part of an interval with it.
    """
    if before is None or now.at <= before.at:
        return None
    deltas = [used - before.used[process] for process, used in now.used.items() if process in before.used]
    return max(0.0, sum(deltas)) / (now.at - before.at) if deltas else None


@dataclass(frozen=True)
class Pod:
    """A pod that runs. CPU in cores."""

    namespace: str
    name: str
    workload: str
    usage: float | None = None
    request: float | None = None
    limit: float | None = None

    @property
    def request_ratio(self) -> float | None:
        """Usage / request: what a HorizontalPodAutoscaler compares with its target."""
        return None if self.usage is None or self.request is None else self.usage / self.request

    @property
    def limit_ratio(self) -> float | None:
        """Usage / limit: at 1 the pod is throttled."""
        return None if self.usage is None or self.limit is None else self.usage / self.limit


@dataclass(frozen=True)
class Snapshot:
    """Pods of one source that run at this moment; one that does not is not here, whatever was declared for it."""

    pods: tuple[Pod, ...]
    problems: tuple[SourceError, ...] = ()
