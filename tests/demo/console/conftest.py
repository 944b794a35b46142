"""The console between a real Prometheus, the Slack workspace, stand-ins for exporters and load, and a real browser."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from playwright.async_api import Browser, Locator, Page, Request, expect
from starlette.applications import Starlette
from starlette.requests import Request as Asked
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from compose.native.stack import Stack

HOSTILE = "<img src=x onerror=hacked=1>"
"""A consumer group whose name would run in the page if it were read as HTML."""

METRICS = {
    "kafka_lag": f"""\
kafka_lag_up{{source="broker"}} 1
kafka_consumergroup_lag{{consumergroup="billing",topic="orders",partition="0"}} 120
kafka_consumergroup_lag{{consumergroup="billing",topic="orders",partition="1"}} 1300
kafka_consumergroup_lag{{consumergroup="answers",topic="questions",partition="0"}} 0
kafka_consumergroup_lag{{consumergroup="{HOSTILE}",topic="orders",partition="0"}} 7
kafka_consumergroup_lag_sum{{consumergroup="billing",topic="orders"}} 1420
kafka_consumergroup_lag_sum{{consumergroup="answers",topic="questions"}} 0
kafka_consumergroup_lag_sum{{consumergroup="{HOSTILE}",topic="orders"}} 7
kafka_consumergroup_topic_lag_seconds{{consumergroup="billing",topic="orders"}} 420
kafka_consumergroup_topic_lag_seconds{{consumergroup="answers",topic="questions"}} 0
kafka_consumergroup_topic_lag_seconds{{consumergroup="{HOSTILE}",topic="orders"}} 2
kafka_consumergroup_members{{consumergroup="billing"}} 1
""",
    "gateway_limits": 'gateway_limits_up{source="edge"} 1\n',
    "pod_cpu": """\
pod_cpu_up{source="processes"} 1
pod_cpu_limit_ratio{namespace="demo",pod="users-0",workload="users"} 0.4375
""",
}
"""Exporter -> what it exposes; constant, so that the page and a later question give the same number."""


@dataclass
class Load:
    """A stand-in for the load's control API; ``refusal`` makes it say no, ``ill`` makes it fail."""

    current: str = "steady"
    refusal: str | None = None
    ill: bool = False

    async def scenario(self, request: Asked) -> Response:
        """Answer GET, PUT and DELETE /scenario."""
        if self.ill:
            return PlainTextResponse("no scenario can be read", 503)
        if request.method != "GET" and self.refusal:
            return JSONResponse({"detail": self.refusal}, 409)
        if request.method == "PUT":
            self.current = (await request.json())["name"]
        if request.method == "DELETE":
            self.current = "steady"
        names = {"steady": "Steady", "lag": "Slow worker"}
        return JSONResponse(
            {
                "current": self.current,
                "since": "2026-01-01T00:00:00Z",
                "remaining_seconds": None if self.current == "steady" else 119.6,
                "scenarios": [{"name": name, "title": title, "description": "…"} for name, title in names.items()],
                "fault_errors": [],
            }
        )


@dataclass(frozen=True)
class World:
    """Everything around the console, and the console."""

    stack: Stack
    load: Load

    @property
    def url(self) -> str:
        """The console's address."""
        return self.stack.book["console_url"]

    @property
    def prometheus(self) -> str:
        """Prometheus' address."""
        return self.stack.book["prometheus_url"]

    @property
    def slack(self) -> str:
        """The workspace's address."""
        return self.stack.book["slack_url"]

    async def ask(self, query: str) -> dict[str, float]:
        """Ask Prometheus itself: value of each series, by its labels' values."""
        async with httpx.AsyncClient() as http:
            answer = (await http.get(f"{self.prometheus}/api/v1/query", params={"query": query})).json()
        return {
            " / ".join(value for label, value in sorted(one["metric"].items()) if label != "__name__"): float(
                one["value"][1]
            )
            for one in answer["data"]["result"]
        }

    def stop(self, name: str) -> None:
        """End one part."""
        process = self.stack.running()[name].process()
        assert process is not None
        process.terminate()
        process.wait(10)

    def start(self, name: str) -> None:
        """Start it again."""
        self.stack.start_part(next(part for part in self.stack.parts if part.name == name))


WAIT = 30_000
"""Milliseconds for what comes with a refresh, a scrape and a rule's evaluation, on a busy machine."""

expect.set_options(timeout=WAIT)


def panel(page: Page, title: str) -> Locator:
    """The card of one panel."""
    return page.locator(".panel", has=page.get_by_role("heading", name=title, exact=True))


Until = Callable[..., Awaitable[None]]


@pytest.fixture(scope="session")
def until() -> Until:
    """Wait for something that gives no signal of its own (a scrape, a start): `await until(holds, seconds=60)`."""

    async def wait(holds: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not await holds():
            assert time.monotonic() < deadline, f"not within {seconds} s"
            await asyncio.sleep(0.2)

    return wait


@pytest.fixture(scope="module")
def stack(parts: Callable[..., AbstractContextManager[Stack]]) -> Iterator[Stack]:
    """Prometheus, Slack and the console, with the project's own configuration."""
    with parts("prometheus", "slack", "console") as running:
        yield running


@pytest.fixture(scope="module")
async def world(
    stack: Stack, serve: Callable[..., AbstractAsyncContextManager[int]], until: Until
) -> AsyncIterator[World]:
    """The stand-ins beside them, once Prometheus has recorded what they expose."""
    found = World(stack, Load())
    async with AsyncExitStack() as open_now:
        for name, text in METRICS.items():
            routes = [Route("/metrics", lambda _, text=text: PlainTextResponse(text))]
            await open_now.enter_async_context(serve(Starlette(routes=routes), port=int(stack.book[f"{name}_port"])))
        routes = [
            Route("/scenario", found.load.scenario, methods=["GET", "PUT", "DELETE"]),
            Route("/metrics", lambda _: PlainTextResponse("load_ready 1\n")),
        ]
        await open_now.enter_async_context(serve(Starlette(routes=routes), port=int(stack.book["load_port"])))

        async def recorded() -> bool:
            lag = await found.ask("consumergroup_topic:kafka_consumergroup_lag:sum")
            return bool(lag) and bool(await found.ask("namespace_workload_pod:pod_cpu_limit_ratio:avg30s"))

        await until(recorded)
        yield found


@dataclass
class Seen:
    """What a page did while it was open: servers asked, and what went wrong in the browser."""

    hosts: set[str] = field(default_factory=set)
    wrongs: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Listen to a page."""

        def asked(request: Request) -> None:
            if request.url.startswith(("http", "ws")):
                self.hosts.add(request.url.split("/")[2])

        page.on("request", asked)
        page.on("pageerror", lambda error: self.wrongs.append(str(error)))


Open = Callable[..., AbstractAsyncContextManager[Page]]


@pytest.fixture
def seen() -> Seen:
    """What the pages of one test did."""
    return Seen()


@pytest.fixture
def visit(browser: Browser, seen: Seen) -> Open:
    """Open a page in a fresh profile: `async with visit(url, width=390) as page`."""

    @asynccontextmanager
    async def run(url: str, width: int = 1440, scheme: str = "light") -> AsyncIterator[Page]:
        context = await browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page = await context.new_page()
        page.set_default_timeout(20_000)
        seen.watch(page)
        try:
            await page.goto(url)
            yield page
        finally:
            await context.close()

    return run
