"""What every demo service has beside its own routes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from demo.access import BODY_LIMIT
from demo.service import service

Calling = Callable[[FastAPI], httpx.AsyncClient]


@pytest.fixture
def registry() -> CollectorRegistry:
    """What the service counts in."""
    return CollectorRegistry()


@pytest.fixture
def app(registry: CollectorRegistry, tracing: TracerProvider) -> FastAPI:
    """A service with a route that works, one that takes a body and one that is broken."""
    app = service("sample", registry, tracing)

    @app.get("/things/{name}")
    async def thing(name: str) -> str:
        return name

    @app.post("/things")
    async def add(body: dict[str, str]) -> int:
        return len(body)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("a bug")

    return app


def requests(registry: CollectorRegistry, route: str, method: str, status: int) -> float | None:
    labels = {"http_route": route, "http_request_method": method, "http_response_status_code": str(status)}
    return registry.get_sample_value("http_server_request_duration_seconds_count", labels)


@pytest.mark.parametrize(
    ("method", "path", "route", "label", "status"),
    [
        ("GET", "/things/tea", "/things/{name}", "GET", 200),
        ("PUT", "/things", "/things", "PUT", 405),
        ("POST", "/things", "/things", "POST", 422),
        ("GET", "/wp-admin.php", "", "GET", 404),
        ("BREW", "/things/tea", "/things/{name}", "_OTHER", 405),
        ("GET", "/broken", "/broken", "GET", 500),
    ],
)
async def test_each_request_is_counted_under_its_route(
    calling: Calling,
    app: FastAPI,
    registry: CollectorRegistry,
    method: str,
    path: str,
    route: str,
    label: str,
    status: int,
) -> None:
    """Labels are the route's template, a known method and the status: nothing that a client can make up."""
    async with calling(app) as client:
        assert (await client.request(method, path)).status_code == status
    assert requests(registry, route, label, status) == 1


async def test_each_request_is_one_log_line(calling: Calling, app: FastAPI) -> None:
    """Route, status and duration are in it; Prometheus and health checks write none."""
    async with calling(app) as client:
        with capture_logs() as lines:
            await client.get("/things/tea")
            for quiet in ("/metrics", "/-/healthy", "/-/ready"):
                await client.get(quiet)
    assert [line.pop("seconds") >= 0 for line in lines] == [True]
    assert lines == [
        {"event": "request", "log_level": "info", "method": "GET", "route": "/things/{name}", "status": 200}
    ]


async def test_the_metrics_can_be_read_by_prometheus(calling: Calling, app: FastAPI) -> None:
    """The text parses, holds the process' own metrics, and health checks are not in it."""
    async with calling(app) as client:
        await client.get("/-/ready")
        await client.get("/things/tea")
        text = (await client.get("/metrics")).text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families["process_cpu_seconds"].samples
    routes = {sample.labels["http_route"] for sample in families["http_server_request_duration_seconds"].samples}
    assert routes == {"/things/{name}"}


@pytest.mark.parametrize(
    ("problem", "status", "text"), [(None, 200, "sample is ready.\n"), ("Kafka is away", 503, "Kafka is away.\n")]
)
async def test_ready_says_why_not(
    calling, tracing: TracerProvider, problem: str | None, status: int, text: str
) -> None:
    """503 with the reason, while the service stays healthy."""
    app = service("sample", CollectorRegistry(), tracing, lambda: problem)
    async with calling(app) as client:
        ready = await client.get("/-/ready")
        assert (ready.status_code, ready.text) == (status, text)
        assert (await client.get("/-/healthy")).status_code == 200


async def test_not_healthy_once_a_task_has_ended(calling: Calling, tracing: TracerProvider) -> None:
    """While its tasks run a service is healthy; one that was cancelled from within never comes back."""
    task: asyncio.Task[None] = asyncio.create_task(asyncio.sleep(60))

    @asynccontextmanager
    async def running() -> AsyncIterator[Sequence[asyncio.Task[None]]]:
        yield [task]

    app = service("sample", CollectorRegistry(), tracing, running=running)
    async with app.router.lifespan_context(app), calling(app) as client:
        assert (await client.get("/-/healthy")).status_code == 200
        task.cancel()
        await asyncio.wait({task})
        healthy = await client.get("/-/healthy")
    assert (healthy.status_code, healthy.text) == (503, "A task of sample has ended by a mistake.\n")


async def test_a_large_body_is_refused(calling: Calling, app: FastAPI) -> None:
    """413, whether or not the client said beforehand how much will come."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(BODY_LIMIT // 1024 + 1):
            yield b" " * 1024

    async with calling(app) as client:
        assert (await client.post("/things", content=b" " * (BODY_LIMIT + 1))).status_code == 413
        assert (await client.post("/things", content=chunks())).status_code == 413
        assert (await client.post("/things", json={"a": "b"})).json() == 1


async def test_the_trace_of_the_caller_goes_on(calling: Calling, app: FastAPI, spans: InMemorySpanExporter) -> None:
    """The server's span has the trace id of the traceparent header; health checks make no span."""
    async with calling(app) as client:
        await client.get("/-/healthy")
        await client.get("/things/tea", headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
    (span,) = spans.get_finished_spans()
    assert span.name == "GET /things/{name}"
    assert f"{span.context.trace_id:032x}" == "a" * 32
