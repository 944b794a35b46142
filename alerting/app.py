"""HTTP: Alertmanager's webhook in, the router's own state out."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import ClientDisconnect

from alerting.alertmanager import open_alertmanager
from alerting.config import RouterSettings
from alerting.errors import Refusal, Rejected, StoreError
from alerting.metrics import ACCEPTED, STORE_FAILED, Metrics
from alerting.pace import SLACK_PACE, Pace
from alerting.page import page
from alerting.pipeline import Pipeline, assemble
from alerting.receive import MAX_BODY, too_large
from alerting.routes import compiled
from alerting.slack import open_slack
from alerting.store import open_store, upkeep

log = structlog.get_logger("alerting.app")

BODY_SECONDS = 30.0
"""How long a body may take to arrive; Alertmanager is near and sends it at once."""


def make_app(settings: RouterSettings, clock: Callable[[], datetime], pace: Pace = SLACK_PACE) -> FastAPI:
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
        ):
            routes = compiled(settings.routes, settings.default_channel)
            pipeline = assemble(settings, routes, store, slack, alertmanager, metrics, clock, pace)
            app.state.pipeline = pipeline
            app.state.delivering = asyncio.create_task(pipeline.run(), name="pipeline")
            app.state.delivering.add_done_callback(_report)
            try:
                yield
            finally:
                await _end(app.state.delivering)
                await store.close()

    app = FastAPI(title="Bongsu alert router", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    _add_webhook(app, metrics)
    _add_views(app, metrics, clock)
    return app


def _add_webhook(app: FastAPI, metrics: Metrics) -> None:
    @app.post("/api/v1/alertmanager")
    async def webhook(request: Request) -> Response:
        try:
            await _pipeline(request).accept(await _body(request))
        except Rejected as refused:
            metrics.webhooks.labels(refused.refusal.value).inc()
            log.warning("webhook refused", result=refused.refusal, sentence=str(refused))
            return JSONResponse({"error": str(refused)}, refused.status)
        except StoreError as error:
            metrics.webhooks.labels(STORE_FAILED).inc()
            log.error("webhook not kept", error=str(error))
            return JSONResponse({"error": "the store can't keep it now; send it again"}, 503)
        metrics.webhooks.labels(ACCEPTED).inc()
        return Response(status_code=200)


def _add_views(app: FastAPI, metrics: Metrics, clock: Callable[[], datetime]) -> None:
    @app.exception_handler(StoreError)
    async def unreadable(_request: Request, error: Exception) -> Response:
        return PlainTextResponse(f"{error}\n", 503)

    @app.get("/-/healthy")
    async def healthy(request: Request) -> Response:
        if request.app.state.delivering.done():
            return PlainTextResponse("delivery has stopped; the log says why\n", 503)
        return PlainTextResponse("ok\n")

    @app.get("/-/ready")
    async def ready(request: Request) -> Response:
        await _pipeline(request).store.run(upkeep.probe)
        return PlainTextResponse("ok\n")

    @app.get("/metrics")
    async def exposition(request: Request) -> Response:
        try:
            census = await _pipeline(request).store.run(upkeep.census)
        except StoreError as error:
            log.error("metrics without the store's gauges", error=str(error))
            census = None
        return Response(metrics.exposition(census, clock()), media_type=CONTENT_TYPE_LATEST)

    @app.get("/")
    async def status(request: Request) -> Response:
        return HTMLResponse(page(await _pipeline(request).store.run(upkeep.census), clock()))


def _pipeline(request: Request) -> Pipeline:
    pipeline = request.app.state.pipeline
    assert isinstance(pipeline, Pipeline)
    return pipeline


async def _body(request: Request) -> bytes:
    """Read the body up to MAX_BODY; raise Rejected when it is larger or breaks off."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    raise too_large()
    except ClientDisconnect as error:
        raise Rejected(Refusal.CUT_OFF, 400, "the body broke off") from error
    except TimeoutError as error:
        raise Rejected(Refusal.CUT_OFF, 408, f"the body took longer than {BODY_SECONDS:.0f} s") from error
    return bytes(body)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _report(task: asyncio.Task[None]) -> None:
    """Say it loudly when delivery ends by itself; /-/healthy then answers 503."""
    if not task.cancelled() and task.exception():
        log.critical("delivery has stopped", exc_info=task.exception())
