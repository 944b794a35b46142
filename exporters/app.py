"""One exporter over HTTP: /metrics, /-/healthy, /-/ready and a page for people.

Sources are collected in the background, each on its own clock and deadline (collection.py). A scrape only renders
what is known, so it never waits for a source, and two Prometheus servers cost one collection.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from prometheus_client import Metric, ProcessCollector
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

from exporters import exposition
from exporters.collection import Collection, Status
from exporters.errors import Reason
from exporters.exporter import Exporter, SettingsT, SnapshotT
from exporters.page import page


def create(exporter: Exporter[SettingsT, SnapshotT], settings: SettingsT) -> FastAPI:
    """Build the application; collecting starts and ends with its lifespan."""
    collections = [
        Collection(name, source, settings.interval, settings.timeout)
        for name, source in sorted(exporter.sources(settings).items())
    ]
    own_process = ProcessCollector(registry=None)

    def statuses() -> list[Status[SnapshotT]]:
        return [collection.status for collection in collections]

    app = FastAPI(title=exporter.name, openapi_url=None, lifespan=lambda app: _collecting(app, collections))
    app.add_middleware(GZipMiddleware, minimum_size=4096, compresslevel=1)

    @app.get("/metrics")
    async def metrics() -> Response:
        families = [*all_families(exporter, statuses()), *own_process.collect()]
        return Response(exposition.render(families), media_type=exposition.CONTENT_TYPE)

    @app.get("/-/healthy")
    async def healthy() -> PlainTextResponse:
        ended = [task.get_name() for task in app.state.tasks if task.done()]
        text = f"ended by a mistake: collection of {', '.join(ended)}" if ended else "healthy"
        return PlainTextResponse(f"{text}\n", status_code=503 if ended else 200)

    @app.get("/-/ready")
    async def ready() -> PlainTextResponse:
        reason = not_ready(statuses())
        return PlainTextResponse(f"{reason or 'ready'}\n", status_code=503 if reason else 200)

    @app.get("/")
    async def landing() -> HTMLResponse:
        return HTMLResponse(page(exporter.name, settings.interval, statuses()))

    return app


def not_ready(statuses: Sequence[Status[Any]]) -> str | None:
    """Say in one line why the exporter can't do its job yet, None when it can.

    It can once each source was tried and one was read: a configuration that reads nothing must not replace one that
    does. After that it stays ready whatever fails, for telling that a source is down is its job.
    """
    if untried := [status.source for status in statuses if not status.attempts]:
        return f"not tried yet: {', '.join(untried)}"
    if any(status.last_success is not None for status in statuses):
        return None
    return "; ".join(f"{status.source}: {status.error}" for status in statuses)


def all_families(exporter: Exporter[SettingsT, SnapshotT], statuses: Sequence[Status[SnapshotT]]) -> Iterable[Metric]:
    """Families of what was read, then the exporter's own."""
    yield from exporter.families([status.snapshot for status in statuses if status.snapshot is not None])
    yield from _own_families(exporter.name, statuses)


def _own_families(name: str, statuses: Sequence[Status[Any]]) -> Iterable[Metric]:
    tried = [status for status in statuses if status.attempts]
    up = GaugeMetricFamily(
        f"{name}_up", "1 when the last collection of the source worked, 0 when it failed.", labels=["source"]
    )
    duration = GaugeMetricFamily(
        f"{name}_collection_duration_seconds",
        "Time that the last collection of the source took, whether it worked or not.",
        labels=["source"],
    )
    success = GaugeMetricFamily(
        f"{name}_last_success_timestamp_seconds",
        "Unix time at which the source was last read; absent until it has been.",
        labels=["source"],
    )
    failures = CounterMetricFamily(
        f"{name}_failures",
        "Collections that failed, and parts that were missing from collections that worked (up is 1), by reason.",
        labels=["source", "reason"],
    )
    for status in tried:
        up.add_metric([status.source], float(status.error is None))
        duration.add_metric([status.source], status.duration or 0.0)
        if status.last_success is not None:
            success.add_metric([status.source], status.last_success)
    for status in statuses:
        for reason in Reason:
            failures.add_metric([status.source, reason], status.failures.get(reason, 0))
    return up, duration, success, failures


@asynccontextmanager
async def _collecting(app: FastAPI, collections: Sequence[Collection[SnapshotT]]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(collection.run(), name=collection.status.source) for collection in collections]
    app.state.tasks = tasks
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(collection.close() for collection in collections))
