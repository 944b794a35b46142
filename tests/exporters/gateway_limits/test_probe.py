"""What the headers of one answer say of a limit, whichever gateway was asked, and what it costs when they don't."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from exporters.errors import Reason
from exporters.gateway_limits.config import Gateway, Kong, Probe
from exporters.gateway_limits.http import Http
from exporters.gateway_limits.probe import probed
from exporters.gateway_limits.snapshot import Bucket, Check, Decision, Limit, Origin, Outcome, Snapshot
from exporters.gateway_limits.sources import KINDS
from exporters.gateway_limits.sources.kong import KongSource

Reading = Callable[..., Any]


def fixture(name: str) -> str:
    return (Path(__file__).parent / "fixtures" / f"{name}.prom").read_text(encoding="utf-8")


def kong_probed(url: str) -> Kong:
    return Kong(kind="kong", name="kong", metrics=f"{url}/metrics", probe=Probe(url=f"{url}/orders", route="orders.v1"))


async def test_kongs_limits_by_window_from_a_probe(reading: Reading) -> None:
    """Headers of https://developer.konghq.com/plugins/rate-limiting/, on an answer of whatever status."""
    headers = {
        "RateLimit-Limit": "5",
        "RateLimit-Remaining": "4",
        "X-RateLimit-Limit-Second": "5",
        "X-RateLimit-Limit-Hour": "10000",
        "X-RateLimit-Remaining-Hour": "9999",
    }
    pages = {"/metrics": fixture("kong"), "/orders": Response(status_code=429, headers=headers)}
    (snapshot,) = await reading(KongSource, kong_probed, pages)
    assert snapshot.limits == {
        Bucket("orders.v1", "second"): Limit(5, 1),
        Bucket("orders.v1", "hour"): Limit(10000, 3600),
    }
    assert snapshot.checks[Check.HEADERS] == ""


ONE_PER_WINDOW = {"X-RateLimit-Limit-Second": "5", "X-RateLimit-Remaining-Second": "4", "X-RateLimit-Limit-Hour": "100"}
SPRING = {"X-RateLimit-Replenish-Rate": "10", "X-RateLimit-Burst-Capacity": "60", "X-RateLimit-Requested-Tokens": "20"}
ANSWERED: dict[str, tuple[dict[str, str], dict[str, Limit], dict[str, float]]] = {
    "kong": (ONE_PER_WINDOW, {"second": Limit(10, 1), "hour": Limit(200, 3600)}, {"second": 0.2}),
    "spring": ({**SPRING, "X-RateLimit-Remaining": "15"}, {"": Limit(1.0, 1, 6.0)}, {"": 0.75}),
    "spring without its redis": ({**SPRING, "X-RateLimit-Remaining": "-1"}, {"": Limit(1.0, 1, 6.0)}, {}),
    "apisix": ({"X-RateLimit-Limit": "5", "X-RateLimit-Remaining": "0"}, {"": Limit(10)}, {"": 1.0}),
    # captured from an Envoy 1.40
    "envoy": ({"x-ratelimit-limit": "5, 5;w=60", "x-ratelimit-remaining": "2"}, {"": Limit(10, 60)}, {"": 0.6}),
    "two policies": ({"x-ratelimit-limit": '5, 100;w=60;name="a", 5;name="b";w=1'}, {"": Limit(10, 1)}, {}),
    "two that are alike": ({"x-ratelimit-limit": "5, 5;w=1, 5;w=60"}, {"": Limit(10)}, {}),
    "more left than there is": ({"X-RateLimit-Limit": "5", "X-RateLimit-Remaining": "9"}, {"": Limit(10)}, {"": 0.0}),
    "nothing passes": ({"X-RateLimit-Limit": "0", "X-RateLimit-Remaining": "0"}, {"": Limit(0)}, {}),
    "no numbers": ({"X-RateLimit-Limit": "many", "X-RateLimit-Remaining": "9" * 5000}, {}, {}),
}


