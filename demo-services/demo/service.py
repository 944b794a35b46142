"""What every demo service has beside its own routes: metrics, health, traces, a log line a request, and /burn."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import choose_encoder

from demo import burn, telemetry
from demo.access import BodyLimit, RequestRecorder
from process import log
from process.serve import serve

FLUSH_WITHIN = 2000
"""Milliseconds for the last spans to leave at a stop."""


def start(name: str, listen: str, application: Callable[[TracerProvider], FastAPI]) -> None:
    """Run service `name` on `listen` (``host:port``) until SIGTERM or Ctrl-C.

    aiokafka is silent: it writes an error for each try to connect, many a second while Kafka is down. What matters
    of it comes back as an exception, and `demo.kafka` writes one line when Kafka goes and one when it is back.
    """
    log.configure(name, extra=[telemetry.ids])
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the library left it untyped
    serve(application(telemetry.tracing(name, os.environ)), listen)


def service(
    name: str,
    registry: CollectorRegistry,
    tracing: TracerProvider,
    problem: Callable[[], str | None] = lambda: None,
    running: Callable[[], AbstractAsyncContextManager[Sequence[asyncio.Task[None]]]] = lambda: nullcontext(()),
) -> FastAPI:
    """Make the application of service `name`, to which the caller adds its routes.

    `problem` says in one line why the service can't do its job, or None; `running` is open while the service runs
    and gives the tasks that must not end before it does.
    """
    burner = burn.Burner()
    tasks: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with running() as started:
            tasks[:] = started
            yield
        burner.stop()
        # In a thread, because a collector that does not answer would hold up the loop.
        await asyncio.to_thread(tracing.force_flush, FLUSH_WITHIN)

    app = FastAPI(title=f"Bongsu demo: {name}", lifespan=lifespan)
    ProcessCollector(registry=registry)
    app.add_middleware(BodyLimit)
    app.add_middleware(RequestRecorder, registry=registry)
    FastAPIInstrumentor.instrument_app(
        app, tracer_provider=tracing, excluded_urls="/metrics,/-/", exclude_spans=["receive", "send"]
    )
    app.include_router(burn.routes(burner))

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        """Everything that this service counts, for Prometheus."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), media_type=content_type)

    @app.get("/-/healthy")
    async def healthy() -> PlainTextResponse:
        """200 while the service and its tasks run; only a restart brings back a task that has ended."""
        if any(task.done() for task in tasks):
            return PlainTextResponse(f"A task of {name} has ended by a mistake.\n", 503)
        return PlainTextResponse(f"{name} is running.\n")

    @app.get("/-/ready")
    async def ready() -> PlainTextResponse:
        """200 when the service can do its job, else 503 and why not."""
        reason = problem()
        return PlainTextResponse(f"{reason or f'{name} is ready'}.\n", 503 if reason else 200)

    return app
