"""Containers of a Docker Engine, over its socket: each is a pod of one container.

https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container. The Engine tells CPU time in nanoseconds, and
throttling, alike for control groups of version 1 and 2. Its own ``precpu_stats`` are not used: it takes a second to
measure them.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp

from exporters.errors import Reason, SourceError
from exporters.pod_cpu.config import Docker
from exporters.pod_cpu.history import History, Stalled, Stalls, Usage, cores, stalled
from exporters.pod_cpu.http import StatusError, answer, body, parsed
from exporters.pod_cpu.snapshot import Container, Pod, Snapshot

AT_ONCE = 16
"""Containers that are asked for at a time: the Engine reads many files for each."""

A_CONTAINER = 0.4
"""Share of the collection's time after which a container is given up: the Engine may wait for one that is ending."""

MAX_BYTES = 16 * 1024 * 1024
"""A list of ten thousand containers is about as long."""

NANOSECONDS = 1e-9
MICROSECONDS_A_PERIOD = 100_000
"""The kernel's period of a quota, when none is given."""

SHARES_A_CORE = 1024
"""Kubernetes writes a request into cpu-shares so; an Engine's own default weight is one core's."""

COMPOSE = ("com.docker.compose.project", "com.docker.compose.service")
SWARM = ("com.docker.stack.namespace", "com.docker.swarm.service.name")
"""Labels that hold namespace and workload: of docker compose, of docker stack."""


@dataclass(frozen=True)
class Reading:
    """What the Engine says of one running container. CPU in cores."""

    namespace: str
    name: str
    workload: str
    request: float | None
    limit: float | None
    usage: Usage
    stalls: Stalls


class DockerSource:
    """One Docker Engine."""

    def __init__(self, settings: Docker, timeout: float) -> None:
        """Connect to nothing yet. `timeout` is the collection's, in seconds."""
        self._patience = A_CONTAINER * timeout
        self._socket = str(settings.socket)
        self._namespace = settings.namespace
        self._session: aiohttp.ClientSession | None = None
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._cores: History[str, Usage, float | None] = History(cores)
        self._stalled: History[str, Stalls, Stalled] = History(stalled)

    async def close(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()

    async def read(self) -> Snapshot:
        """Ask for the running containers, then for each of them.

        Raises SourceError when the Engine does not answer; one container that can't be read is a problem of its own.
        """
        ids = listed(await self._get("/containers/json"))
        async with asyncio.TaskGroup() as group:
            asking = {key: group.create_task(self._container(key)) for key in ids}
        answers = {key: task.result() for key, task in asking.items()}
        readings = {key: found for key, found in answers.items() if isinstance(found, Reading)}
        usages = self._cores.rates({key: found.usage for key, found in readings.items()})
        stalls = self._stalled.rates({key: found.stalls for key, found in readings.items()})
        return Snapshot(
            tuple(_pod(found, usages[key], stalls[key].throttled) for key, found in readings.items()),
            tuple(found for found in answers.values() if isinstance(found, SourceError)),
        )

    async def _container(self, key: str) -> Reading | SourceError | None:
        """Read one container; None when it has ended meanwhile."""
        try:
            async with self._at_once, asyncio.timeout(self._patience):
                inspected = await self._get(f"/containers/{key}/json")
                # an Engine before API 1.41 does not know one-shot, and takes a second and a half
                stats = await self._get(f"/containers/{key}/stats", {"stream": "false", "one-shot": "true"})
        except StatusError as error:
            return None if error.status in (404, 409) else error
        except SourceError as error:
            return error
        except TimeoutError:
            return SourceError(Reason.TIMEOUT, f"container {key[:12]}: not read in time")
        try:
            return reading(inspected, stats, self._namespace)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return SourceError(Reason.INVALID_ANSWER, f"container {key[:12]}: not what the API documents: {error!r}")

    async def _get(self, path: str, parameters: Mapping[str, str] | None = None) -> Any:
        where = f"{self._socket}: {path}"
        async with answer(self._open(), f"http://docker{path}", where, parameters) as response:
            text = (await body(response, MAX_BYTES, where)).whole()
        return parsed(text, where)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.UnixConnector(self._socket, limit=AT_ONCE)
            # the caller has the deadline
            timeout = aiohttp.ClientTimeout(total=None)
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False)
        return self._session


def listed(answered: Any) -> list[str]:
    """Ids of the containers that run; raises SourceError when it is no such list."""
    try:
        return [container["Id"] for container in answered]
    except (KeyError, TypeError) as error:
        raise SourceError(Reason.INVALID_ANSWER, f"/containers/json: not a list of containers: {error!r}") from error


def reading(inspected: Any, stats: Any, namespace: str) -> Reading | None:
    """Put together what the Engine says of a container; None when it does not run (any more).

    `namespace` is that of containers without a project. Raises KeyError, TypeError, ValueError or AttributeError when
    the answers are not as the API documents them.
    """
    cpu, host = stats["cpu_stats"], inspected["HostConfig"]
    if not inspected["State"]["Running"] or "system_cpu_usage" not in cpu:
        return None
    name = inspected["Name"].removeprefix("/")
    labels = inspected["Config"]["Labels"] or {}
    namespace, workload = next(
        (
            (labels[project], labels[service].removeprefix(f"{labels[project]}_"))
            for project, service in (COMPOSE, SWARM)
            if project in labels and service in labels
        ),
        (namespace, name),
    )
    at, limit, throttling = _time(stats["read"]), _limit(host), cpu.get("throttling_data", {})
    return Reading(
        namespace,
        name,
        workload,
        host["CpuShares"] / SHARES_A_CORE if host.get("CpuShares") else None,
        limit,
        Usage(at, cpu["cpu_usage"]["total_usage"] * NANOSECONDS, _time(inspected["State"]["StartedAt"])),
        Stalls(at, throttling.get("periods"), throttling.get("throttled_periods")) if limit else Stalls(at),
    )


def _limit(host: Any) -> float | None:
    """Cores of ``--cpus``, or of a quota and its period."""
    if host.get("NanoCpus"):
        return float(host["NanoCpus"] * NANOSECONDS)
    if host.get("CpuQuota", 0) > 0:
        return float(host["CpuQuota"] / (host.get("CpuPeriod") or MICROSECONDS_A_PERIOD))
    return None


def _time(text: str) -> float:
    """Unix time of an RFC 3339 text with nanoseconds, of which Python reads six digits."""
    return datetime.fromisoformat(re.sub(r"(\.\d{1,6})\d*", r"\1", text)).timestamp()


def _pod(found: Reading, usage: float | None, throttled: float | None) -> Pod:
    container = Container(found.name, usage, found.request, found.limit, throttled)
    return Pod(
        found.namespace,
        found.name,
        found.workload,
        usage=usage,
        request=found.request,
        limit=found.limit,
        throttled=throttled,
        containers=(container,),
    )
