"""One node: what its containers use, from what its kubelet says now and said before."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from exporters.errors import Reason, SourceError
from exporters.pod_cpu.history import NOT_STALLED, History, Stalled, Stalls, Usage, cores, stalled
from exporters.pod_cpu.snapshot import Container, Pod, most, total
from exporters.pod_cpu.sources.kubernetes.kubelet import CgroupId, ContainerId, Throttling, Usages
from exporters.pod_cpu.sources.kubernetes.objects import PodId, PodSpec

STANDS_STILL = 120.0
"""Seconds after which a kubelet that says the same again and again is not believed any more."""

LATE = 60.0
"""Seconds that a pod, or a container, may run before its kubelet has to tell of it."""

NAMED = 3
"""Pods that a message names; it counts the others."""


@dataclass(frozen=True)
class Found:
    """Pods of a node that its kubelet tells of, and what was missing."""

    pods: tuple[Pod, ...]
    problems: tuple[SourceError, ...]


@dataclass(frozen=True)
class _Rates:
    """By pod: the CPU of its containers, of it as a whole where they are not all told, and how it was held up."""

    containers: Mapping[PodId, Mapping[str, float | None]]
    pods: Mapping[PodId, float | None]
    throttled: Mapping[PodId, Mapping[str, float | None]]
    whole: Mapping[PodId, Stalled]


class Node:
    """A node's readings, one after another."""

    def __init__(self, name: str, detailed: bool = False) -> None:
        """Nothing was read yet. With `detailed`, pods come with their containers."""
        self._name = name
        self._detailed = detailed
        self._containers: History[ContainerId, Usage, float | None] = History(cores)
        self._pods: History[PodId, Usage, float | None] = History(cores)
        self._cgroups: History[CgroupId, Stalls, Stalled] = History(stalled)
        self._slices: History[PodId, Stalls, Stalled] = History(stalled)
        self._measured = 0.0
        self._window = 0.0
        self._moved = 0.0

    def read(
        self, specs: Iterable[PodSpec], usages: Usages, throttling: Throttling | None, now: float, clock: float
    ) -> Found:
        """Compare with the reading before. `now` is Unix time, `clock` seconds that never jump.

        Raises SourceError when the kubelet has said the same for so long that it must have stopped to measure.
        """
        here = list(specs)
        self._check_moves(usages, clock)
        rates = self._rates(here, usages, throttling, now)
        pods = tuple(
            self._pod(spec, rates, now) for spec in here if spec.id in rates.containers or spec.id in rates.pods
        )
        return Found(pods, tuple(self._problems(here, usages, rates, throttling, now)))

    def _check_moves(self, usages: Usages, clock: float) -> None:
        measured = max((usage.at for usage in usages.containers.values()), default=0.0)
        if measured != self._measured or not measured:
            self._window = measured - self._measured
            self._measured, self._moved = measured, clock
        elif clock - self._moved > STANDS_STILL:
            text = f"node {self._name}: its kubelet has measured nothing for {clock - self._moved:.0f} s"
            raise SourceError(Reason.INVALID_ANSWER, text)

    def _rates(self, specs: Sequence[PodSpec], usages: Usages, throttling: Throttling | None, now: float) -> _Rates:
        containers: dict[PodId, dict[str, float | None]] = {}
        for (container, namespace, pod), rate in self._containers.rates(usages.containers).items():
            containers.setdefault(PodId(namespace, pod), {})[container] = rate
        said = throttling or Throttling({}, {}, {})
        throttled: dict[PodId, dict[str, float | None]] = {}
        for cgroup, held_up in self._cgroups.rates({**said.containers, **_found_again(said, specs)}).items():
            pod_id = PodId(cgroup.namespace, cgroup.pod)
            of_pod = throttled.setdefault(pod_id, {})
            # for some time after a restart cAdvisor tells of the control group before it too
            of_pod[cgroup.container] = most((of_pod.get(cgroup.container), held_up.throttled))
        pods = {spec.id: usages.pods[spec.id] for spec in specs if _unlabelled(spec, usages, containers, now)}
        return _Rates(containers, self._pods.rates(pods), throttled, self._slices.rates(said.pods))

    def _pod(self, spec: PodSpec, rates: _Rates, now: float) -> Pod:
        parts = rates.containers.get(spec.id, {})
        whole_usage = rates.pods.get(spec.id)
        usage = total(parts.values()) if whole_usage is None else whole_usage
        throttled = rates.throttled.get(spec.id, {})
        whole = rates.whole.get(spec.id, NOT_STALLED)
        detail = _containers(spec, parts, throttled) if self._detailed else ()
        return Pod(
            *spec.id,
            spec.owner.name,
            usage,
            spec.request,
            spec.limit,
            # a quota of the pod as a whole throttles it without any container's being used up
            most((*throttled.values(), whole.throttled)),
            whole.pressure,
            spec.owner.kind,
            detail,
            spec.standing(now, self._measured, self._window, usage is not None),
            spec.requested_in_full,
        )

    def _problems(
        self,
        specs: Sequence[PodSpec],
        usages: Usages,
        rates: _Rates,
        throttling: Throttling | None,
        now: float,
    ) -> Iterable[SourceError]:
        if usages.failed:
            yield self._problem("its kubelet could not measure every container")
        running = [spec.id for spec in specs if spec.running]
        if lost := [pod for pod in running if pod in rates.pods]:
            yield self._problem(f"containers have lost their labels in {_named(lost)}: CPU of the whole pod is told")
        old = {spec.id for spec in specs if spec.started is not None and now - spec.started > LATE and not spec.deleted}
        if missing := [pod for pod in running if pod in old and pod not in rates.containers and pod not in usages.pods]:
            yield self._problem(f"its kubelet does not tell of {_named(missing)}, though {_they(missing)} there")
        if throttling and throttling.unlabelled:
            text = f"labels of {len(throttling.unlabelled)} containers are lost in /metrics/cadvisor; found by pod uid"
            yield self._problem(text)

    def _problem(self, text: str) -> SourceError:
        return SourceError(Reason.INVALID_ANSWER, f"node {self._name}: {text}")


