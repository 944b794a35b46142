"""Socket Mode: clicks through a WebSocket that the app opens (docs.slack.dev/apis/events-api/using-socket-mode).

``apps.connections.open`` gives out an address that opens one socket; Slack says hello there, sends each click to one of
the app's sockets as an envelope, and wants its ``envelope_id`` back in three seconds.
"""

import asyncio
import json
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from demo.slack import limits
from demo.slack.content import Json
from demo.slack.interactions import SECONDS
from demo.slack.workspace import App

TICKET_SECONDS = 30.0
"""How long an address opens a socket; ours, Slack says "temporary"."""

LASTS = 18_060
"""Seconds, told in hello: how long Slack would keep a socket before it asks for a new one."""


@dataclass(eq=False)
class Socket:
    """One open socket of an app, and the envelopes that it has not answered."""

    app: str
    web: WebSocket
    waiting: dict[str, asyncio.Event] = field(default_factory=dict)


class Sockets:
    """The sockets of all apps."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Start with none; `clock` gives seconds."""
        self._clock = clock
        self._tickets: dict[str, tuple[str, float]] = {}
        self._open: list[Socket] = []

    def ticket(self, app: App) -> str:
        """Give out the ticket of one socket; those that were never used go."""
        now = self._clock()
        self._tickets = {name: kept for name, kept in self._tickets.items() if kept[1] >= now}
        name = secrets.token_urlsafe(24)
        self._tickets[name] = (app.id, now + TICKET_SECONDS)
        return name

    def has(self, app: App) -> bool:
        """Whether the app has a socket open."""
        return any(socket.app == app.id for socket in self._open)

    async def send(self, app: App, told: Json) -> str | None:
        """Send a click to one of the app's sockets; return what went wrong, None when it was acknowledged in time."""
        socket = next(socket for socket in reversed(self._open) if socket.app == app.id)
        name = str(uuid.uuid4())
        socket.waiting[name] = asyncio.Event()
        envelope = {"envelope_id": name, "type": "interactive", "accepts_response_payload": True, "payload": told}
        try:
            await socket.web.send_json(envelope)
            async with asyncio.timeout(SECONDS):
                await socket.waiting[name].wait()
        except TimeoutError:
            return "operation_timeout"
        except (RuntimeError, WebSocketDisconnect):
            return "the socket has closed"
        finally:
            socket.waiting.pop(name, None)
        return None

    async def refresh(self) -> int:
        """Ask every app for a new socket, as Slack does every few hours; return how many were asked."""
        asked = list(self._open)
        for socket in asked:
            await socket.web.send_json({"type": "disconnect", "reason": "refresh_requested", "debug_info": {}})
        return len(asked)

    async def serve(self, web: WebSocket, ticket: str) -> None:
        """Serve one socket until it closes."""
        app, until = self._tickets.pop(ticket, ("", 0.0))
        await web.accept()
        if until < self._clock():
            await web.close(1008)
            return
        mine = [socket for socket in self._open if socket.app == app]
        if len(mine) >= limits.SOCKETS.value:
            await web.send_json({"type": "disconnect", "reason": "too_many_websockets", "debug_info": {}})
            await web.close()
            return
        socket = Socket(app, web)
        self._open.append(socket)
        try:
            await web.send_json(_hello(app, len(mine) + 1))
            while True:
                self._answered(socket, await web.receive_text())
        except WebSocketDisconnect:
            return
        finally:
            self._open.remove(socket)

    def _answered(self, socket: Socket, said: str) -> None:
        try:
            answer = json.loads(said)
        except ValueError:
            return
        name = answer.get("envelope_id") if isinstance(answer, dict) else None
        if isinstance(name, str) and name in socket.waiting:
            socket.waiting[name].set()


def router(sockets: Sockets) -> APIRouter:
    """Return the route that the given addresses lead to."""
    routes = APIRouter()

    @routes.websocket("/link/")
    async def link(web: WebSocket, ticket: str = "") -> None:
        await sockets.serve(web, ticket)

    return routes


def _hello(app: str, connections: int) -> Json:
    return {
        "type": "hello",
        "num_connections": connections,
        "connection_info": {"app_id": app},
        "debug_info": {"host": "demo", "started": "", "build_number": 0, "approximate_connection_time": LASTS},
    }
