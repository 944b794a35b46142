"""What Envoy's admin interface says of its limits, and what its access log adds."""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from exporters.errors import Reason
from exporters.gateway_limits.config import Envoy
from exporters.gateway_limits.snapshot import Bucket, Check, Client, Decision, Limit, Origin, Outcome
from exporters.gateway_limits.sources.envoy import AT_ONCE, CONFIG_INTERVAL, MAX_CONFIG_BYTES, EnvoySource

STATISTICS = """\
# TYPE envoy_gw_requests counter
envoy_gw_requests{route="",code="404",flags="NR"} 1
envoy_gw_requests{route="",code="429",flags="-"} 9
envoy_gw_requests{route="orders",code="202",flags="-"} 5
envoy_gw_requests{route="orders",code="429",flags="RL"} 3
envoy_gw_requests{route="orders",code="429",flags="DC,RL"} 1
envoy_gw_requests{route="questions",code="429",flags="-"} 2
envoy_gw_requests{route="questions",code="429",flags="UH"} 1
# TYPE envoy_http_local_rate_limit_enforced counter
envoy_http_local_rate_limit_enforced{envoy_local_http_ratelimit_prefix="login"} 0
envoy_http_local_rate_limit_enforced{envoy_local_http_ratelimit_prefix="orders"} 4
# TYPE envoy_http_local_rate_limit_ok counter
envoy_http_local_rate_limit_ok{envoy_local_http_ratelimit_prefix="login"} 0
envoy_http_local_rate_limit_ok{envoy_local_http_ratelimit_prefix="orders"} 5
# TYPE envoy_http_local_rate_limit_rate_limited counter
envoy_http_local_rate_limit_rate_limited{envoy_local_http_ratelimit_prefix="login"} 0
envoy_http_local_rate_limit_rate_limited{envoy_local_http_ratelimit_prefix="orders"} 10
# TYPE envoy_cluster_ratelimit_ok counter
envoy_cluster_ratelimit_ok{envoy_cluster_name="billing"} 20
# TYPE envoy_cluster_ratelimit_over_limit counter
envoy_cluster_ratelimit_over_limit{envoy_cluster_name="billing"} 7
# TYPE envoy_cluster_ratelimit_error counter
envoy_cluster_ratelimit_error{envoy_cluster_name="billing"} 5
# TYPE envoy_cluster_ratelimit_failure_mode_allowed counter
envoy_cluster_ratelimit_failure_mode_allowed{envoy_cluster_name="billing"} 3
"""

FILTER = "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
ALL = {"default_value": {"numerator": 100}}


def bucket(most: int, fill: int, interval: str = "1s") -> dict[str, Any]:
    return {"max_tokens": most, "tokens_per_fill": fill, "fill_interval": interval}


def config(*filters: Mapping[str, Any]) -> str:
    """A configuration with these filters, one a route, and one filter without a bucket, as at the listener."""
    routes = [{"typed_per_filter_config": {"rl": {"@type": FILTER, **settings}}} for settings in filters]
    listener = {"@type": FILTER, "stat_prefix": "edge"}
    return json.dumps({"configs": [{"http_filters": [listener]}, {"virtual_hosts": [{"routes": routes}]}]})


ORDERS = {
    "stat_prefix": "orders",
    "token_bucket": bucket(200, 100),
    "filter_enabled": ALL,
    "filter_enforced": {"runtime_key": "orders.enforced", **ALL},
    "descriptors": [
        {"entries": [{"key": "client", "value": "gold"}], "token_bucket": bucket(20, 20, "60s")},
        {"entries": [{"key": "client"}, {"key": "path"}], "token_bucket": bucket(5, 5, "0.500s")},
    ],
}
LOGIN = {
    "stat_prefix": "login",
    "token_bucket": {"max_tokens": 40, "fill_interval": "1s"},
    "filter_enabled": ALL,
    "filter_enforced": ALL,
}


def admin(statistics: str = STATISTICS, dump: str = config(ORDERS, LOGIN), runtime: Any = None) -> dict[str, Any]:
    return {
        "/stats/prometheus": statistics,
        "/config_dump": dump,
        "/runtime": json.dumps(runtime or {"entries": {}, "layers": []}),
    }


