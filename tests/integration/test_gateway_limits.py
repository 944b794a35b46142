"""A real Envoy with the project's configuration: what is counted is what callers saw."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from exporters.errors import Reason, SourceError
from exporters.gateway_limits.config import Envoy
from exporters.gateway_limits.snapshot import Bucket, Check, Client, Decision, Limit, Origin, Outcome
from exporters.gateway_limits.sources.envoy import EnvoySource

ACCEPTED = Decision("orders", "orders", Outcome.ACCEPTED, Origin.GATEWAY)
REJECTED = Decision("orders", "orders", Outcome.REJECTED, Origin.GATEWAY)
SHADOW = Decision("orders", "orders", Outcome.SHADOW, Origin.GATEWAY)
UPSTREAM = Decision("orders", "", Outcome.REJECTED, Origin.UPSTREAM)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A plain HTTP client."""
    async with httpx.AsyncClient(timeout=10) as found:
        yield found


@pytest.fixture
async def source(gateway: Any) -> AsyncIterator[EnvoySource]:
    """The exporter's source of the gateway."""
    log = Path(gateway.stack.book["edge_access_log"])
    source = EnvoySource(Envoy(kind="envoy", name="edge", admin=gateway.admin, access_log=log))
    yield source
    await source.close()


async def counted(source: EnvoySource) -> Counter[Decision]:
    return Counter((await source.read()).decisions)


async def test_each_decision_is_counted_as_callers_saw_it(
    client: httpx.AsyncClient, gateway: Any, source: EnvoySource
) -> None:
    """200s are accepted, the gateway's 429s rejected, and nothing is shadow."""
    headers = await gateway.headers(client, "counted")
    before = await counted(source)
    answers = await asyncio.gather(*(client.get(f"{gateway.edge}/orders", headers=headers) for _ in range(60)))
    seen = Counter(answer.status_code for answer in answers)
    after = await counted(source)
    assert seen[429] > 0
    assert (after[ACCEPTED] - before[ACCEPTED], after[REJECTED] - before[REJECTED]) == (seen[200], seen[429])
    assert after[SHADOW] == before[SHADOW]
    assert after[UPSTREAM] == before[UPSTREAM]


async def test_an_upstreams_429_is_not_the_gateways(
    client: httpx.AsyncClient, gateway: Any, source: EnvoySource
) -> None:
    """A 429 that the service answered was accepted by the gateway and rejected by the upstream."""
    headers = await gateway.headers(client, "upstream")
    await client.get(f"{gateway.edge}/orders", headers=headers)
    before = await counted(source)
    for _ in range(3):
        assert (await client.get(f"{gateway.edge}/orders/429", headers=headers)).status_code == 429
    async with asyncio.timeout(5):  # the access log is written when the response has gone out
        while (after := await counted(source))[UPSTREAM] < before[UPSTREAM] + 3:
            await asyncio.sleep(0.05)
    assert after[UPSTREAM] == before[UPSTREAM] + 3
    assert after[ACCEPTED] == before[ACCEPTED] + 3
    assert after[REJECTED] == before[REJECTED]


async def test_a_limit_that_is_not_enforced_counts_as_shadow(
    client: httpx.AsyncClient, gateway: Any, source: EnvoySource
) -> None:
    """Switched to shadow at run time, requests over the limit pass and are counted as such."""
    headers = await gateway.headers(client, "shadow")
    before = await counted(source)
    await client.post(f"{gateway.admin}/runtime_modify", params={"ratelimit.orders.enforced": "0"})
    try:
        answers = await asyncio.gather(*(client.get(f"{gateway.edge}/orders", headers=headers) for _ in range(60)))
    finally:
        await client.post(f"{gateway.admin}/runtime_modify", params={"ratelimit.orders.enforced": "100"})
    after = await counted(source)
    assert {answer.status_code for answer in answers} == {200}
    assert after[SHADOW] > before[SHADOW]
    assert after[ACCEPTED] - before[ACCEPTED] + after[SHADOW] - before[SHADOW] == 60
    assert after[REJECTED] == before[REJECTED]


