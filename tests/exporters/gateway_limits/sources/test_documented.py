"""Gateways that don't run in the tests, by their captured or documented answers: each fixture names its source."""

import asyncio
from collections.abc import Callable, Mapping
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
from exporters.gateway_limits.config import Apisix, Gateway, Istio, Kong, Probe, RateLimit, Traefik
from exporters.gateway_limits.http import Http
from exporters.gateway_limits.probe import probed
from exporters.gateway_limits.snapshot import Bucket, Check, Decision, Limit, Origin, Outcome, Snapshot
from exporters.gateway_limits.sources import KINDS
from exporters.gateway_limits.sources.apisix import ApisixSource
from exporters.gateway_limits.sources.istio import IstioSource
from exporters.gateway_limits.sources.kong import KongSource
from exporters.gateway_limits.sources.ratelimit import MOST_DESCRIPTORS, RateLimitSource
from exporters.gateway_limits.sources.traefik import TraefikSource

ACCEPTED, REJECTED, SHADOW = Outcome.ACCEPTED, Outcome.REJECTED, Outcome.SHADOW
GATEWAY, UPSTREAM, UNKNOWN = Origin.GATEWAY, Origin.UPSTREAM, Origin.UNKNOWN

Reading = Callable[..., Any]


def fixture(name: str) -> str:
    return (Path(__file__).parent.parent / "fixtures" / f"{name}.prom").read_text(encoding="utf-8")


def kong(url: str) -> Kong:
    return Kong(kind="kong", name="kong", metrics=f"{url}/metrics")


def kong_probed(url: str) -> Kong:
    return Kong(kind="kong", name="kong", metrics=f"{url}/metrics", probe=Probe(url=f"{url}/orders", route="orders.v1"))


def apisix(url: str) -> Apisix:
    return Apisix(kind="apisix", name="apisix", metrics=f"{url}/metrics", rejected_codes=(503,))


def traefik(url: str) -> Traefik:
    return Traefik(kind="traefik", name="traefik", metrics=f"{url}/metrics")


def istio(url: str) -> Istio:
    return Istio(kind="istio", name="istio", metrics=f"{url}/metrics")


def ratelimit(url: str) -> RateLimit:
    return RateLimit(kind="ratelimit", name="ratelimit", metrics=f"{url}/metrics", rlconfig=f"{url}/rlconfig")


async def test_kong_tells_its_own_429(reading: Reading) -> None:
    """`source` does; what Kong answered itself for another reason was not accepted, and not limited."""
    (snapshot,) = await reading(KongSource, kong, {"/metrics": fixture("kong")})
    assert snapshot.decisions == {
        Decision("serverless", "", ACCEPTED, GATEWAY): 0,
        Decision("serverless", "", REJECTED, GATEWAY): 0,
        Decision("serverless", "", REJECTED, UPSTREAM): 0,
        Decision("orders.v1", "", ACCEPTED, GATEWAY): 45,
        Decision("orders.v1", "", REJECTED, GATEWAY): 7,
        Decision("orders.v1", "", REJECTED, UPSTREAM): 3,
    }
    assert snapshot.checks == {Check.STATISTICS: "", Check.ORIGIN: ""}


async def test_a_kong_that_does_not_tell(reading: Reading) -> None:
    """Without `source` nobody knows whose a 429 is, and that is said."""
    without = fixture("kong").replace('source="kong",', "").replace('source="service",', "")
    (snapshot,) = await reading(KongSource, kong, {"/metrics": without})
    assert snapshot.decisions == {
        Decision("serverless", "", ACCEPTED, UNKNOWN): 1,
        Decision("serverless", "", REJECTED, UNKNOWN): 0,
        Decision("orders.v1", "", ACCEPTED, UNKNOWN): 47,
        Decision("orders.v1", "", REJECTED, UNKNOWN): 10,
    }
    assert "has no source" in snapshot.checks[Check.ORIGIN]


