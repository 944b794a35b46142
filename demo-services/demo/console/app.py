"""The console as an application: NiceGUI's pages at /, and beside them health and metrics."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from fastapi import FastAPI, Response
from fastapi.responses import PlainTextResponse
from fastapi.staticfiles import StaticFiles
from nicegui import ui
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest

from compose.addresses import DEFAULT_PORT_BASE
from compose.native import stack as native_stack
from demo.console.console import Console
from demo.console.load import Load
from demo.console.pages import dashboard, overview, runbook
from demo.console.processes import Processes
from demo.console.prometheus import Prometheus
from demo.console.settings import ConsoleSettings
from demo.console.slack import Slack

STATIC = Path(__file__).parent / "static"

CONNECTIONS = httpx.Limits(max_connections=8, max_keepalive_connections=8, keepalive_expiry=2)
"""To one server: a refresh of many panels waits in line here rather than in Prometheus. Given up long before the server
does: uvicorn closes what was idle for 5 s, the time between two refreshes, and a question sent then gets no answer."""

MESSAGES_KEPT = 60
"""Updates kept for each page to send again after a short break: two or three refreshes, else the page loads anew."""


def create_app(settings: ConsoleSettings) -> FastAPI:
    """Make the application. NiceGUI keeps its pages in the module: one console in a process."""
    # a query may wait for a free connection longer than for its answer, which prometheus.DEADLINE ends
    prometheus = httpx.AsyncClient(base_url=settings.prometheus, timeout=30, limits=CONNECTIONS, trust_env=False)
    load = httpx.AsyncClient(base_url=settings.load, timeout=5, limits=CONNECTIONS, trust_env=False)
    slack = httpx.AsyncClient(base_url=settings.slack or "", timeout=5, limits=CONNECTIONS, trust_env=False)
    console = Console(
        settings,
        Prometheus(prometheus),
        Load(load),
        Slack(slack) if settings.slack else None,
        Processes(native_stack.at(settings.home, None, DEFAULT_PORT_BASE)) if settings.home else None,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with prometheus, load, slack:
            yield

    app = FastAPI(title="Bongsu console", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    _add_own_routes(app, console)
    app.mount("/static", StaticFiles(directory=STATIC))
    for page in (overview, dashboard, runbook):
        page.add(console)
    ui.run_with(
        app,
        title="Bongsu",
        favicon=STATIC / "beacon.svg",
        dark=None,
        language="en-US",
        binding_refresh_interval=None,
        tailwind=False,
        show_welcome_message=False,
        message_history_length=MESSAGES_KEPT,
    )
    return app


def _add_own_routes(app: FastAPI, console: Console) -> None:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)

    @app.get("/metrics")
    async def metrics() -> Response:
        """CPU, memory and files of this process, for Prometheus."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/-/healthy")
    async def healthy() -> PlainTextResponse:
        """200 once the event loop runs."""
        return PlainTextResponse("console is running.\n")

    @app.get("/-/ready")
    async def ready() -> PlainTextResponse:
        """200 when there are dashboards to draw, else 503 and why not; Prometheus may be down, the pages say so."""
        good, broken = console.dashboards()
        if good:
            return PlainTextResponse("console is ready.\n")
        reason = f"{broken[0].file} {broken[0].why}" if broken else f"no dashboard in {console.settings.dashboards}"
        return PlainTextResponse(f"{reason}.\n", 503)
