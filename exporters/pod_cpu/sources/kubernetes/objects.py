"""What of a Pod object counts here: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/."""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from math import isfinite
from sys import intern
from typing import Any, NamedTuple

from exporters.pod_cpu.snapshot import Standing, bound, total

START = 300.0
"""Seconds after a pod's start for which readiness decides: --horizontal-pod-autoscaler-cpu-initialization-period."""

FIRST_READY = 30.0
"""Seconds after its start within which an unready pod was never ready: …-initial-readiness-delay."""

LATE_JOB = 24 * 3600
"""Seconds by which a pod may be younger than the minute in the name of its CronJob's Job."""

SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    **{prefix: Decimal(1000) ** power for power, prefix in enumerate("kMGTPE", start=1)},
    **{f"{prefix}i": Decimal(1024) ** power for power, prefix in enumerate("KMGTPE", start=1)},
}


class PodId(NamedTuple):
    """A pod's name, as the kubelet gives it."""

    namespace: str
    name: str


class Owner(NamedTuple):
    """What a pod is one of."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """A container that runs as long as its pod. CPU in cores."""

    name: str
    request: float | None
    limit: float | None


@dataclass(frozen=True, slots=True)
class PodSpec:
    """A pod as the API server has it. CPU in cores, times in Unix time."""

    id: PodId
    uid: str
    node: str
    address: str
    """Of the node; empty until the kubelet has told it."""
    owner: Owner
    phase: str
    deleted: bool
    """Whether it is being deleted."""
    started: float | None
    ready: bool | None
    """None before the kubelet has said."""
    turned: float
    """When `ready` became what it is."""
    request: float | None
    requested_in_full: bool
    limit: float | None
    containers: tuple[ContainerSpec, ...]
    running: frozenset[str]
    """Names of its containers that run, init containers included. One that crashes and waits does not."""
    settled: float
    """When the last of them started; 0 when that is not known."""

    def standing(self, now: float, measured: float, window: float, known: bool) -> Standing:
        """How an autoscaler counts it. `known` usage was measured at `measured`, over `window` seconds.

        The rules are those of groupPods in Kubernetes' replica_calculator.go.
        """
        if self.deleted or self.phase == "Failed":
            return Standing.IGNORED
        if self.phase == "Pending":
            return Standing.UNREADY
        if not known:
            return Standing.READY
        return Standing.UNREADY if self._unready(now, measured, window) else Standing.READY

    def _unready(self, now: float, measured: float, window: float) -> bool:
        if self.ready is None or self.started is None:
            return True
        if self.started + START > now:
            return not self.ready or measured < self.turned + window
        return not self.ready and self.started + FIRST_READY > self.turned


def pod(answered: Any) -> PodSpec:
    """Read a Pod object; raises KeyError, TypeError, ValueError or AttributeError when it is none.

    What is equal is kept once: of a hundred thousand containers' names and resources few differ.
    """
    metadata, spec, status = answered["metadata"], answered["spec"], answered.get("status") or {}
    containers = tuple(_container(container) for container in _lasting(spec))
    node = intern(spec.get("nodeName") or "")
    whole = _container({"name": "", **spec})
    ready = next((part for part in status.get("conditions") or () if part["type"] == "Ready"), None)
    states = {part["name"]: part.get("state") or {} for part in _statuses(status)}
    running = {name: state["running"] for name, state in states.items() if "running" in state}
    return PodSpec(
        PodId(intern(metadata["namespace"]), intern(metadata["name"])),
        metadata["uid"],
        node,
        intern(status.get("hostIP") or ""),
        Owner(*map(intern, owner(metadata, node))),
        intern(status.get("phase") or "Pending"),
        "deletionTimestamp" in metadata,
        _time(status.get("startTime")),
        None if ready is None else ready["status"] == "True",
        (_time(ready.get("lastTransitionTime")) if ready else None) or 0.0,
        whole.request if whole.request is not None else total(part.request for part in containers),
        whole.request is not None or all(part.request is not None for part in containers),
        whole.limit if whole.limit is not None else bound(part.limit for part in containers),
        containers,
        _names(tuple(map(intern, running))),
        max([_time((each or {}).get("startedAt")) or 0.0 for each in running.values()], default=0.0),
    )


def _statuses(status: Any) -> list[Any]:
    return [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]


@lru_cache(maxsize=4096)
def _names(names: tuple[str, ...]) -> frozenset[str]:
    """One set for all pods whose containers have these names: there are thousands of pods."""
    return frozenset(names)


def _lasting(spec: Any) -> list[Any]:
    """Containers that run as long as the pod: its own, and init containers that are started again (sidecars)."""
    sidecars = [part for part in spec.get("initContainers") or () if part.get("restartPolicy") == "Always"]
    return [*spec["containers"], *sidecars]


def _container(answered: Any) -> ContainerSpec:
    resources = answered.get("resources") or {}
    limit = _cpu(resources.get("limits"))
    # the API server copies a limit into a request that is missing; a static pod's mirror has not been through that
    return _container_spec(intern(answered["name"]), _cpu(resources.get("requests"), limit), limit)


@lru_cache(maxsize=4096)
def _container_spec(name: str, request: float | None, limit: float | None) -> ContainerSpec:
    return ContainerSpec(name, request, limit)


def _cpu(amounts: Any, default: float | None = None) -> float | None:
    return quantity(amounts["cpu"]) if amounts and "cpu" in amounts else default


@lru_cache(maxsize=4096)
def quantity(text: str | int | float) -> float:
    """Read a quantity: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/.

    Raises ValueError when it is none.
    """
    match = re.fullmatch(r"([+-]?[\d.]+(?:[eE][+-]?\d+)?)([A-Za-z]*)", str(text))
    try:
        if match is None or match[2] not in SUFFIXES:
            raise InvalidOperation
        number = float(Decimal(match[1]) * SUFFIXES[match[2]])
        if not isfinite(number):
            raise InvalidOperation
    except ArithmeticError:
        raise ValueError(f"{str(text)[:40]!r} is no quantity") from None
    return number


def owner(metadata: Any, node: str) -> Owner:
    """Say what a pod is one of, from its own object alone: that needs no permission to read anything else.

    A Deployment names its ReplicaSet ``<name>-<pod-template-hash>`` and labels its pods with the hash; a CronJob names
    its Job ``<name>-<minutes since 1970>`` of when it was due, which is about when the pod was made.
    """
    name: str = metadata["name"]
    reference = next((part for part in metadata.get("ownerReferences") or () if part.get("controller")), None)
    if reference is None:
        return Owner("Pod", name)
    kind, owner_name, labels = reference["kind"], reference["name"], metadata.get("labels") or {}
    if kind == "ReplicaSet":
        for label, above in (("pod-template-hash", "Deployment"), ("rollouts-pod-template-hash", "Rollout")):
            if owner_name.endswith(ending := f"-{labels.get(label)}"):
                return Owner(above, owner_name.removesuffix(ending))
    if kind == "Job" and (due := re.fullmatch(r"(.+)-(\d{8,})", owner_name)):
        late = (_time(metadata.get("creationTimestamp")) or 0.0) - int(due[2]) * 60
        if -60 <= late < LATE_JOB:
            return Owner("CronJob", due[1])
    if kind == "Node":  # a static pod: the kubelet of its node adds the node's name
        return Owner(kind, name.removesuffix(f"-{node or owner_name}"))
    return Owner(kind, owner_name)


def _time(text: str | None) -> float | None:
    return datetime.fromisoformat(text).timestamp() if text else None
