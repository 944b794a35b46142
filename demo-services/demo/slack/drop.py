"""Answers that do not come: the connection is closed without one byte, at once or after a while."""

import asyncio

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

TRANSPORT = "demo.slack.transport"


class TransportInScope:
    """ASGI wrapper, the outermost one: puts the connection's transport where Dropped finds it.

    ASGI has no message for "hang up", and an application that returns without an answer gets uvicorn's 500. uvicorn's
    `send` is a method of the request's cycle, which holds the transport (uvicorn/protocols/http, both implementations).
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            scope[TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)
        await self._app(scope, receive, send)


class Dropped(Response):
    """No answer: waits `seconds`, or until the caller hangs up, and closes the connection."""

    def __init__(self, seconds: float = 0) -> None:
        """Keep how long the caller is left waiting."""
        super().__init__()
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close the connection in place of an answer; without uvicorn below, fail instead."""
        if scope.get(TRANSPORT) is None:
            raise RuntimeError("the connection can't be closed: this server does not show its transport")
        if not await left(receive, self._seconds):
            scope[TRANSPORT].abort()
            await left(receive, 5)


async def left(receive: Receive, seconds: float) -> bool:
    """Wait until the caller hangs up (True), for at most `seconds` (False)."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True
