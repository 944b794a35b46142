"""A Kubernetes cluster: pods from its API server, their CPU from the kubelets of their nodes.

What a kubelet does not tell, for it can't be reached or does not let us in, metrics.k8s.io is asked for: usage only, as
metrics-server measured it (https://kubernetes.io/docs/reference/external-api/metrics.v1beta1/).
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple, TypeVar

from exporters.errors import Reason, SourceError
from exporters.pod_cpu.config import Kubernetes
from exporters.pod_cpu.http import StatusError
from exporters.pod_cpu.snapshot import Pod, Snapshot
from exporters.pod_cpu.sources.kubernetes.api import Api
from exporters.pod_cpu.sources.kubernetes.kubelet import CADVISOR, RESOURCE, throttling, usages
from exporters.pod_cpu.sources.kubernetes.node import Found, Node
from exporters.pod_cpu.sources.kubernetes.objects import PodId, PodSpec, quantity
from exporters.pod_cpu.sources.kubernetes.pods import Pods

METRICS = "/apis/metrics.k8s.io/v1beta1/pods"

AT_ONCE = 8
"""Nodes that are asked at a time: two threads can't read the answers of more, and connections have large buffers."""

THREADS = 2
"""Threads that read their answers, so that the rest goes on meanwhile: Python runs one of them at a time, and another
one while that unpacks."""

A_TEXT, ALL_NODES = 0.3, 0.75
"""Shares of the collection's time: for one text of a node, and for all nodes; the rest is for metrics.k8s.io."""

MOST = 0.8
"""Of that rest: what was read has to be put together too."""

NOT_FOUND = 404

DURATION = re.compile(r"([\d.]+)(h|ms|m|s)")
SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}

Nodes = Mapping[str, list[PodSpec]]
Said = TypeVar("Said")


class Measured(NamedTuple):
    """What metrics.k8s.io says of a pod."""

    usage: float
    """Cores."""
    at: float
    """Unix time."""
    window: float
    """Seconds before, over which it is the average."""


@dataclass(frozen=True)
class Read:
    """What could be read of some nodes' pods."""

    pods: tuple[Pod, ...]
    untold: tuple[PodSpec, ...]
    """Pods without a usage on nodes that were read: they do not run."""
    unread: tuple[PodSpec, ...]
    """Pods of nodes that were not."""
    problems: tuple[SourceError, ...]


