"""Gateways that don't run in the tests, by their captured or documented answers: each fixture names its source."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from exporters.errors import Reason
from exporters.gateway_limits.config import Apisix, Istio, Kong, RateLimit, Traefik
from exporters.gateway_limits.snapshot import Bucket, Check, Decision, Limit, Origin, Outcome
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
