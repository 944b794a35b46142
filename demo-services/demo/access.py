"""Two ASGI middlewares: one counts, times and logs each request, one refuses a body that is too large."""

import time

import structlog
from prometheus_client import CollectorRegistry, Histogram
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger()

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Seconds; the boundaries that OpenTelemetry's semantic conventions advise for http.server.request.duration."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})

BODY_LIMIT = 64 * 1024
"""Bytes. The largest body that a route of the demo can use is far smaller."""


class RequestRecorder:
    """Observes http_server_request_duration_seconds and writes one log line for each request.

    Name and labels are OpenTelemetry's http.server.request.duration in Prometheus form; a method outside the known
    ones is `_OTHER`, and a path that no route has is the empty route, so that no client can make series.
    """

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        """Wrap `app`; count in `registry`."""
        self.app = app
        self._duration = Histogram(
            "http_server_request_duration_seconds",
            "Duration of HTTP server requests.",
            ("http_route", "http_request_method", "http_response_status_code"),
            buckets=BUCKETS,
            registry=registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500  # what the server answers when the application raises

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, sending)
        finally:
            self._record(scope, status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "")
        # Prometheus and the health checks ask every few seconds; they would bury what people do.
        if route == "/metrics" or route.startswith("/-/"):
            return
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        self._duration.labels(route, method, str(status)).observe(seconds)
        log.info("request", method=method, route=route, status=status, seconds=round(seconds, 4))


class BodyLimit:
    """Answers 413 as soon as a body has grown over BODY_LIMIT, however it is sent."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        size = 0

        async def receiving() -> Message:
            nonlocal size
            message = await receive()
            if message["type"] == "http.request":
                size += len(message.get("body", b""))
                if size > BODY_LIMIT:
                    raise HTTPException(413, f"the body is larger than {BODY_LIMIT} bytes")
            return message

        await self.app(scope, receiving, send)
