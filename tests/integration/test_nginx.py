"""A real NGINX: what is counted from its access log is what callers saw."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from compose.native import tools
from exporters.gateway_limits.config import Nginx
from exporters.gateway_limits.snapshot import Check, Client, Decision, Origin, Outcome, Snapshot
from exporters.gateway_limits.sources.nginx import NginxSource

CONFIG = """\
daemon off;
master_process on;
worker_processes 2;
pid {home}/nginx.pid;
error_log {home}/error.log;
events {{}}
http {{
  client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  log_format limits escape=json
    '{{"route":"$limit_route","client":"$http_x_client","status":"$status","limit":"$limit_name",'
    '"upstream_status":"$upstream_status","limit_req_status":"$limit_req_status",'
    '"limit_conn_status":"$limit_conn_status"}}';
  log_format plain escape=json '{{"route":"$limit_route","status":"$status"}}';
  limit_req_zone $http_x_client zone=slow:1m rate=1r/m;
  limit_req_zone $http_x_client zone=steady:1m rate=10r/s;
  map $uri $limit_route {{ default ""; ~^/orders orders; ~^/queue queue; ~^/dry dry; ~^/free free; }}
  map $uri $limit_name {{ default ""; ~^/orders slow; ~^/queue steady; ~^/dry slow; }}
  server {{
    listen 127.0.0.1:{port};
    access_log {home}/access.log {format};
    location /orders {{ limit_req zone=slow burst=2 nodelay; limit_req_status {reject}; proxy_pass {upstream}; }}
    location /queue {{ limit_req zone=steady burst=100; proxy_pass {upstream}; }}
    location /dry {{ limit_req zone=slow; limit_req_dry_run on; proxy_pass {upstream}; }}
    location / {{ proxy_pass {upstream}; }}
  }}
}}
"""
GATEWAY, UPSTREAM = Origin.GATEWAY, Origin.UPSTREAM
REJECTED_ORDERS = Decision("orders", "slow", Outcome.REJECTED, GATEWAY)
ACCEPTED_ORDERS = Decision("orders", "slow", Outcome.ACCEPTED, GATEWAY)


@dataclass(frozen=True)
class Running:
    """An NGINX, the exporter's source of it, and a client."""

    process: Any
    home: Path
    source: NginxSource
    client: httpx.AsyncClient

    async def get(self, *paths: str, client: str = "gold") -> Counter[int]:
        """Statuses of requests made at once."""
        answers = await asyncio.gather(*(self.client.get(path, headers={"x-client": client}) for path in paths))
        return Counter(answer.status_code for answer in answers)

    async def counted(self, requests: int) -> Snapshot:
        """Read once all `requests` are in the log: a line is written after its answer."""
        async with asyncio.timeout(10):
            while sum(path.read_bytes().count(b"\n") for path in self.home.glob("access.log*")) < requests:
                await asyncio.sleep(0.02)
        return await self.source.read()


Nginxes = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def nginx(programs: Any, upstream: int, port: int, tmp_path: Path) -> Nginxes:
    """`async with nginx() as running`: its log was read before the first request."""

    @asynccontextmanager
    async def run(log_format: str = "limits", reject: int = 429) -> AsyncIterator[Running]:
        config = tmp_path / "nginx.conf"
        address = f"http://127.0.0.1:{upstream}"
        config.write_text(CONFIG.format(home=tmp_path, port=port, upstream=address, format=log_format, reject=reject))
        command = (tools.program("nginx"), "-p", str(tmp_path), "-e", str(tmp_path / "error.log"), "-c", str(config))
        async with programs(command, port) as program, httpx.AsyncClient(base_url=program.url) as client:
            source = NginxSource(Nginx(kind="nginx", name="edge", access_log=tmp_path / "access.log"))
            await source.read()
            yield Running(program.process, tmp_path, source, client)
            await source.close()

    return run


