"""Envoy as the project configures it: tokens, routes, limits, and an honest account of who said 429."""

import asyncio
import base64
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import yaml

from compose.addresses import PROJECT


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A plain HTTP client."""
    async with httpx.AsyncClient(timeout=10) as found:
        yield found


async def test_without_a_token_nothing_but_login_is_reached(client: httpx.AsyncClient, gateway: Any) -> None:
    """401 with the reason, before any service is asked."""
    for path in ("/orders", "/users/me", "/questions", "/answers/1"):
        response = await client.get(gateway.edge + path)
        assert (response.status_code, response.text) == (401, "Jwt is missing"), path
    assert (await client.get(f"{gateway.edge}/nowhere")).status_code in (401, 404)


async def test_a_forged_token_is_refused(client: httpx.AsyncClient, gateway: Any) -> None:
    """Another user's name under the same signature does not verify; neither does 'no signature needed'."""
    head, _, tail = (await gateway.token(client, "alice")).split(".")
    claims = {"sub": "root", "iss": "https://users.bongsu.demo", "aud": "bongsu-demo", "exp": int(time.time()) + 600}
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    for token in (f"{head}.{body}.{tail}", f"{none}.{body}."):
        response = await client.get(f"{gateway.edge}/orders", headers={"authorization": f"Bearer {token}"})
        assert response.status_code == 401


async def test_the_caller_is_who_the_token_says(client: httpx.AsyncClient, gateway: Any) -> None:
    """The service sees the token's subject, whatever the caller wrote into the header."""
    headers = await gateway.headers(client, "alice")
    answer = await client.get(f"{gateway.edge}/orders", headers={**headers, "x-client-id": "mallory"})
    assert answer.json()["x-client-id"] == "alice"


async def test_each_client_has_a_limit_of_its_own(client: httpx.AsyncClient, gateway: Any) -> None:
    """Past 20 a second one client gets 429 with x-ratelimit headers, and another is served meanwhile."""
    burst, calm = await gateway.headers(client, "burst"), await gateway.headers(client, "calm")
    answers = await asyncio.gather(*(client.get(f"{gateway.edge}/orders", headers=burst) for _ in range(60)))
    counts = Counter(answer.status_code for answer in answers)
    assert counts[200] >= 20
    assert counts[429] >= 60 - 20 - 20  # the bucket refills while 60 requests go through
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.text == "local_rate_limited"
    assert refused.headers["x-ratelimit-limit"] == "20"
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert (await client.get(f"{gateway.edge}/orders", headers=calm)).status_code == 200


async def test_whose_429_it_is_can_be_counted(client: httpx.AsyncClient, gateway: Any) -> None:
    """The limiter's counters know nothing of an upstream's 429; the labelled counter tells them apart."""
    headers = await gateway.headers(client, "tester")
    before = await _counters(client, gateway)
    assert (await client.get(f"{gateway.edge}/orders/429", headers=headers)).status_code == 429
    after = await _counters(client, gateway)
    upstream = 'envoy_gw_requests{route="orders",code="429",flags="-"}'
    enforced = 'envoy_http_local_rate_limit_enforced{envoy_local_http_ratelimit_prefix="orders"}'
    assert after[upstream] - before.get(upstream, 0) == 1
    assert after.get(enforced, 0) == before.get(enforced, 0)


async def test_a_caller_can_not_add_series(client: httpx.AsyncClient, gateway: Any) -> None:
    """Names that a caller sends appear in no metric."""
    await client.get(f"{gateway.edge}/orders", headers={"x-client-id": "series-of-mine"})
    text = (await client.get(f"{gateway.admin}/stats/prometheus?usedonly")).text
    assert "series-of-mine" not in text


async def test_the_access_log_is_json_lines(client: httpx.AsyncClient, gateway: Any) -> None:
    """Route, client, status, flags: enough to see who was refused by whom."""
    headers = await gateway.headers(client, "logged")
    await client.get(f"{gateway.edge}/orders/204", headers=headers)
    log = gateway.stack.home / "log/access.log"
    async with asyncio.timeout(10):
        while not (mine := [e for e in map(json.loads, log.read_text().splitlines()) if e["client"] == "logged"]):
            await asyncio.sleep(0.1)
    assert [(e["route"], e["code"], e["flags"], e["path"]) for e in mine] == [("orders", 204, "-", "/orders/204")]


async def _counters(client: httpx.AsyncClient, gateway: Any) -> dict[str, float]:
    text = (await client.get(f"{gateway.admin}/stats/prometheus")).text
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        if name
    }


async def test_the_health_check_of_its_container(gateway: Any) -> None:
    """The command of compose.yaml, asked of the real Envoy: it is healthy when it answers, not when nothing does."""
    compose = yaml.safe_load((PROJECT / "compose/compose.yaml").read_text(encoding="utf-8"))
    _, *command = compose["services"]["envoy"]["healthcheck"]["test"]
    port = gateway.admin.rpartition(":")[2]
    codes = []
    for asked in (port, "1"):
        running = await asyncio.create_subprocess_exec(
            *(part.replace("/9901;", f"/{asked};") for part in command), stderr=asyncio.subprocess.DEVNULL
        )
        codes.append(await running.wait())
    assert codes[0] == 0
    assert codes[1] != 0