async def test_kong_without_status_code_metrics(reading: Reading) -> None:
    """It answers, and has no such series: that is said, and nothing is counted as 0."""
    without = "\n".join(line for line in fixture("kong").splitlines() if "http_requests" not in line) + "\n"
    (snapshot,) = await reading(KongSource, kong, {"/metrics": without})
    assert snapshot.decisions == {}
    assert "status_code_metrics=true" in snapshot.checks[Check.STATISTICS]


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

    counted = Snapshot("kong", {Decision("orders", "", ACCEPTED, GATEWAY): 7}, checks={Check.STATISTICS: ""})
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
    assert snapshot.decisions[Decision("orders.v1", "", REJECTED, GATEWAY)] == 7
    assert [problem.reason for problem in snapshot.problems] == [Reason.UNREACHABLE]


async def test_apisix_tells_its_own_answers(reading: Reading) -> None:
    """503 is a rejection when APISIX made it; a 502 of its proxy was let through; what fits no route is left out."""
    (snapshot,) = await reading(ApisixSource, apisix, {"/metrics": fixture("apisix")})
    assert snapshot.decisions == {
        Decision("orders", "", ACCEPTED, GATEWAY): 46,
        Decision("orders", "", REJECTED, GATEWAY): 7,
        Decision("orders", "", REJECTED, UPSTREAM): 3,
    }
    assert snapshot.checks == {Check.STATISTICS: "", Check.ORIGIN: ""}


async def test_an_apisix_that_does_not_tell(reading: Reading) -> None:
    """Without response_source only a 429 is taken for a rejection, of unknown origin, and that is said."""
    (snapshot,) = await reading(ApisixSource, apisix, {"/metrics": fixture("apisix_old")})
    assert snapshot.decisions == {
        Decision("orders", "", ACCEPTED, UNKNOWN): 44,
        Decision("orders", "", REJECTED, UNKNOWN): 7,
    }
    assert "response_source" in snapshot.checks[Check.ORIGIN]


async def test_an_apisix_whose_plugin_is_on_no_route(reading: Reading) -> None:
    """The page is there, the series are not."""
    (snapshot,) = await reading(ApisixSource, apisix, {"/metrics": "apisix_http_requests_total 70\n"})
    assert "enable the prometheus plugin" in snapshot.checks[Check.STATISTICS]


async def test_traefiks_routers_minus_its_services(reading: Reading) -> None:
    """A router of its own is the route; routers that share a service are known together, by the service."""
    (snapshot,) = await reading(TraefikSource, traefik, {"/metrics": fixture("traefik")})
    assert snapshot.decisions == {
        Decision("orders@docker", "", ACCEPTED, GATEWAY): 43,
        Decision("orders@docker", "", REJECTED, GATEWAY): 7,
        Decision("orders@docker", "", REJECTED, UPSTREAM): 3,
        Decision("whoami1@docker", "", ACCEPTED, GATEWAY): 60,
        Decision("whoami1@docker", "", REJECTED, GATEWAY): 6,
        Decision("whoami1@docker", "", REJECTED, UPSTREAM): 0,
    }
    assert snapshot.checks == {Check.ORIGIN: ""}


async def test_traefik_without_router_labels(reading: Reading) -> None:
    """429s are known by entry point, of unknown origin, and the missing setting is named."""
    without = "\n".join(line for line in fixture("traefik").splitlines() if "router_requests" not in line) + "\n"
    (snapshot,) = await reading(TraefikSource, traefik, {"/metrics": without})
    assert snapshot.decisions == {
        Decision("web", "", ACCEPTED, UNKNOWN): 105,
        Decision("web", "", REJECTED, UNKNOWN): 16,
    }
    assert "addRoutersLabels=true" in snapshot.checks[Check.ORIGIN]


async def test_traefik_without_service_labels(reading: Reading) -> None:
    """What a router counted may be the service's own 429: the origin is unknown, not the middleware's."""
    lines = fixture("traefik").splitlines(keepends=True)
    internal = 'traefik_router_requests_total{code="200",router="api@internal",service="api@internal"} 4\n'
    without = "".join(line for line in lines if "service_requests" not in line) + internal
    (snapshot,) = await reading(TraefikSource, traefik, {"/metrics": without})
    assert snapshot.decisions == {
        Decision("orders@docker", "", ACCEPTED, UNKNOWN): 43 - 3,
        Decision("orders@docker", "", REJECTED, UNKNOWN): 7 + 3,
        Decision("whoami1@docker", "", ACCEPTED, UNKNOWN): 60,
        Decision("whoami1@docker", "", REJECTED, UNKNOWN): 6,
        Decision("api@internal", "", ACCEPTED, UNKNOWN): 4,
        Decision("api@internal", "", REJECTED, UNKNOWN): 0,
    }
    assert "addServicesLabels=true" in snapshot.checks[Check.ORIGIN]
    only_internal = f"traefik_config_reloads_total 1\n{internal}"
    (snapshot,) = await reading(TraefikSource, traefik, {"/metrics": only_internal})
    assert snapshot.checks == {Check.ORIGIN: ""}