@pytest.mark.parametrize("case", ANSWERED)
@pytest.mark.parametrize("shared", [False, True])
async def test_what_headers_say_of_a_bucket(reading: Reading, case: str, shared: bool) -> None:
    """The limit of all processes; how full it is only when callers share it, for else it is the probe's own."""
    headers, limits, used = ANSWERED[case]

    def settings(url: str) -> Kong:
        probe = Probe(url=f"{url}/orders", route="orders", shared=shared, replicas=2)
        return Kong(kind="kong", name="kong", metrics=f"{url}/metrics", probe=probe)

    pages = {"/metrics": fixture("kong"), "/orders": Response(headers=headers)}
    (snapshot,) = await reading(KongSource, settings, pages)
    assert snapshot.limits == {Bucket("orders", name): limit for name, limit in limits.items()}
    expected = {Bucket("orders", name): pytest.approx(share) for name, share in used.items()}
    assert snapshot.used == (expected if shared else {})


@pytest.mark.parametrize("kind", ["kong", "apisix", "spring_cloud_gateway", "istio"])
async def test_whoever_is_probed_tells_of_the_limit(reading: Reading, kind: str) -> None:
    """The same for every kind that can be."""
    page = {"spring_cloud_gateway": "jvm_threads_live_threads 1\n"}.get(kind) or fixture(kind)
    headers = {"x-ratelimit-limit": "5, 5;w=60", "x-ratelimit-remaining": "2"}

    def settings(url: str) -> Any:
        probe = {"url": f"{url}/orders", "route": "orders", "shared": True}
        return TypeAdapter(Gateway).validate_python(
            {"kind": kind, "name": "edge", "metrics": f"{url}/metrics", "probe": probe}
        )

    pages = {"/metrics": page, "/orders": Response(headers=headers)}
    (snapshot,) = await reading(KINDS[kind], settings, pages)
    assert snapshot.limits == {Bucket("orders", ""): Limit(5, 60)}
    assert snapshot.used == {Bucket("orders", ""): pytest.approx(0.6)}
    assert snapshot.checks[Check.HEADERS] == ""


async def test_a_probe_that_hangs_costs_only_what_it_would_tell(serve: Any) -> None:
    """A service that hangs behind the gateway takes no count with it."""
    over = asyncio.Event()

    async def hang(_request: Request) -> Response:
        await over.wait()
        return Response()

    counted = Snapshot(
        "kong", {Decision("orders", "", Outcome.ACCEPTED, Origin.GATEWAY): 7}, checks={Check.STATISTICS: ""}
    )
    async with serve(Starlette(routes=[Route("/orders", hang)])) as port:
        url, http = f"http://127.0.0.1:{port}/orders", Http()
        try:
            found = await probed(http, Probe(url=url, route="orders"), counted, patience=0.05)
        finally:
            over.set()
            await http.close()
    (late,) = found.problems
    assert (late.reason, late.message) == (Reason.TIMEOUT, f"{url}: no answer to the probe within 0.05 s")
    assert replace(found, problems=()) == counted


async def test_a_probe_without_headers_is_said(reading: Reading) -> None:
    """The plugin hides them, or the URL is not on the route."""
    (snapshot,) = await reading(KongSource, kong_probed, {"/metrics": fixture("kong")})
    assert snapshot.limits == {}
    assert snapshot.checks[Check.HEADERS] == "the answer to the probe has no X-RateLimit header"


async def test_a_probe_that_fails_costs_only_the_limits(reading: Reading) -> None:
    """Nothing listens where the probe goes; the counts hold."""

    def settings(url: str) -> Kong:
        return Kong(
            kind="kong",
            name="kong",
            metrics=f"{url}/metrics",
            probe=Probe(url="http://127.0.0.1:1/orders", route="orders.v1"),
        )

    (snapshot,) = await reading(KongSource, settings, {"/metrics": fixture("kong")})
    assert snapshot.decisions[Decision("orders.v1", "", Outcome.REJECTED, Origin.GATEWAY)] == 7
    assert [problem.reason for problem in snapshot.problems] == [Reason.UNREACHABLE]