def edge(url: str, **more: Any) -> Envoy:
    return Envoy(kind="envoy", name="edge", admin=url, **more)


Reading = Callable[..., Any]
WELL = {Check.ENFORCED: "", Check.STATISTICS: ""}


async def test_each_decision_by_limit(reading: Reading) -> None:
    """Accepted, rejected and shadow; global limits, failures too; of the 429s only those that Envoy did not make."""
    (snapshot,) = await reading(EnvoySource, edge, admin())
    gateway, upstream = Origin.GATEWAY, Origin.UPSTREAM
    assert snapshot.gateway == "edge"
    assert snapshot.problems == ()
    assert snapshot.decisions == {
        Decision("login", "login", Outcome.ACCEPTED, gateway): 0,
        Decision("login", "login", Outcome.REJECTED, gateway): 0,
        Decision("login", "login", Outcome.SHADOW, gateway): 0,
        Decision("orders", "orders", Outcome.ACCEPTED, gateway): 5,
        Decision("orders", "orders", Outcome.REJECTED, gateway): 4,
        Decision("orders", "orders", Outcome.SHADOW, gateway): 6,
        Decision("billing", "global", Outcome.ACCEPTED, gateway): 20,
        Decision("billing", "global", Outcome.REJECTED, gateway): 7,
        Decision("billing", "global", Outcome.ERROR_ALLOWED, gateway): 3,
        Decision("billing", "global", Outcome.ERROR_DENIED, gateway): 2,
        Decision("orders", "", Outcome.REJECTED, upstream): 0,
        Decision("questions", "", Outcome.REJECTED, upstream): 3,
    }


@pytest.mark.parametrize("tag", ["code", "flags"])
async def test_a_counter_without_a_tag_says_nothing_of_upstreams(reading: Reading, tag: str) -> None:
    """Envoy's own 429s would be taken for theirs; the missing tag is named."""
    (snapshot,) = await reading(EnvoySource, edge, admin(re.sub(rf',{tag}="[^"]*"', "", STATISTICS)))
    assert {decision.origin for decision in snapshot.decisions} == {Origin.GATEWAY}
    assert snapshot.checks[Check.ORIGIN].endswith(f" lacks the tags {tag}")


async def test_an_envoy_without_limits_has_no_decisions(reading: Reading) -> None:
    """Nothing matches the filter: the answer is empty and so is the snapshot."""
    (snapshot,) = await reading(EnvoySource, edge, admin("", config()))
    assert (snapshot.decisions, snapshot.limits, snapshot.checks) == ({}, {}, WELL)


SPELLINGS = {
    'envoy_http_local_rate_limit_ok{envoy_local_http_ratelimit_prefix="orders"} 7\n': ("orders", "orders"),
    "envoy_orders_http_local_rate_limit_ok 7\n": ("orders", "orders"),
    'envoy_cluster_ratelimit_ok{envoy_cluster_name="orders"} 7\n': ("orders", "global"),
    'envoy_cluster_ratelimit_ok{cluster_name="orders"} 7\n': ("orders", "global"),
    'envoy_cluster_ratelimit_tier_ok{envoy_cluster_name="orders"} 7\n': ("orders", "tier"),
    "envoy_cluster_orders_ratelimit_ok 7\n": ("orders", "global"),
}


@pytest.mark.parametrize("statistics", SPELLINGS)
async def test_both_spellings_of_a_statistic(reading: Reading, statistics: str) -> None:
    """With Envoy's tag rules a name is a label, without them it is part of the statistic."""
    (snapshot,) = await reading(EnvoySource, edge, admin(statistics))
    assert snapshot.decisions[Decision(*SPELLINGS[statistics], Outcome.ACCEPTED, Origin.GATEWAY)] == 7


async def test_counts_go_back_when_the_gateway_restarts(reading: Reading) -> None:
    """A reset is passed on as it is: Prometheus knows what a smaller counter means."""
    before = STATISTICS.replace("} 5", "} 500").replace("} 10", "} 100")
    first, second = await reading(EnvoySource, edge, admin(before), admin())
    accepted = Decision("orders", "orders", Outcome.ACCEPTED, Origin.GATEWAY)
    shadow = accepted._replace(outcome=Outcome.SHADOW)
    assert (first.decisions[accepted], second.decisions[accepted]) == (500, 5)
    assert (first.decisions[shadow], second.decisions[shadow]) == (96, 6)