async def test_counters_that_are_reset_begin_again(
    client: httpx.AsyncClient, gateway: Any, source: EnvoySource
) -> None:
    """As after a restart; what is counted from then on is right."""
    headers = await gateway.headers(client, "reset")
    await asyncio.gather(*(client.get(f"{gateway.edge}/orders", headers=headers) for _ in range(40)))
    before = await counted(source)
    await client.post(f"{gateway.admin}/reset_counters")
    answers = [await client.get(f"{gateway.edge}/orders", headers=headers) for _ in range(5)]
    after = await counted(source)
    seen = Counter(answer.status_code for answer in answers)
    assert before[REJECTED] > seen[429]
    assert (after[ACCEPTED], after[REJECTED], after[SHADOW]) == (seen[200], seen[429], 0)


async def test_each_route_has_its_series_from_the_first_read(source: EnvoySource) -> None:
    """A route that nobody called yet counts 0."""
    found = (await source.read()).decisions
    for route in ("login", "users", "orders", "questions", "answers"):
        for outcome in (Outcome.ACCEPTED, Outcome.REJECTED, Outcome.SHADOW):
            assert Decision(route, route, outcome, Origin.GATEWAY) in found


async def test_the_limits_are_those_of_its_configuration(source: EnvoySource) -> None:
    """A bucket for all and one for each client, all of them enforced."""
    snapshot = await source.read()
    assert snapshot.problems == ()
    assert snapshot.checks.keys() >= {Check.ENFORCED, Check.STATISTICS}
    assert not any(snapshot.checks.values())
    assert snapshot.limits[Bucket("orders", "orders")] == Limit(200, 1, 200)
    assert snapshot.limits[Bucket("orders", "orders", "client")] == Limit(20, 1, 20)
    assert snapshot.limits[Bucket("login", "login")] == Limit(20, 1, 40)


async def test_a_limit_that_is_switched_off_is_found(
    client: httpx.AsyncClient, gateway: Any, source: EnvoySource
) -> None:
    """At run time, which no configuration says."""
    await client.post(f"{gateway.admin}/runtime_modify", params={"ratelimit.orders.enforced": "0"})
    try:
        sentence = (await source.read()).checks[Check.ENFORCED]
    finally:
        await client.post(f"{gateway.admin}/runtime_modify", params={"ratelimit.orders.enforced": "100"})
    assert sentence.startswith("limits at 0 %: orders (filter_enforced)")


async def test_who_is_turned_away_and_how_full_the_bucket_is(
    client: httpx.AsyncClient, gateway: Any, source: EnvoySource
) -> None:
    """By the access log, once Envoy has written it: all rejections are there, in the name of the one who had them."""
    headers = await gateway.headers(client, "hasty")
    await source.read()
    log = Path(gateway.stack.book["edge_access_log"])
    for expected in (False, True):
        before = _rejected(log, "hasty")
        answers = [await client.get(f"{gateway.edge}/orders", headers=headers) for _ in range(80)]
        seen = Counter(answer.status_code for answer in answers)[429]
        assert seen > 0
        async with asyncio.timeout(30):  # Envoy keeps lines back for some seconds
            while _rejected(log, "hasty") < before + seen:
                await asyncio.sleep(0.1)
        snapshot = await source.read()
        named = seen if expected else 0
        assert snapshot.clients[Client("orders", "hasty")] == named
        assert snapshot.used[Bucket("orders", "orders")] == 1.0


def _rejected(log: Path, client: str) -> int:
    """Count a client's rejections in the log."""
    lines = log.read_bytes().decode().splitlines(keepends=True)
    entries = [json.loads(line) for line in lines if line.endswith("\n")]
    return sum(entry["client"] == client and entry["flags"] == "RL" for entry in entries)


async def test_another_port_of_the_gateway_is_not_taken_for_its_admin_interface(gateway: Any) -> None:
    """A wrong URL is an error that says what was answered."""
    source = EnvoySource(Envoy(kind="envoy", name="edge", admin=gateway.edge))
    try:
        with pytest.raises(SourceError, match="answered 401") as caught:
            await source.read()
    finally:
        await source.close()
    assert caught.value.reason == Reason.REFUSED