async def test_an_istio_sidecar_counts_what_it_received(reading: Reading) -> None:
    """RL and RLSE are its own; what it sent elsewhere is another proxy's affair and counted there."""
    (snapshot,) = await reading(IstioSource, istio, {"/metrics": fixture("istio")})
    orders = "orders.shop.svc.cluster.local"
    assert snapshot.decisions == {
        Decision(orders, "", ACCEPTED, GATEWAY): 45,
        Decision(orders, "", REJECTED, GATEWAY): 7,
        Decision(orders, "", Outcome.ERROR_DENIED, GATEWAY): 4,
        Decision(orders, "", REJECTED, UPSTREAM): 3,
        Decision("http_local_rate_limiter", "http_local_rate_limiter", SHADOW, GATEWAY): 2,
        Decision(f"outbound|9080||{orders}", "global", Outcome.ERROR_ALLOWED, GATEWAY): 6,
    }
    assert snapshot.checks == {Check.STATISTICS: "", Check.LIMITER: ""}


async def test_an_istio_whose_limiter_fails(reading: Reading) -> None:
    """Requests that it lets pass, or turns away, because the service fails: while they come, that is said."""
    before = {"/metrics": fixture("istio")}
    allowing = {"/metrics": fixture("istio").replace('shop.svc.cluster.local"} 6', 'shop.svc.cluster.local"} 8')}
    denying = {"/metrics": allowing["/metrics"].replace('response_flags="RLSE"} 4', 'response_flags="RLSE"} 5')}
    snapshots = await reading(IstioSource, istio, before, allowing, denying, denying)
    assert [bool(snapshot.checks[Check.LIMITER]) for snapshot in snapshots] == [False, True, True, False]


async def test_an_istio_gateway_counts_what_it_sent(reading: Reading) -> None:
    """The same proxy seen from its other side."""

    def settings(url: str) -> Istio:
        return Istio(kind="istio", name="istio", metrics=f"{url}/metrics", reporter="source")

    (snapshot,) = await reading(IstioSource, settings, {"/metrics": fixture("istio")})
    rejected = {decision: count for decision, count in snapshot.decisions.items() if decision.outcome == REJECTED}
    billing = "billing.shop.svc.cluster.local"
    assert rejected == {Decision(billing, "", REJECTED, GATEWAY): 0, Decision(billing, "", REJECTED, UPSTREAM): 11}


async def test_an_istio_that_leaves_the_statistics_out(reading: Reading) -> None:
    """Its default: requests are counted all the same, and the annotation is named."""
    without = "\n".join(line for line in fixture("istio").splitlines() if "local_rate_limit" not in line) + "\n"
    (snapshot,) = await reading(IstioSource, istio, {"/metrics": without})
    assert Decision("orders.shop.svc.cluster.local", "", REJECTED, GATEWAY) in snapshot.decisions
    assert "inclusionRegexps: ['.*http_local_rate_limit.*']" in snapshot.checks[Check.STATISTICS]


# captured with fixtures/ratelimit.prom
RLCONFIG = """\
edge.client: unit=MINUTE requests_per_unit=5, shadow_mode: false, quota_mode: false
edge.tier_gold: unit=HOUR requests_per_unit=8, shadow_mode: false, quota_mode: false
edge.trial: unit=MINUTE requests_per_unit=3, shadow_mode: true, quota_mode: false
edge.route_orders.client: unit=MINUTE requests_per_unit=4, shadow_mode: false, quota_mode: false
edge.route_orders.client.path: unit=MINUTE requests_per_unit=2, shadow_mode: false, quota_mode: false
edge.detailed: unit=MINUTE requests_per_unit=2, shadow_mode: false, quota_mode: false
"""
RATELIMIT = {"/metrics": fixture("ratelimit"), "/rlconfig": RLCONFIG}


