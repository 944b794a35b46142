"""The demo's strict workspace, served here, with an ambush on the calls that routers make."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from demo.slack.app import build
from demo.slack.settings import SlackSettings

TOKEN = "xoxb-chaos"
CHANNELS = ("kafka", "gateway", "pods", "alerts")

SETTINGS = SlackSettings.model_validate(
    {
        "listen": "127.0.0.1:1",
        "channels": [{"name": name} for name in CHANNELS],
        "tokens": [{"token": TOKEN, "name": "Bongsu"}],
        "rates": {"posts_per_second": 20, "posts_per_minute": 6000, "tiers": False},
        "messages_kept": 10_000,
    }
)
"""As strict as Slack, twenty times as fast."""

PATIENCE = 50
"""Times that what Slack does not have is asked for: a machine that does much else is slow, and no fault of ours."""


@dataclass
class Ambush:
    """Strikes at the n-th call of one router, before Slack does anything or after it did all."""

    router: int
    left: int
    after: bool
    strike: Callable[[], Awaitable[None]]


@dataclass
class Workspace:
    """A workspace on a port of its own. Router n calls it below ``/n/api/``."""

    application: Any
    port: int = 0
    ambushes: list[Ambush] = field(default_factory=list)

    def api(self, router: int) -> str:
        """Return the address for one router."""
        return f"http://127.0.0.1:{self.port}/{router}/api"

    async def messages(self, client: httpx.AsyncClient) -> list[dict[str, Any]]:
        """All that the channels show."""
        found = []
        for channel in CHANNELS:
            answer = await self.ask(client, "GET", "messages", params={"channel": channel})
            found += [{**message, "channel": channel} for message in answer.json()["messages"]]
        return found

    async def ask(self, client: httpx.AsyncClient, method: str, path: str, **named: Any) -> httpx.Response:
        """Call what Slack does not have; again when the connection was being closed just then."""
        for _ in range(PATIENCE):
            with suppress(httpx.HTTPError):
                return await client.request(method, f"http://127.0.0.1:{self.port}/{path}", **named)
            await asyncio.sleep(0.1)
        raise RuntimeError(f"the workspace does not answer /{path}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call, or strike."""
        router, _, rest = scope.get("path", "").lstrip("/").partition("/")
        if not router.isdigit():
            await self.application(scope, receive, send)
            return
        scope = {**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode()}
        ambush = self._met(int(router))
        if ambush and not ambush.after:
            await ambush.strike()
        with suppress(ClientDisconnect):  # its caller was killed in the middle of a request
            await self.application(scope, receive, _striking(send, ambush.strike) if ambush and ambush.after else send)

    def _met(self, router: int) -> Ambush | None:
        for ambush in self.ambushes:
            if ambush.router == router:
                ambush.left -= 1
                if ambush.left <= 0:
                    self.ambushes.remove(ambush)
                    return ambush
        return None


def _striking(send: Send, strike: Callable[[], Awaitable[None]]) -> Send:
    """Strike when Slack has done its work, before the first byte of its answer."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            await strike()
        await send(message)

    vars(sending)["__self__"] = getattr(send, "__self__", None)  # where demo.slack.drop looks
    return sending


class _Server(uvicorn.Server):
    """Leaves the signals of this process alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving() -> AsyncIterator[Workspace]:
    """Serve an empty workspace."""
    workspace = Workspace(build(SETTINGS))
    server = _Server(
        uvicorn.Config(workspace, "127.0.0.1", 0, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    )
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    workspace.port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield workspace
    finally:
        server.should_exit = True
        await running
