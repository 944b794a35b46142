"""One uvicorn server for all tests of the workspace; each test gets a workspace of its own behind it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import uvicorn
from playwright.async_api import Browser, Page
from slack_sdk.web.async_client import AsyncWebClient
from starlette.types import ASGIApp, Receive, Scope, Send

from demo.slack.app import build
from demo.slack.settings import SlackSettings

TOKEN = "xoxb-test"
START = 1_800_000_000.25

SETTINGS: dict[str, Any] = {
    "listen": "127.0.0.1:1",
    "team": "Test team",
    "channels": [
        {"name": "kafka", "topic": "Consumer lag"},
        {"name": "gateway"},
        {"name": "elsewhere", "joined": False},
        {"name": "old", "archived": True},
    ],
    "tokens": [
        {"token": TOKEN, "name": "Bongsu"},
        {"token": "xoxb-other", "name": "Other"},
        {"token": "xoxb-revoked", "name": "Gone", "revoked": True},
        {"token": "xoxb-reader", "name": "Reader", "scopes": ["channels:read"]},
        {"token": "xoxb-public", "name": "Public", "scopes": ["chat:write", "chat:write.public"]},
    ],
    "rates": {"posts": False, "tiers": False},
}


@dataclass
class Front:
    """Hands each request to the application of the running test."""

    application: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            assert self.application is not None
            await self.application(scope, receive, send)


@dataclass
class Slack:
    """A workspace under test: its address, its clock, its clients."""

    url: str
    clock: list[float]
    http: httpx.AsyncClient
    channels: dict[str, str] = field(default_factory=dict)

    def client(self, token: str = TOKEN) -> AsyncWebClient:
        """Return slack-sdk's client without retries."""
        return AsyncWebClient(token, base_url=f"{self.url}/api/", retry_handlers=[])

    async def call(self, method: str, token: str = TOKEN, **arguments: Any) -> dict[str, Any]:
        """Call a method with a JSON body and return the answer."""
        headers = {"authorization": f"Bearer {token}"}
        answer = await self.http.post(f"/api/{method}", json=arguments, headers=headers)
        assert answer.status_code == 200
        return dict(answer.json())

    async def ask(self, method: str, token: str = TOKEN, **arguments: Any) -> dict[str, Any]:
        """Call a method with a query string and return the answer."""
        headers = {"authorization": f"Bearer {token}"}
        answer = await self.http.get(f"/api/{method}", params=arguments, headers=headers)
        assert answer.status_code == 200
        return dict(answer.json())

    async def post(self, channel: str = "kafka", **arguments: Any) -> str:
        """Post and return the ts."""
        answer = await self.call("chat.postMessage", channel=channel, **({"text": "hello"} | arguments))
        assert answer["ok"], answer
        return str(answer["ts"])

    async def messages(self, channel: str = "kafka") -> list[dict[str, Any]]:
        """Return what the channel holds, as drills see it."""
        return list((await self.http.get("/messages", params={"channel": channel})).json()["messages"])

    async def calls(self) -> list[dict[str, Any]]:
        """Return the audit."""
        return list((await self.http.get("/audit")).json()["calls"])


@pytest.fixture(scope="session")
async def front() -> AsyncIterator[tuple[str, Front]]:
    """Serve on a free port for the whole session."""
    front = Front()
    # asyncio sets TCP_NODELAY only on sockets that name their protocol; without it each answer takes 40 ms
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(front, lifespan="off", log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", front
    server.should_exit = True
    await serving
    listener.close()


@pytest.fixture
async def make_slack(front: tuple[str, Front]) -> AsyncIterator[Callable[..., Slack]]:
    """``make_slack(edit_window=60)`` starts a workspace with these settings in place of the usual ones."""
    url, server = front
    opened: list[httpx.AsyncClient] = []

    def make(**changes: Any) -> Slack:
        clock = [START]
        settings = SlackSettings.model_validate(SETTINGS | changes)
        server.application = build(settings, lambda: clock[0])
        opened.append(httpx.AsyncClient(base_url=url, trust_env=False))
        return Slack(url, clock, opened[-1])

    yield make
    for client in opened:
        await client.aclose()


@pytest.fixture
async def slack(make_slack: Callable[..., Slack]) -> Slack:
    """Start the usual workspace: rates off, one app with all scopes, four channels."""
    slack = make_slack()
    listed = await slack.ask("conversations.list")
    slack.channels = {channel["name"]: channel["id"] for channel in listed["channels"]}
    return slack


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """Open an empty page; at the end it must have had no error."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    page = await context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    await context.close()
    assert problems == []