@pytest.mark.parametrize("reject", [429, 503])
async def test_each_decision_is_counted_as_callers_saw_it(nginx: Nginxes, reject: int) -> None:
    """Accepted, rejected by whatever status, delayed, not enforced, and the upstream's own 429."""
    async with nginx(reject=reject) as running:
        orders = await running.get(*["/orders"] * 9)
        queue = await running.get(*["/queue"] * 6)
        dry = await running.get(*["/dry"] * 5, client="silver")
        free = await running.get("/free/429", "/free", "/nowhere/429")
        snapshot = await running.counted(23)
    assert orders == {200: 3, reject: 6}
    assert (queue, dry, free) == ({200: 6}, {200: 5}, {200: 1, 429: 2})
    found = {decision: count for decision, count in snapshot.decisions.items() if count}
    assert found == {
        ACCEPTED_ORDERS: orders[200],
        REJECTED_ORDERS: orders[reject],
        Decision("queue", "steady", Outcome.ACCEPTED, GATEWAY): 1,
        Decision("queue", "steady", Outcome.DELAYED, GATEWAY): 5,
        Decision("dry", "slow", Outcome.ACCEPTED, GATEWAY): 1,
        Decision("dry", "slow", Outcome.SHADOW, GATEWAY): 4,
        Decision("free", "", Outcome.REJECTED, UPSTREAM): 1,
        Decision("", "", Outcome.REJECTED, UPSTREAM): 1,
    }
    assert snapshot.checks == {Check.STATISTICS: "", Check.ORIGIN: ""}
    assert snapshot.problems == ()


async def test_an_accepted_request_may_be_the_upstreams_429(nginx: Nginxes) -> None:
    """Two decisions about one request, each its own."""
    async with nginx() as running:
        assert await running.get("/orders/429") == {429: 1}
        snapshot = await running.counted(1)
    assert snapshot.decisions[ACCEPTED_ORDERS] == 1
    assert snapshot.decisions[REJECTED_ORDERS] == 0
    assert snapshot.decisions[Decision("orders", "", Outcome.REJECTED, UPSTREAM)] == 1


async def test_rotation_under_load_loses_nothing(nginx: Nginxes) -> None:
    """Renamed while requests come, reopened by USR1 a moment later, read in between."""
    async with nginx() as running:
        seen: Counter[int] = Counter()
        for turn in range(3):
            load = asyncio.create_task(running.get(*["/orders"] * 40))
            (running.home / "access.log").rename(running.home / f"access.log.{turn}")
            await running.source.read()
            running.process.send_signal(signal.SIGUSR1)
            seen += await load
        snapshot = await running.counted(120)
    assert snapshot.decisions[ACCEPTED_ORDERS] == seen[200]
    assert snapshot.decisions[REJECTED_ORDERS] == seen[429]


async def test_who_is_turned_away(nginx: Nginxes) -> None:
    """Named by what the log calls the client."""
    async with nginx() as running:
        await running.get(*["/orders"] * 20, client="gold")
        await running.counted(20)
        await running.get(*["/orders"] * 10, client="gold")
        await running.get(*["/orders"] * 4, client="silver")
        snapshot = await running.counted(34)
    # 17 before gold had a name, and one of silver's, which is too few for one
    assert snapshot.clients == {Client("orders", "gold"): 10, Client("orders", "other"): 17 + 1}


async def test_a_log_without_the_status_is_said(nginx: Nginxes) -> None:
    """Nothing is counted from it, and the check names what log_format lacks."""
    async with nginx("plain") as running:
        await running.get(*["/orders"] * 5)
        snapshot = await running.counted(5)
    assert snapshot.decisions == {}
    assert snapshot.checks == {
        Check.STATISTICS: 'log_format lacks "client", "limit_req_status":"$limit_req_status"',
        Check.ORIGIN: 'log_format lacks "upstream_status":"$upstream_status"',
    }
