"""A gateway and its services in one small real server, which can be told to stall, fail and forget."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from demo.load.scenario import Stream

MakeStream = Callable[..., Stream]
"""``stream("order", client="alice", rate=1)``"""

Until = Callable[[Callable[[], bool]], Awaitable[None]]
"""``await until(lambda: …)``"""

CONFIGURED_MS = 10
"""Billing's delay when nobody changed it."""


class Stub:
    """What the server was asked, and how it answers.

    `answers` maps a path's first part to a status; one in `stalled` gets no answer while it is there
    (``PUT speed`` for that method alone). The next PUT /speed takes `gate` and waits for it before it does anything.
    `orders` is what the services were told, in order; `seconds` how long each burn was to last.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.seen: Counter[tuple[str, int]] = Counter()
        self.requests: list[Request] = []
        self.answers: dict[str, int] = {}
        self.stalled: set[str] = set()
        self.bodies: dict[str, bytes] = {}
        self.endless: set[str] = set()
        self.lifetime = 3600
        self.tokens = 0
        self.clients: list[str] = []
        self.answer_url: object = "/answers/q1"
        self.delay_ms = CONFIGURED_MS
        self.gate: asyncio.Event | None = None
        self.burning = False
        self.seconds: list[int] = []
        self.orders: list[str] = []

    def count(self, path: str) -> int:
        """Requests to a path that got an answer or were left to wait."""
        return sum(count for (part, _), count in self.seen.items() if part == path)

    async def serve(self, request: Request) -> Response:
        """Answer one request of a client."""
        part = request.url.path.split("/")[1]
        self.requests.append(request)
        if part == "login":
            self.clients.append((await request.json())["user"])
        await request.body()
        status = self.answers.get(part, 202 if request.method == "POST" and part != "login" else 200)
        self.seen[part, status] += 1
        while part in self.stalled:
            await asyncio.sleep(0.02)
        if part in self.endless:
            return StreamingResponse(_endless(), status)
        if part in self.bodies:
            return Response(self.bodies[part], status)
        return JSONResponse(self._content(part), status, {"location": "/users/me"})

    async def speed(self, request: Request) -> Response:
        """PUT and DELETE /speed."""
        delay_ms = (await request.json())["delay_ms"] if request.method == "PUT" else CONFIGURED_MS
        if request.method == "PUT" and (gate := self.gate):
            self.gate = None
            await gate.wait()
        self.delay_ms = delay_ms
        self.orders.append(f"speed {delay_ms}" if request.method == "PUT" else "speed again")
        while f"{request.method} speed" in self.stalled:
            await asyncio.sleep(0.02)
        return JSONResponse({"delay_ms": self.delay_ms}, self.answers.get("speed", 200))

    async def burn(self, request: Request) -> Response:
        """POST and DELETE /burn."""
        if request.method == "POST":
            asked = await request.json()
            self.seconds.append(asked["seconds"])
            self.orders.append(f"burn {asked['cores']}")
        else:
            self.orders.append("burn ends")
        self.burning = request.method == "POST"
        return JSONResponse({}, self.answers.get("burn", 200))

    def _content(self, part: str) -> dict[str, Any]:
        if part == "login":
            self.tokens += 1
            return {"access_token": f"token-{self.tokens}", "token_type": "Bearer", "expires_in": self.lifetime}
        return {"answer_url": self.answer_url} if part == "questions" else {}


async def _endless() -> AsyncIterator[bytes]:
    while True:
        yield b"x" * 1024
        await asyncio.sleep(0)


@asynccontextmanager
async def serving(address: socket.socket) -> AsyncIterator[Stub]:
    """Serve a stub on a bound socket."""
    stub = Stub(f"http://127.0.0.1:{address.getsockname()[1]}")
    routes = [
        Route("/speed", stub.speed, methods=["PUT", "DELETE"]),
        Route("/burn", stub.burn, methods=["POST", "DELETE"]),
        Route("/{path:path}", stub.serve, methods=["GET", "POST"]),
    ]
    config = uvicorn.Config(Starlette(routes=routes), log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    # the steps of uvicorn's serve() without its signal handlers, which are pytest's here, and without its clock
    await server.startup(sockets=[address])
    try:
        yield stub
    finally:
        stub.stalled.clear()
        await server.shutdown(sockets=[address])


def bound() -> socket.socket:
    """Return a socket on a free port of loopback."""
    return socket.create_server(("127.0.0.1", 0))