def outcomes(decisions: Mapping[Decision, int], limit: str, route: str = "edge") -> tuple[int, int, int]:
    """What was accepted, rejected and shadow."""
    accepted, rejected, shadow = (
        decisions[Decision(route, limit, one, GATEWAY)] for one in (ACCEPTED, REJECTED, SHADOW)
    )
    return accepted, rejected, shadow


async def test_the_rate_limit_service_counts_each_hit_once(reading: Reading) -> None:
    """As its caller was answered: what came from the local cache is not counted twice, nor is a third level lost."""
    (snapshot,) = await reading(RateLimitSource, ratelimit, RATELIMIT)
    found = {limit: outcomes(snapshot.decisions, limit) for limit in sorted({key.limit for key in snapshot.decisions})}
    assert found == {
        "client": (8, 7, 0),
        "detailed_v1": (2, 1, 0),
        "detailed_v2": (1, 0, 0),
        # and route_orders.client.path
        "route_orders.client": (4 + 2, 3 + 3, 0),
        "tier_gold": (8, 2, 0),
        "trial": (3, 0, 5),
    }
    assert snapshot.limits == {
        Bucket("edge", "client"): Limit(5, 60),
        Bucket("edge", "tier_gold"): Limit(8, 3600),
        Bucket("edge", "trial"): Limit(3, 60),
        Bucket("edge", "route_orders.client"): Limit(4, 60),
        Bucket("edge", "route_orders.client.path"): Limit(2, 60),
        Bucket("edge", "detailed"): Limit(2, 60),
    }


async def test_a_rate_limit_service_without_redis(reading: Reading) -> None:
    """Errors that rise are said, and no longer once they stop; what could not be decided is in no count."""
    failing = {**RATELIMIT, "/metrics": fixture("ratelimit_without_redis")}
    snapshots = await reading(RateLimitSource, ratelimit, RATELIMIT, failing, failing)
    assert [bool(snapshot.checks[Check.LIMITER]) for snapshot in snapshots] == [False, True, False]
    assert outcomes(snapshots[-1].decisions, "client") == (8, 7 + 2, 0)


async def test_a_rate_limit_service_without_a_request_is_up(reading: Reading) -> None:
    """It tells of nothing but itself."""
    idle = "".join(line for line in fixture("ratelimit").splitlines(keepends=True) if "rate_limit" not in line)
    (snapshot,) = await reading(RateLimitSource, ratelimit, {**RATELIMIT, "/metrics": idle})
    assert snapshot.decisions == {}


async def test_values_of_callers_make_no_series(reading: Reading) -> None:
    """With detailed_metric the service has one for each; here they are counted together, and who is known stays so."""

    def page(*values: int) -> dict[str, str]:
        lines = [
            f'ratelimit_service_rate_limit_{count}{{domain="edge",key1="client_{value}"}} 3\n'
            for value in values
            for count in ("total_hits", "within_limit")
        ]
        return {**RATELIMIT, "/metrics": "".join(lines)}

    many = range(5 * MOST_DESCRIPTORS)
    first, second = await reading(RateLimitSource, ratelimit, page(7, 4_999), page(*many))
    assert len(first.decisions) == 3 * 2
    assert len(second.decisions) == 3 * (MOST_DESCRIPTORS + 1)
    assert outcomes(second.decisions, "client_4999") == (3, 0, 0)
    assert outcomes(second.decisions, "other", "other") == (3 * (len(many) - MOST_DESCRIPTORS), 0, 0)


@pytest.mark.parametrize("page", ["<html>\n", "edge.client: unit=FORTNIGHT requests_per_unit=1\n", None])
async def test_limits_that_can_not_be_read_cost_only_the_limits(reading: Reading, page: str | None) -> None:
    """The counts hold."""
    (snapshot,) = await reading(RateLimitSource, ratelimit, {**RATELIMIT, "/rlconfig": page})
    assert (len(snapshot.decisions), snapshot.limits) == (18, {})
    assert [problem.reason for problem in snapshot.problems] == [Reason.INVALID_ANSWER]
