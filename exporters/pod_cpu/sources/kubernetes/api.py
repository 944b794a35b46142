"""HTTP to a cluster's API server and to its kubelets."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from exporters.errors import Reason, SourceError
from exporters.pod_cpu.config import Kubernetes
from exporters.pod_cpu.http import Body, answer, body, parsed
from exporters.pod_cpu.sources.kubernetes.access import Access, from_kubeconfig, in_cluster, tls_context

MAX_BYTES = 64 * 1024 * 1024
"""Of one answer, unpacked. A node's /metrics/cadvisor has a few megabytes, metrics.k8s.io ten for 50,000 pods."""

IDLE = 0.3
"""Seconds for which a connection waits for another request. A node's two texts come over one; kept until the next
collection, each would hold 256 KB of buffers."""

AGENT = {"user-agent": "bongsu-pod-cpu", "accept-encoding": "gzip"}

Clock = Callable[[], float]


class Api:
    """One cluster, as who we are in it."""

    def __init__(self, settings: Kubernetes, now: Clock = time.time) -> None:
        """Connect to nothing yet; `now` gives Unix time."""
        self._settings = settings
        self._now = now
        self._access: Access | None = None
        self._asking = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()

    async def get(self, path: str, parameters: Mapping[str, str] | None = None) -> Any:
        """Ask the API server for an object; raises SourceError."""
        access = await self._who()
        where = f"{access.server}{path}"
        async with answer(self._open(), where, where, parameters, access.headers, access.tls) as response:
            received = await body(response, MAX_BYTES, where)
        return parsed(received.whole(), where)

    @asynccontextmanager
    async def watch(
        self, path: str, parameters: Mapping[str, str], silence: float
    ) -> AsyncIterator[AsyncIterator[Any]]:
        """Open a watch and give its events until the server ends it.

        Raises SourceError, also when nothing at all came for `silence` seconds.
        """
        access = await self._who()
        where = f"{access.server}{path}"
        # a watch is a stream of small events; packed, they would wait for each other
        headers = {**access.headers, "accept-encoding": "identity"}
        async with answer(self._open(), where, where, parameters, headers, access.tls) as response:
            yield _events(response, where, silence)

    async def kubelet(self, address: str, path: str) -> Body:
        """Ask the kubelet of a node for a text; raises SourceError."""
        access, settings = await self._who(), self._settings
        host = f"[{address}]" if ":" in address else address
        where = f"https://{host}:{settings.kubelet_port}{path}"
        tls = tls_context(None, None, None, insecure=True) if settings.kubelet_insecure_tls else access.tls
        async with answer(self._open(), where, where, None, access.headers, tls) as response:
            return await body(response, MAX_BYTES, where)

    async def _who(self) -> Access:
        async with self._asking:
            known = self._access
            if known is None or (known.until is not None and self._now() >= known.until):
                file, context = self._settings.kubeconfig, self._settings.context
                asking = from_kubeconfig(file, context, self._now()) if file else in_cluster(self._now())
                self._access = known = await asking
            return known

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            # the callers have the deadlines, and say how many they ask at once
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE)
            timeout = aiohttp.ClientTimeout(total=None)
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=timeout, auto_decompress=False, headers=AGENT
            )
        return self._session


async def _events(response: aiohttp.ClientResponse, where: str, silence: float) -> AsyncIterator[Any]:
    rest = b""
    while True:
        try:
            async with asyncio.timeout(silence):
                part = await response.content.readany()
        except TimeoutError:
            raise SourceError(Reason.TIMEOUT, f"{where}: silent for {silence:g} s") from None
        if not part:
            return
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            if line:
                yield parsed(line, where)
