"""HTTP: alerts come in (``webhooks``), the router's own state goes out."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response
from opentelemetry.trace import Tracer
from prometheus_client import CONTENT_TYPE_LATEST

from alerting.alertmanager import open_alertmanager
from alerting.clicks import clicks
from alerting.config import RouterSettings
from alerting.deliver import UNTRACED
from alerting.errors import StoreError
from alerting.metrics import Metrics
from alerting.operators import operators
from alerting.pace import SLACK_PACE, Pace
from alerting.pipeline import Pipeline, assemble
from alerting.prometheus import open_prometheus
from alerting.relay import open_webhook
from alerting.routes import compiled
from alerting.slack import open_slack
from alerting.socket_mode import listening
from alerting.store import open_store, upkeep
from alerting.webhooks import webhooks

log = structlog.get_logger("alerting.app")

OPENAPI = "/api/v1/openapi.json"

UNWELL: dict[int | str, dict[str, Any]] = {503: {"description": "It does not; the body says why"}}


def make_app(
    settings: RouterSettings,
    clock: Callable[[], datetime],
    pace: Pace = SLACK_PACE,
    tracer: Tracer = UNTRACED,
) -> FastAPI:
    """Build the application; its lifespan opens the store and Slack, and delivers until it ends."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        store = await open_store(settings.store, settings.store_password(), metrics.store_failures.inc)
        slack_settings = settings.slack
        token = slack_settings.bot_token().get_secret_value()
        async with (
            open_slack(token, slack_settings.base_url, slack_settings.timeout) as slack,
            open_alertmanager(settings.alertmanager) as alertmanager,
            open_prometheus(settings.prometheus) as prometheus,
            open_webhook(settings.fallback) as webhook,
        ):
            routes = compiled(settings)
            ends = (store, slack, alertmanager, prometheus, webhook)
            pipeline = assemble(settings, routes, *ends, metrics, clock, pace, tracer)
            app.state.pipeline = pipeline
            app.state.delivering = asyncio.create_task(pipeline.run(), name="pipeline")
            app.state.delivering.add_done_callback(_report)
            try:
                async with listening(slack_settings, slack, pipeline.desk, metrics):
                    yield
            finally:
                await _end(app.state.delivering)
                await store.close()

    app = FastAPI(title="Bongsu alert router", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=OPENAPI)
    app.include_router(webhooks(settings.webhook, metrics, clock))
    app.include_router(operators(settings.webhook, clock))
    app.include_router(clicks(metrics))
    _add_views(app, metrics, clock)
    return app


def _add_views(app: FastAPI, metrics: Metrics, clock: Callable[[], datetime]) -> None:
    @app.exception_handler(StoreError)
    async def unreadable(_request: Request, error: Exception) -> Response:
        return PlainTextResponse(f"{error}\n", 503)

    @app.get("/-/healthy", response_class=PlainTextResponse, responses=UNWELL)
    async def healthy(request: Request) -> Response:
        """Say whether the router delivers."""
        if request.app.state.delivering.done():
            return PlainTextResponse("delivery has stopped; the log says why\n", 503)
        return PlainTextResponse("ok\n")

    @app.get("/-/ready", response_class=PlainTextResponse, responses=UNWELL)
    async def ready(request: Request) -> Response:
        """Say whether the store commits."""
        await _pipeline(request).store.run(upkeep.probe)
        return PlainTextResponse("ok\n")

    @app.get("/metrics", response_class=PlainTextResponse)
    async def exposition(request: Request) -> Response:
        """Show the router's own metrics."""
        try:
            census = await _pipeline(request).store.run(upkeep.census)
        except StoreError as error:
            log.error("metrics without the store's gauges", error=str(error))
            census = None
        return Response(metrics.exposition(census, clock()), media_type=CONTENT_TYPE_LATEST)


def _pipeline(request: Request) -> Pipeline:
    pipeline = request.app.state.pipeline
    assert isinstance(pipeline, Pipeline)
    return pipeline


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _report(task: asyncio.Task[None]) -> None:
    """Say it loudly when delivery ends by itself; /-/healthy then answers 503."""
    if not task.cancelled() and task.exception():
        log.critical("delivery has stopped", exc_info=task.exception())
