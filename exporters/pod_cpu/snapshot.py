"""What one read found of the pods that run, and the ratios of their CPU use."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from exporters.errors import SourceError


def ratio(part: float | None, whole: float | None) -> float | None:
    """`part` / `whole`; None when one is not known, or nothing is the whole."""
    return None if part is None or not whole else part / whole


def total(parts: Iterable[float | None]) -> float | None:
    """Sum of the parts that are known; None when none is."""
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def bound(parts: Iterable[float | None]) -> float | None:
    """Sum of limits; None when one of the parts, or there being none, leaves it open."""
    limits = list(parts)
    return None if None in limits or not limits else total(limits)


def most(parts: Iterable[float | None]) -> float | None:
    """Largest of the parts that are known; None when none is."""
    return max((part for part in parts if part is not None), default=None)


class Standing(StrEnum):
    """How an autoscaler counts a pod."""

    READY = "ready"
    UNREADY = "unready"
    """Not started, or not ready yet: its usage says nothing."""
    IGNORED = "ignored"
    """It has failed, or is being deleted."""


@dataclass(frozen=True, slots=True)
class Container:
    """A container that runs. CPU in cores."""

    name: str
    usage: float | None = None
    request: float | None = None
    limit: float | None = None
    throttled: float | None = None
    """Share of its scheduling periods in which it was throttled."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod. CPU in cores."""

    namespace: str
    name: str
    workload: str
    usage: float | None = None
    """Of the containers whose usage is known; None when there is none."""
    request: float | None = None
    limit: float | None = None
    """None when one of its containers may use all there is."""
    throttled: float | None = None
    """Of its most throttled container: the share of its scheduling periods in which it was."""
    pressure: float | None = None
    """Share of the time in which some task of it waited for a processor (PSI)."""
    kind: str = ""
    """Of the workload: Deployment, StatefulSet … Empty where there are no such kinds."""
    containers: tuple[Container, ...] = ()
    standing: Standing = Standing.READY
    requested_in_full: bool = True
    """Whether each of its containers requests CPU; without that, an autoscaler refuses to scale."""

    @property
    def request_ratio(self) -> float | None:
        """Usage / request: what a HorizontalPodAutoscaler compares with its target."""
        return ratio(self.usage, self.request) if self.requested_in_full else None

    @property
    def limit_ratio(self) -> float | None:
        """Usage / limit: at 1 the pod is throttled."""
        return ratio(self.usage, self.limit)


@dataclass(frozen=True)
class Snapshot:
    """Pods of one source that run at this moment; one that does not is not here, whatever was declared for it."""

    pods: tuple[Pod, ...]
    problems: tuple[SourceError, ...] = ()
    unseen: tuple[Pod, ...] = ()
    """Pods that an autoscaler counts, and that have no series: they do not run yet, or could not be read."""
