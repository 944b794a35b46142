"""The doors that alerts come in by: Alertmanager's and Grafana's webhooks, and test alerts.

Whoever may not come in is turned away before the body is read; a signature needs the body. 2xx only after a durable
commit, 503 when it can't commit (both senders try again), 4xx only for what will never be valid.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from opentelemetry.trace import SpanKind
from pydantic import SecretStr

from alerting.auth import foreign, same
from alerting.body import read_body
from alerting.config import GrafanaSettings, WebhookSettings
from alerting.drill import PREFIX
from alerting.errors import Refusal, Rejected, StoreError
from alerting.grafana import GrafanaPayload, receive_grafana, signed
from alerting.metrics import ACCEPTED, STORE_FAILED, Metrics
from alerting.model import Notification
from alerting.openapi import refusals, takes
from alerting.people import channel_name
from alerting.pipeline import Pipeline
from alerting.receive import MAX_BODY, AlertmanagerPayload, receive, too_large
from process.trace import PARENT, child_of, parent

log = structlog.get_logger("alerting.webhooks")

Clock = Callable[[], datetime]

REFUSALS = refusals(400, 401, 413, 422, 503)


def webhooks(settings: WebhookSettings, metrics: Metrics, clock: Clock) -> APIRouter:
    """Return the routes of all senders."""
    routes = APIRouter()
    expected, grafana = settings.auth.header(), settings.grafana
    secret = grafana.signing_secret()
    of_alertmanager = takes(AlertmanagerPayload.model_json_schema())
    of_grafana = takes(GrafanaPayload.model_json_schema())

    async def read_alertmanager(request: Request) -> Notification:
        _admit(request, expected)
        return receive(await read_body(request, MAX_BODY, too_large))

    async def read_grafana(request: Request) -> Notification:
        _admit(request, expected if secret is None else None)
        body = await read_body(request, MAX_BODY, too_large)
        if secret and not _signed(request, body, grafana, secret, clock()):
            raise _stranger("the signature is missing, wrong or too old")
        return receive_grafana(body)

    @routes.post("/api/v1/alertmanager", response_class=Response, openapi_extra=of_alertmanager, responses=REFUSALS)
    async def from_alertmanager(request: Request) -> Response:
        """Take a webhook of Alertmanager's, version 4; 200 is answered once it is kept."""
        return await _answer(request, read_alertmanager, metrics)

    @routes.post("/api/v1/grafana", response_class=Response, openapi_extra=of_grafana, responses=REFUSALS)
    @routes.put("/api/v1/grafana", response_class=Response, openapi_extra=of_grafana, responses=REFUSALS)
    async def from_grafana(request: Request) -> Response:
        """Take a webhook of Grafana's, version 1; 200 is answered once it is kept."""
        return await _answer(request, read_grafana, metrics)

    @routes.post("/api/v1/test", response_class=Response, openapi_extra=of_alertmanager, responses=REFUSALS)
    async def from_test(request: Request, channel: str | None = None) -> Response:
        """Take a webhook of Alertmanager's that counts as a test, for one channel if it is named."""

        async def read_test(request: Request) -> Notification:
            _admit(request, expected)
            _checked(channel)
            found = receive(await read_body(request, MAX_BODY, too_large))
            return replace(found, group=replace(found.group, key=f"{PREFIX}{found.group.key}"))

        return await _answer(request, read_test, metrics, channel)

    return routes


def _checked(channel: str | None) -> None:
    """Raise Rejected for what is no channel."""
    try:
        if channel is not None:
            channel_name(channel)
    except ValueError as error:
        raise Rejected(Refusal.WRONG_SHAPE, 422, f"channel: {error}") from error


async def _answer(
    request: Request,
    read: Callable[[Request], Awaitable[Notification]],
    metrics: Metrics,
    channel: str | None = None,
) -> Response:
    pipeline = request.app.state.pipeline
    assert isinstance(pipeline, Pipeline)
    try:
        with pipeline.tracer.start_as_current_span(
            f"receive {request.url.path}", child_of(request.headers.get(PARENT)), SpanKind.SERVER
        ) as span:
            notification = await read(request)
            span.set_attributes({"alerts": len(notification.alerts), "group": notification.group.key})
            await pipeline.take(replace(notification, trace=parent()), channel)
    except Rejected as refused:
        metrics.webhooks.labels(refused.refusal.value).inc()
        log.warning("webhook refused", result=refused.refusal, sentence=str(refused))
        headers = {"WWW-Authenticate": "Bearer, Basic"} if refused.status == 401 else None
        return JSONResponse({"error": str(refused)}, refused.status, headers)
    except StoreError as error:
        metrics.webhooks.labels(STORE_FAILED).inc()
        log.error("webhook not kept", error=str(error))
        return JSONResponse({"error": "the store can't keep it now; send it again"}, 503)
    metrics.webhooks.labels(ACCEPTED).inc()
    return Response(status_code=200)


def _admit(request: Request, expected: SecretStr | None) -> None:
    """Raise Rejected unless ``Authorization`` is what the settings ask for; a page of another site is never let in."""
    if foreign(request.headers):
        raise _stranger("a page of another site may not do that")
    if expected and not same(request.headers.get("Authorization", ""), expected.get_secret_value()):
        raise _stranger("the Authorization header is missing or wrong")


def _signed(request: Request, body: bytes, settings: GrafanaSettings, secret: SecretStr, now: datetime) -> bool:
    signature = request.headers.get(settings.signature_header, "")
    named = settings.timestamp_header
    timestamp = request.headers.get(named, "") if named else None
    return signed(body, secret.get_secret_value(), signature, timestamp, now)


def _stranger(sentence: str) -> Rejected:
    return Rejected(Refusal.UNAUTHORIZED, 401, sentence)