async def test_the_configured_limits(reading: Reading) -> None:
    """One bucket for all, one for a client by name, one for each pair of values; a fill is one token if not said."""
    (snapshot,) = await reading(EnvoySource, lambda url: edge(url, replicas=3), admin())
    assert snapshot.limits == {
        Bucket("orders", "orders"): Limit(300, 1, 600),
        Bucket("orders", "orders", "client=gold"): Limit(60, 60, 60),
        Bucket("orders", "orders", "client,path"): Limit(15, 0.5, 15),
        Bucket("login", "login"): Limit(3, 1, 120),
    }


SHARED = {
    # one configuration, told by three parts of the dump
    "told three times": ([[LOGIN], [LOGIN], [LOGIN]], {Bucket("login", "login"): Limit(1, 1, 40)}, False),
    "two routes with the same limit": ([[LOGIN, LOGIN]] * 2, {Bucket("login", "login"): Limit(1, 1, 40)}, True),
    "two routes with unlike limits": ([[LOGIN, {**LOGIN, "token_bucket": bucket(9, 9)}]] * 2, {}, True),
    "a listener's and a route's": ([[LOGIN], [{**LOGIN, "token_bucket": bucket(9, 9)}]], {}, True),
}


@pytest.mark.parametrize("case", SHARED)
async def test_filters_that_share_a_name_are_not_taken_for_one(pages: Any, clock: Any, case: str) -> None:
    """Envoy counts them together: no share of one bucket is made of what passed all, and unlike limits are no limit."""
    sections, limits, shared = SHARED[case]
    dump = {"configs": [json.loads(config(*filters)) for filters in sections]}
    passed = 'envoy_http_local_rate_limit_ok{envoy_local_http_ratelimit_prefix="login"} '
    found = admin(f"{passed}1\n", json.dumps(dump))
    async with pages(found) as url:
        source = EnvoySource(edge(url), clock)
        try:
            await source.read()
            clock.now += 10
            found["/stats/prometheus"] = f"{passed}6\n"
            snapshot = await source.read()
        finally:
            await source.close()
    assert snapshot.decisions[Decision("login", "login", Outcome.ACCEPTED, Origin.GATEWAY)] == 6
    assert snapshot.limits == limits
    assert snapshot.used == ({} if shared else {Bucket("login", "login"): pytest.approx(0.5)})
    assert ("have one stat_prefix: login: " in snapshot.checks[Check.STATISTICS]) == shared


async def test_a_bucket_of_each_connection_and_one_that_envoys_share(reading: Reading) -> None:
    """The first is no limit of all requests; the second is whole, whatever the number of Envoys."""
    connection = {**LOGIN, "local_rate_limit_per_downstream_connection": True}
    cluster = {**ORDERS, "descriptors": [], "local_cluster_rate_limit": {}}
    (snapshot,) = await reading(EnvoySource, lambda url: edge(url, replicas=2), admin(dump=config(connection, cluster)))
    assert snapshot.limits == {
        Bucket("login", "login", "connection"): Limit(2, 1, 80),
        Bucket("orders", "orders"): Limit(100, 1, 200),
    }


NOT_ENFORCED = {
    "enabled is missing": ({**LOGIN, "filter_enabled": None}, {}, "login (filter_enabled)"),
    "enforced is missing": ({**LOGIN, "filter_enforced": None}, {}, "login (filter_enforced)"),
    "enforced is 0": ({**LOGIN, "filter_enforced": {"default_value": {}}}, {}, "login (filter_enforced)"),
    "switched off at run time": (ORDERS, {"orders.enforced": "0"}, "orders (filter_enforced)"),
    "one of a million": (
        {**LOGIN, "filter_enforced": {"default_value": {"numerator": 1, "denominator": "MILLION"}}},
        {},
        "",
    ),
    "well": (ORDERS, {"orders.enforced": "100"}, ""),
}


