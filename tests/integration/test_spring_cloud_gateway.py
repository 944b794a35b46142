"""A real Spring Cloud Gateway with its Redis limiter: what is counted is what callers saw, and a lost Redis is seen."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from compose.native import tools
from exporters.gateway_limits.config import Probe, SpringCloudGateway
from exporters.gateway_limits.snapshot import Bucket, Check, Decision, Limit, Origin, Outcome, Snapshot
from exporters.gateway_limits.sources.spring_cloud_gateway import SpringCloudGatewaySource

ROUTES = """\
server: {{port: {port}}}
management:
  server: {{port: {management}}}
  endpoints: {{web: {{exposure: {{include: prometheus}}}}}}
spring:
  main: {{banner-mode: 'off'}}
  data: {{redis: {{host: 127.0.0.1, port: {redis}, timeout: 1s}}}}
  cloud:
    gateway:
      server:
        webflux:
          metrics: {{enabled: true}}
          routes:
            - id: orders
              uri: http://127.0.0.1:{upstream}
              predicates: [Path=/orders/**]
              filters:
                - name: RequestRateLimiter
                  args:
                    key-resolver: '#{{@byClient}}'
                    redis-rate-limiter: {{replenishRate: 1, burstCapacity: 60, requestedTokens: 20}}
            - id: free
              uri: http://127.0.0.1:{upstream}
              predicates: [Path=/free/**]
"""
ACCEPTED = Decision("orders", "", Outcome.ACCEPTED, Origin.UNKNOWN)
REJECTED = Decision("orders", "", Outcome.REJECTED, Origin.UNKNOWN)


@dataclass(frozen=True)
class Running:
    """The gateway, its Redis, and a client."""

    redis: asyncio.subprocess.Process
    url: str
    management: str
    client: httpx.AsyncClient

    async def get(self, path: str, times: int, client: str) -> Counter[int]:
        """Statuses of requests made at once."""
        calls = (self.client.get(f"{self.url}{path}", headers={"x-client": client}) for _ in range(times))
        return Counter(answer.status_code for answer in await asyncio.gather(*calls))

    def source(self, **more: Any) -> SpringCloudGatewaySource:
        """The exporter's source of it."""
        return SpringCloudGatewaySource(
            SpringCloudGateway(kind="spring_cloud_gateway", name="edge", metrics=self.management, **more)
        )

    async def read(self, **more: Any) -> Snapshot:
        """What the exporter reads now."""
        source = self.source(**more)
        try:
            return await source.read()
        finally:
            await source.close()


@pytest.fixture
async def gateway(programs: Any, upstream: int, unused_tcp_port_factory: Any, tmp_path: Any) -> AsyncIterator[Running]:
    """Redis, and the gateway in front of the upstream."""
    redis, port, management = (unused_tcp_port_factory() for _ in range(3))
    routes = ROUTES.format(port=port, management=management, redis=redis, upstream=upstream)
    (tmp_path / "application.yaml").write_text(routes)
    store = (tools.program("redis-server"), "--port", str(redis), "--bind", "127.0.0.1", "--save", "")
    libraries = tools.SPRING_CLOUD_GATEWAY.folder
    class_path = os.pathsep.join((str(libraries), f"{libraries}/*"))
    java = (tools.program("java"), "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", class_path, "Gateway")
    async with (
        programs(store, redis) as store_running,
        # it listens for callers first, and then for the actuator's
        programs(java, management, 90) as running,
        httpx.AsyncClient(timeout=30) as client,
    ):
        actuator = f"{running.url}/actuator/prometheus"
        yield Running(store_running.process, f"http://127.0.0.1:{port}", actuator, client)


async def test_answers_are_counted_as_callers_saw_them_and_a_lost_redis_is_seen(gateway: Running) -> None:
    """One start of a JVM for all of it."""
    before = await gateway.read()
    assert before.decisions == {}
    assert "no spring_cloud_gateway_requests_seconds_count" in before.checks[Check.STATISTICS]

    seen = await gateway.get("/orders", 10, "gold")
    theirs = await gateway.get("/orders/429", 2, "silver")
    free = await gateway.get("/free/429", 1, "gold")
    nowhere = await gateway.get("/nowhere", 1, "gold")
    assert (seen[200], seen[429], theirs, free, nowhere) == (3, 7, {429: 2}, {429: 1}, {404: 1})
    after = await gateway.read()
    # it can't tell whose a 429 is, and says so
    assert after.decisions == {
        ACCEPTED: seen[200],
        REJECTED: seen[429] + theirs[429],
        Decision("free", "", Outcome.ACCEPTED, Origin.UNKNOWN): 0,
        Decision("free", "", Outcome.REJECTED, Origin.UNKNOWN): 1,
    }
    assert after.checks == {Check.STATISTICS: ""}

    probe = Probe(url=f"{gateway.url}/orders", route="orders", shared=True)
    probed = await gateway.read(probe=probe)
    assert probed.limits == {Bucket("orders", ""): Limit(1 / 20, 1, 60 / 20)}
    # of the 60 tokens, it has itself taken 20
    assert probed.used == {Bucket("orders", ""): pytest.approx(1 / 3, abs=1 / 60)}
    assert probed.checks == {Check.STATISTICS: "", Check.HEADERS: "", Check.LIMITER: ""}
    await _stop(gateway.redis)
    answer = await gateway.client.get(f"{gateway.url}/orders", headers={"x-client": "gold"})
    assert answer.status_code == 200
    lost = (await gateway.read(probe=probe)).checks[Check.LIMITER]
    assert lost == "X-RateLimit-Remaining is -1: the limiter does not reach its store, and requests pass unlimited"


async def _stop(process: asyncio.subprocess.Process) -> None:
    process.kill()
    await process.wait()