class KubernetesSource:
    """One cluster, or a shard of its nodes."""

    def __init__(
        self,
        settings: Kubernetes,
        timeout: float,
        detailed: bool = False,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connect to nothing yet.

        `timeout` is the collection's, in seconds; with `detailed`, pods come with their containers. `now` gives Unix
        time, `clock` seconds that never jump.
        """
        self._settings = settings
        self._timeout = timeout
        self._detailed = detailed
        self._now, self._clock = now, clock
        self._api = Api(settings, now)
        self._pods = Pods(self._api, settings.shard)
        self._threads = ThreadPoolExecutor(THREADS, "kubelets")
        self._nodes: dict[str, Node] = {}
        self._failed: frozenset[str] = frozenset()

    async def close(self) -> None:
        """Stop watching, and close the connections."""
        await self._pods.close()
        await self._api.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def read(self) -> Snapshot:
        """Ask every node, some at a time.

        Raises SourceError when the pods are not known yet, or neither a node could be read nor metrics.k8s.io.
        """
        nodes: dict[str, list[PodSpec]] = {}
        for spec in (await self._pods.known()).values():
            if spec.phase != "Succeeded":
                nodes.setdefault(spec.node, []).append(spec)
        unscheduled = nodes.pop("", [])
        if self._settings.usage == "kubelet":
            found = await self._kubelets(nodes)
        else:
            found = Read((), (), tuple(chain.from_iterable(nodes.values())), ())
        if found.unread:
            found = await self._instead(found)
        unseen = tuple(_pod(spec, self._now()) for spec in (*found.untold, *found.unread, *unscheduled))
        return Snapshot(found.pods, (*self._pods.problems, *found.problems), unseen)

    async def _kubelets(self, nodes: Nodes) -> Read:
        self._nodes = {name: self._nodes.get(name) or Node(name, self._detailed) for name in nodes}
        # those that failed the last time may cost time again, and come last
        names = sorted(nodes, key=lambda name: (name in self._failed, name))
        at_once = asyncio.Semaphore(AT_ONCE)
        asking = {name: asyncio.create_task(self._node(name, nodes[name], at_once)) for name in names}
        try:
            if asking:
                await asyncio.wait(asking.values(), timeout=ALL_NODES * self._timeout)
        finally:
            for task in asking.values():
                task.cancel()
            await asyncio.gather(*asking.values(), return_exceptions=True)
        late = SourceError(Reason.TIMEOUT, "not read in time")
        found = {name: _of(name, late) if task.cancelled() else task.result() for name, task in asking.items()}
        self._failed = frozenset(name for name, one in found.items() if isinstance(one, SourceError))
        return _together(found, nodes)

    async def _node(self, name: str, specs: list[PodSpec], at_once: asyncio.Semaphore) -> Found | SourceError | None:
        """Read one node; None when no pod has told its address, so that none can run yet."""
        address = next((spec.address for spec in specs if spec.address), None)
        if address is None:
            return None
        async with at_once:
            used = await self._ask(address, RESOURCE, usages)
            if isinstance(used, SourceError):
                return _of(name, used)
            held_up = await self._ask(address, CADVISOR, throttling)
        missing = (_of(name, held_up),) if isinstance(held_up, SourceError) else ()
        said = None if isinstance(held_up, SourceError) else held_up
        try:
            found = self._nodes[name].read(specs, used, said, self._now(), self._clock())
        except SourceError as error:
            return error
        return replace(found, problems=(*found.problems, *missing))

    async def _ask(
        self, address: str, path: str, parse: Callable[[Iterable[bytes], float, str], Said]
    ) -> Said | SourceError:
        try:
            async with asyncio.timeout(A_TEXT * self._timeout):
                received = await self._api.kubelet(address, path)
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._threads, parse, received.chunks(), self._now(), path)
        except TimeoutError:
            return SourceError(Reason.TIMEOUT, f"{path}: not read in time")
        except SourceError as error:
            return error

    async def _instead(self, found: Read) -> Read:
        """Ask metrics.k8s.io for the pods that no kubelet told of.

        Raises SourceError when it does not answer and nothing else was read either.
        """
        try:
            measured = await self._measurements()
        except SourceError as error:
            if not found.pods and not found.untold:
                raise found.problems[0] if found.problems else error from error
            not_installed = isinstance(error, StatusError) and error.status == NOT_FOUND
            return found if not_installed else replace(found, problems=(*found.problems, error))
        now = self._now()
        pods = [
            _pod(spec, now, measured[spec.id])
            for spec in found.unread
            if spec.id in measured and spec.phase == "Running"
        ]
        told = {(pod.namespace, pod.name) for pod in pods}
        unread = tuple(spec for spec in found.unread if spec.id not in told)
        return replace(found, pods=(*found.pods, *pods), unread=unread)

    async def _measurements(self) -> dict[PodId, Measured]:
        share = 1 - ALL_NODES if self._settings.usage == "kubelet" else 1.0
        try:
            async with asyncio.timeout(MOST * share * self._timeout):
                return measurements(await self._api.get(METRICS))
        except TimeoutError:
            raise SourceError(Reason.TIMEOUT, f"{METRICS}: not read in time") from None


def measurements(answered: Any) -> dict[PodId, Measured]:
    """Read a PodMetricsList; raises SourceError when it is none."""
    try:
        return {
            PodId(item["metadata"]["namespace"], item["metadata"]["name"]): Measured(
                sum(quantity(container["usage"]["cpu"]) for container in item["containers"]),
                datetime.fromisoformat(item["timestamp"]).timestamp(),
                sum(float(number) * SECONDS[unit] for number, unit in DURATION.findall(item["window"])),
            )
            for item in answered["items"] or ()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(Reason.INVALID_ANSWER, f"{METRICS}: not a PodMetricsList: {error!r}") from error


def _together(found: Mapping[str, Found | SourceError | None], nodes: Nodes) -> Read:
    read = {name: one for name, one in found.items() if isinstance(one, Found)}
    failed = {name: one for name, one in found.items() if isinstance(one, SourceError)}
    told = {(pod.namespace, pod.name) for one in read.values() for pod in one.pods}
    return Read(
        tuple(pod for one in read.values() for pod in one.pods),
        tuple(spec for name, specs in nodes.items() if name not in failed for spec in specs if spec.id not in told),
        tuple(spec for name in failed for spec in nodes[name]),
        (*chain.from_iterable(one.problems for one in read.values()), *failed.values()),
    )


def _of(node: str, error: SourceError) -> SourceError:
    return SourceError(error.reason, f"node {node}: {error.message}")


def _pod(spec: PodSpec, now: float, measured: Measured | None = None) -> Pod:
    usage, at, window = measured or (None, 0.0, 0.0)
    return Pod(
        *spec.id,
        spec.owner.name,
        usage,
        spec.request,
        spec.limit,
        kind=spec.owner.kind,
        standing=spec.standing(now, at, window, usage is not None),
        requested_in_full=spec.requested_in_full,
    )