@pytest.mark.parametrize("case", NOT_ENFORCED)
async def test_a_limit_at_0_percent_is_found(reading: Reading, case: str) -> None:
    """The sentence names the limit and the setting."""
    settings, values, expected = NOT_ENFORCED[case]
    written = {key: value for key, value in settings.items() if value is not None}
    runtime = {"entries": {key: {"final_value": value, "layer_values": [value]} for key, value in values.items()}}
    (snapshot,) = await reading(EnvoySource, edge, admin(dump=config(written), runtime=runtime))
    sentence = f"limits at 0 %: {expected}: set default_value there, or its runtime key, to 100"
    assert snapshot.checks[Check.ENFORCED] == (sentence if expected else "")


async def test_a_rate_limit_service_that_fails_is_said(reading: Reading) -> None:
    """While its errors rise; an Envoy that asks no service has no such check."""
    error = 'envoy_cluster_ratelimit_error{envoy_cluster_name="billing"} '
    failing = STATISTICS.replace(f"{error}5", f"{error}9")
    local = "".join(line for line in STATISTICS.splitlines(keepends=True) if "_cluster_ratelimit_" not in line)
    snapshots = await reading(EnvoySource, edge, admin(), admin(failing), admin(failing), admin(local))
    found = [snapshot.checks.get(Check.LIMITER) for snapshot in snapshots]
    assert [None if sentence is None else bool(sentence) for sentence in found] == [False, True, False, None]


NO_CONFIGURATION = {
    "refused": ({"/runtime": "", "/config_dump": None}, "not JSON"),
    "too large": ({"/config_dump": " " * (MAX_CONFIG_BYTES + 1)}, f"answer is larger than {MAX_CONFIG_BYTES} bytes"),
    "html": ({"/config_dump": "<html>"}, "not JSON"),
    "missing": ({"/config_dump": None}, "answered 404"),
    "another answer": ({"/config_dump": "{}"}, "not Envoy's configuration"),
    "another shape": ({"/config_dump": config({**LOGIN, "token_bucket": {}})}, "not Envoy's configuration"),
    "a bucket without refill": (
        {"/config_dump": config({**LOGIN, "token_bucket": bucket(5, 5, "0s")})},
        "not Envoy's configuration",
    ),
    "runtime is a list": ({"/runtime": "[]"}, "not Envoy's configuration"),
}


@pytest.mark.parametrize("case", NO_CONFIGURATION)
async def test_without_its_configuration_the_counts_still_hold(reading: Reading, case: str) -> None:
    """What can't be read of it is a problem of its own."""
    pages, message = NO_CONFIGURATION[case]
    (snapshot,) = await reading(EnvoySource, edge, {**admin(), **pages})
    assert snapshot.decisions[Decision("orders", "orders", Outcome.ACCEPTED, Origin.GATEWAY)] == 5
    assert (snapshot.limits, snapshot.checks) == ({}, {Check.LIMITER: "", Check.ORIGIN: ""})
    (problem,) = snapshot.problems
    assert problem.reason == Reason.INVALID_ANSWER
    assert message in problem.message


async def test_the_configuration_is_read_once_a_minute(pages: Any, clock: Any) -> None:
    """Another limit is seen after that, and what is gone then is not shown on."""
    found = admin()
    snapshots = []
    async with pages(found) as url:
        source = EnvoySource(edge(url), clock)
        try:
            for _ in range(3):
                snapshots.append(await source.read())
                found["/config_dump"] = None
                clock.now += CONFIG_INTERVAL / 2
        finally:
            await source.close()
    assert [len(snapshot.limits) for snapshot in snapshots] == [4, 4, 0]
    assert [len(snapshot.problems) for snapshot in snapshots] == [0, 0, 1]


async def test_a_configuration_that_hangs_costs_the_counts_one_reading_at_most(serve: Any, clock: Any) -> None:
    """Cancelled at the reading's deadline, it is not waited for again until a minute has passed."""
    over = asyncio.Event()

    async def hang(request: Request) -> Response:
        await over.wait()
        return Response()

    async def stats(request: Request) -> Response:
        return PlainTextResponse(STATISTICS)

    async with serve(Starlette(routes=[Route("/stats/prometheus", stats), Route("/{rest:path}", hang)])) as port:
        source = EnvoySource(edge(f"http://127.0.0.1:{port}"), clock)
        try:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await source.read()
            snapshot = await source.read()
        finally:
            over.set()
            await source.close()
    assert snapshot.decisions
    assert [problem.reason for problem in snapshot.problems] == [Reason.TIMEOUT]