def _unlabelled(spec: PodSpec, usages: Usages, told: Mapping[PodId, Collection[str]], now: float) -> bool:
    """Whether the kubelet tells of a pod as a whole, and not of each container that runs in it for long enough."""
    if spec.id not in usages.pods:
        return False
    return spec.id not in told or (now - spec.settled > LATE and not spec.running.issubset(told[spec.id]))


def _found_again(said: Throttling, specs: Iterable[PodSpec]) -> dict[CgroupId, Stalls]:
    """Give containers whose labels were lost (https://github.com/rancher/rke2/issues/11274) to their pods."""
    if not said.unlabelled:
        return {}
    pods = {spec.uid: spec.id for spec in specs}
    return {CgroupId(*pods[uid], path, path): stalls for (uid, path), stalls in said.unlabelled.items() if uid in pods}


def _containers(
    spec: PodSpec, usages: Mapping[str, float | None], throttled: Mapping[str, float | None]
) -> tuple[Container, ...]:
    specs = {container.name: container for container in spec.containers}
    names = dict.fromkeys((*usages, *(name for name in throttled if name in specs)))
    return tuple(
        Container(
            name,
            usages.get(name),
            specs[name].request if name in specs else None,
            specs[name].limit if name in specs else None,
            throttled.get(name),
        )
        for name in names
    )


def _named(pods: list[PodId]) -> str:
    names = ", ".join("/".join(pod) for pod in pods[:NAMED])
    return f"{len(pods)} pods ({names} …)" if len(pods) > NAMED else names


def _they(pods: list[PodId]) -> str:
    return "it runs" if len(pods) == 1 else "they run"
