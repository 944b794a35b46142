"""A real HAProxy: its counts by rule are what callers saw."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from compose.native import tools
from exporters.gateway_limits.config import HAProxy
from exporters.gateway_limits.snapshot import Decision, Origin, Outcome
from exporters.gateway_limits.sources.haproxy import HAProxySource

CONFIG = """\
global
  stats socket {home}/haproxy.sock level admin
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
frontend denying
  bind 127.0.0.1:{port}
  stick-table type string size 1k expire 1m store http_req_rate(1m)
  http-request track-sc0 hdr(x-client)
  http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt 5 }}
  default_backend service
frontend returning
  bind 127.0.0.1:{second}
  stick-table type string size 1k expire 1m store http_req_rate(1m)
  http-request track-sc0 hdr(x-client)
  http-request return status 429 if {{ sc_http_req_rate(0) gt 5 }}
  default_backend limited
frontend metrics
  bind 127.0.0.1:{metrics}
  http-request use-service prometheus-exporter if {{ path /metrics }}
backend service
  server one 127.0.0.1:{upstream}
backend limited
  stick-table type string size 1k expire 1m store http_req_rate(1m)
  http-request track-sc1 hdr(x-client)
  http-request deny deny_status 429 if {{ sc_http_req_rate(1) gt 3 }}
  server one 127.0.0.1:{upstream}
"""
ACCEPTED, REJECTED, GATEWAY = Outcome.ACCEPTED, Outcome.REJECTED, Origin.GATEWAY


@dataclass(frozen=True)
class Running:
    """An HAProxy, and a client."""

    home: Path
    denying: str
    returning: str
    metrics: str
    client: httpx.AsyncClient

    async def get(self, url: str, times: int, client: str = "gold") -> Counter[int]:
        """Statuses of requests made at once."""
        calls = (self.client.get(url, headers={"x-client": client}) for _ in range(times))
        return Counter(answer.status_code for answer in await asyncio.gather(*calls))

    async def read(self, **settings: Any) -> dict[Decision, int]:
        """What the exporter reads now."""
        source = HAProxySource(HAProxy(kind="haproxy", name="edge", metrics=self.metrics, **settings))
        try:
            return dict((await source.read()).decisions)
        finally:
            await source.close()


@pytest.fixture
async def haproxy(programs: Any, upstream: int, unused_tcp_port_factory: Any, tmp_path: Path) -> AsyncIterator[Running]:
    """HAProxy with three frontends."""
    port, second, metrics = (unused_tcp_port_factory() for _ in range(3))
    config = tmp_path / "haproxy.cfg"
    config.write_text(CONFIG.format(home=tmp_path, port=port, second=second, metrics=metrics, upstream=upstream))
    command = (tools.program("haproxy"), "-db", "-f", str(config))
    async with programs(command, metrics) as program, httpx.AsyncClient() as client:
        yield Running(
            tmp_path,
            f"http://127.0.0.1:{port}/orders",
            f"http://127.0.0.1:{second}/orders",
            f"{program.url}/metrics",
            client,
        )


async def test_denials_are_counted_as_callers_saw_them(haproxy: Running) -> None:
    """An upstream's own 429 was let through: HAProxy counts it in a class with others, and it is in no series here."""
    seen = await haproxy.get(haproxy.denying, 8)
    theirs = await haproxy.get(f"{haproxy.denying}/429", 2, client="silver")
    found = await haproxy.read(proxies=("denying",))
    assert (seen, theirs) == ({200: 5, 429: 3}, {429: 2})
    assert found == {
        Decision("denying", "frontend", ACCEPTED, GATEWAY): seen[200] + theirs[429],
        Decision("denying", "frontend", REJECTED, GATEWAY): seen[429],
    }


async def test_a_limit_made_of_return_is_counted_when_it_is_said(haproxy: Running) -> None:
    """HAProxy calls it intercepted, not denied; by default only what was denied is taken for a rejection."""
    seen = await haproxy.get(haproxy.returning, 3, client="silver") + await haproxy.get(haproxy.returning, 9)
    default = await haproxy.read(proxies=("returning",))
    told = await haproxy.read(proxies=("returning",), rules=("return",))
    # the backend denies 2 of the 5 that the frontend lets through
    assert seen == {200: 3 + 3, 429: 4 + 2}
    assert default[Decision("returning", "frontend", REJECTED, GATEWAY)] == 2
    assert told == {
        Decision("returning", "frontend", ACCEPTED, GATEWAY): 8,
        Decision("returning", "frontend", REJECTED, GATEWAY): 4,
    }


async def test_a_backend_has_limits_of_its_own(haproxy: Running) -> None:
    """Its frontend counts what it denies as well, so one of the two is named."""
    seen = await haproxy.get(haproxy.returning, 5)
    assert seen == {200: 3, 429: 2}
    assert await haproxy.read(proxies=("returning",)) == {
        Decision("returning", "frontend", ACCEPTED, GATEWAY): 3,
        Decision("returning", "frontend", REJECTED, GATEWAY): 2,
    }
    assert await haproxy.read(proxies=("limited",)) == {
        Decision("limited", "backend", ACCEPTED, GATEWAY): 3,
        Decision("limited", "backend", REJECTED, GATEWAY): 2,
    }


async def test_without_names_all_frontends_are_read(haproxy: Running) -> None:
    """No backend, whose requests and denials a frontend has counted already."""
    found = await haproxy.read()
    assert {decision.route for decision in found} == {"denying", "returning", "metrics"}


async def test_counters_that_were_cleared_begin_again(haproxy: Running) -> None:
    """What the admin socket resets is passed on as a reset."""
    source = HAProxySource(HAProxy(kind="haproxy", name="edge", metrics=haproxy.metrics, proxies=("denying",)))
    try:
        await haproxy.get(haproxy.denying, 8)
        before = (await source.read()).decisions
        reader, writer = await asyncio.open_unix_connection(haproxy.home / "haproxy.sock")
        writer.write(b"clear counters all\n")
        await reader.read()
        writer.close()
        await writer.wait_closed()
        await haproxy.get(haproxy.denying, 2)
        after = (await source.read()).decisions
    finally:
        await source.close()
    accepted, rejected = (Decision("denying", "frontend", outcome, GATEWAY) for outcome in (ACCEPTED, REJECTED))
    assert (before[accepted], before[rejected]) == (5, 3)
    assert (after[accepted], after[rejected]) == (0, 2)