async def test_many_configurations_are_all_read_in_the_end(pages: Any) -> None:
    """A few at a time: more Envoys than may ask at once, read together."""
    async with pages(admin()) as url:
        sources = [EnvoySource(edge(url)) for _ in range(3 * AT_ONCE)]
        try:
            async with asyncio.timeout(30):
                snapshots = await asyncio.gather(*(source.read() for source in sources))
                while not all(snapshot.limits for snapshot in snapshots):
                    snapshots = await asyncio.gather(*(source.read() for source in sources))
        finally:
            for source in sources:
                await source.close()
    assert all(snapshot.problems == () for snapshot in snapshots)


async def test_the_share_in_use_of_a_limit_with_one_bucket(pages: Any, clock: Any) -> None:
    """It is that of the one Envoy that is asked; where clients have buckets of their own, counts don't say it."""
    found = admin(dump=config(LOGIN, ORDERS))
    async with pages(found) as url:
        source = EnvoySource(edge(url, replicas=2), clock)
        try:
            assert (await source.read()).used == {}
            clock.now += 10
            passed = 'rate_limit_ok{envoy_local_http_ratelimit_prefix="login"} '
            found["/stats/prometheus"] = STATISTICS.replace(f"{passed}0", f"{passed}4")
            assert (await source.read()).used == {Bucket("login", "login"): pytest.approx(0.4)}
        finally:
            await source.close()


async def test_what_the_access_log_adds(pages: Any, clock: Any, tmp_path: Path) -> None:
    """Who was rejected by Envoy itself, and the fullest of the clients' buckets."""
    log = tmp_path / "access.log"
    log.write_text('{"route": "orders", "client": "early", "flags": "RL"}\n')
    async with pages(admin()) as url:
        source = EnvoySource(edge(url, access_log=log), clock)
        try:
            assert (await source.read()).clients == {}
            rejected = '{"route": "orders", "client": "gold", "flags": "RL", "ratelimit_limit": 20}\n'
            with log.open("a") as file:
                file.write(rejected * 5)
                file.write('{"route": "orders", "client": "gold", "flags": "-", "code": 429}\n')
                file.write('{"route": null, "client": "x", "flags": "RL"}\n')
                file.write('{"route": "orders", "client": null, "flags": "DC,RL"}\n')
                file.write(
                    '{"route": "orders", "flags": "-", "ratelimit_limit": "20, 20;w=60", "ratelimit_remaining": "5"}\n'
                    '{"route": "orders", "flags": "-", "ratelimit_limit": 5, "ratelimit_remaining": 4}\n'
                )
            snapshot = await source.read()
            assert snapshot.clients == {Client("orders", "gold"): 0, Client("orders", "other"): 6}
            assert snapshot.used[Bucket("orders", "orders")] == pytest.approx(0.75)
            with log.open("a") as file:
                file.write(rejected + '{"route": "orders", "flags": "-"}\n')
            snapshot = await source.read()
            assert snapshot.clients[Client("orders", "gold")] == 1
            assert snapshot.checks[Check.STATISTICS] == "json_format of the access log lacks client"
            with log.open("a") as file:
                file.write('{"route": "orders", "client": null, "flags": "-"}\n')
            assert (await source.read()).checks[Check.STATISTICS] == ""
        finally:
            await source.close()


async def test_a_missing_access_log_is_a_problem_of_its_own(pages: Any, tmp_path: Path) -> None:
    """The counts don't depend on it."""
    async with pages(admin()) as url:
        source = EnvoySource(edge(url, access_log=tmp_path / "none.log"))
        try:
            snapshot = await source.read()
        finally:
            await source.close()
    assert snapshot.decisions
    assert [problem.message for problem in snapshot.problems] == [f"{tmp_path}/none.log: no such file"]
