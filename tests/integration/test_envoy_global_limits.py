"""A real Envoy whose rate limit service is gone: what passes, and what is turned away, is counted apart."""

from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from compose.native import tools
from exporters.errors import Reason, SourceError
from exporters.gateway_limits.config import Envoy
from exporters.gateway_limits.envoy_statistics import LIMITER_FAILS
from exporters.gateway_limits.snapshot import Check, Decision, Origin, Outcome
from exporters.gateway_limits.sources.envoy import EnvoySource

TYPE = "type.googleapis.com/envoy.extensions.filters"


def listener(port: int, name: str, deny: bool) -> dict[str, Any]:
    """A listener that asks the service for each request, and a route to the upstream by a cluster of its own."""
    service = {"grpc_service": {"envoy_grpc": {"cluster_name": "limiter"}}, "transport_api_version": "V3"}
    limiter = {
        "@type": f"{TYPE}.http.ratelimit.v3.RateLimit",
        "domain": "edge",
        "failure_mode_deny": deny,
        "timeout": "0.1s",
        "rate_limit_service": service,
    }
    limit = {"actions": [{"generic_key": {"descriptor_value": "all"}}]}
    route = {"match": {"prefix": "/"}, "route": {"cluster": name, "rate_limits": [limit]}}
    manager = {
        "@type": f"{TYPE}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "route_config": {"virtual_hosts": [{"name": name, "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            {"name": "envoy.filters.http.ratelimit", "typed_config": limiter},
            {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{TYPE}.http.router.v3.Router"}},
        ],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {"name": name, "address": address(port), "filter_chains": [{"filters": filters}]}


def address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def cluster(name: str, port: int, **more: Any) -> dict[str, Any]:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address(port)}}]}]
    return {"name": name, "load_assignment": {"cluster_name": name, "endpoints": endpoints}, **more}


HTTP2 = {
    "typed_extension_protocol_options": {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}},
        }
    }
}


@pytest.fixture
def config(tmp_path: Path, upstream: int, unused_tcp_port_factory: Any) -> tuple[Path, int, int, int]:
    """The configuration's file, and the ports of the admin interface and of the two listeners."""
    admin, allowing, denying, nobody = (unused_tcp_port_factory() for _ in range(4))
    path = tmp_path / "envoy.yaml"
    resources = {
        "listeners": [listener(allowing, "allowing", False), listener(denying, "denying", True)],
        "clusters": [cluster("allowing", upstream), cluster("denying", upstream), cluster("limiter", nobody, **HTTP2)],
    }
    path.write_text(yaml.safe_dump({"admin": {"address": address(admin)}, "static_resources": resources}))
    return path, admin, allowing, denying


async def test_a_gateway_that_is_started_again_begins_at_0(programs: Any, config: tuple[Path, int, int, int]) -> None:
    """While it is gone the source is down; then what is counted is what callers saw of the new one."""
    path, admin, allowing, _ = config
    command = (tools.program("envoy"), "-c", str(path), "--use-dynamic-base-id", "--concurrency", "1", "-l", "error")
    passed = Decision("allowing", "global", Outcome.ERROR_ALLOWED, Origin.GATEWAY)
    source = EnvoySource(Envoy(kind="envoy", name="edge", admin=f"http://127.0.0.1:{admin}"))
    counted = []
    try:
        async with httpx.AsyncClient(timeout=10) as client:
            for times in (5, 2):
                async with programs(command, allowing):
                    seen = [(await client.get(f"http://127.0.0.1:{allowing}/")).status_code for _ in range(times)]
                    counted.append((seen.count(200), (await source.read()).decisions[passed]))
                with pytest.raises(SourceError) as caught:
                    await source.read()
                assert caught.value.reason is Reason.UNREACHABLE
    finally:
        await source.close()
    assert counted == [(5, 5), (2, 2)]


async def test_failures_that_pass_and_failures_that_do_not(programs: Any, config: tuple[Path, int, int, int]) -> None:
    """As callers saw it; and while errors come the check says so."""
    path, admin, allowing, denying = config
    command = (tools.program("envoy"), "-c", str(path), "--use-dynamic-base-id", "--concurrency", "1", "-l", "error")
    async with programs(command, denying) as _, httpx.AsyncClient(timeout=10) as client:
        source = EnvoySource(Envoy(kind="envoy", name="edge", admin=f"http://127.0.0.1:{admin}"))
        try:
            await client.get(f"http://127.0.0.1:{allowing}/")
            before = (await source.read()).decisions
            seen = {
                port: Counter([(await client.get(f"http://127.0.0.1:{port}/")).status_code for _ in range(times)])
                for port, times in ((allowing, 7), (denying, 4))
            }
            after, again = await source.read(), await source.read()
        finally:
            await source.close()
    assert (seen[allowing], seen[denying]) == ({200: 7}, {500: 4})
    passed = Decision("allowing", "global", Outcome.ERROR_ALLOWED, Origin.GATEWAY)
    denied = Decision("denying", "global", Outcome.ERROR_DENIED, Origin.GATEWAY)
    assert (before[passed], after.decisions[passed], after.decisions[denied]) == (1, 8, 4)
    assert after.decisions[passed._replace(outcome=Outcome.ERROR_DENIED)] == 0
    assert after.decisions[denied._replace(outcome=Outcome.ERROR_ALLOWED)] == 0
    assert (after.checks[Check.LIMITER], again.checks[Check.LIMITER]) == (LIMITER_FAILS, "")
