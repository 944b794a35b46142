"""One exporter over HTTP: /metrics, /-/healthy, /-/ready and a page for people.

Sources are collected in the background, each on its own clock and deadline (collection.py). A scrape only tells what
is known (scrape.py), so it never waits for a source, and two Prometheus servers cost one collection.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from exporters.collection import Collection, Status
from exporters.exporter import Exporter, SettingsT, SnapshotT
from exporters.page import page
from exporters.scrape import Scrape


def create(exporter: Exporter[SettingsT, SnapshotT], settings: SettingsT) -> FastAPI:
    """Build the application; collecting starts and ends with its lifespan."""
    collections = [
        Collection(name, source, settings.interval, settings.timeout)
        for name, source in sorted(exporter.sources(settings).items())
    ]
    scrape = Scrape(exporter, settings)

    def statuses() -> list[Status[SnapshotT]]:
        return [collection.status for collection in collections]

    app = FastAPI(title=exporter.name, openapi_url=None, lifespan=lambda app: _collecting(app, collections))

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        return await scrape.answer(request, statuses())

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
