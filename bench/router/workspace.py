"""``python -m bench.router.workspace HOST:PORT``: the demo's workspace, which notes what each call showed, and when.

It is as strict as Slack: a post a second in a channel, the tiers of methods, Block Kit's limits, 429 with Retry-After.
Each path to it is an app of its own, so that neither uses up what Slack lets the other do.
"""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bench.router.alerts import CHANNELS, NAME
from demo.slack.app import build
from demo.slack.settings import SlackSettings
from process.serve import serve

DIRECT, ROUTER = "alertmanager", "router"
TOKENS = {name: f"xoxb-{name}" for name in (DIRECT, ROUTER)}
WRITES = {"/api/chat.postMessage": "post", "/api/chat.update": "edit"}


@dataclass
class Call:
    """A call that writes: `at` seconds since the epoch its answer began."""

    app: str
    kind: str
    asked: bytes
    answered: bytes = b""
    at: float = 0.0

    def record(self) -> dict[str, Any]:
        """Return what the benchmark wants to know; `shows` has the alerts that the message names, and which fire."""
        asked, answered = json.loads(self.asked), json.loads(self.answered)
        kind = "reply" if asked.get("thread_ts") else self.kind
        return {
            "app": self.app,
            "kind": kind,
            "at": self.at,
            "ok": bool(answered["ok"]),
            "ts": answered.get("ts"),
            "shows": shows(asked) if answered["ok"] and kind != "reply" else {},
        }


@dataclass
class Recorder:
    """Wraps the workspace."""

    application: ASGIApp
    calls: list[Call] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, and note it if it writes."""
        kind = WRITES.get(scope.get("path", ""))
        if kind is None:
            await self.application(scope, receive, send)
            return
        call = Call(_app(dict(scope["headers"])), kind, b"")

        async def received() -> Message:
            message = await receive()
            call.asked += message.get("body", b"")
            return message

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                call.at = time.time()
            call.answered += message.get("body", b"")
            await send(message)

        self.calls.append(call)
        await self.application(scope, received, sent)


def shows(part: Any) -> dict[str, bool]:
    """Return the alerts that a message names, each with whether its line says that it fires."""
    if isinstance(part, Mapping):
        return {name: fires for value in part.values() for name, fires in shows(value).items()}
    if isinstance(part, list):
        return {name: fires for value in part for name, fires in shows(value).items()}
    if not isinstance(part, str):
        return {}
    return {
        found.group(): "resolved" not in line.lower() for line in part.splitlines() for found in NAME.finditer(line)
    }


def make(address: str) -> FastAPI:
    """Build it; ``GET /records`` returns the calls that ended."""
    settings = {
        "listen": address,
        "channels": [{"name": name} for name in CHANNELS],
        "tokens": [{"token": token, "name": name} for name, token in TOKENS.items()],
        "messages_kept": 10_000,
    }
    recorder = Recorder(build(SlackSettings.model_validate(settings)))
    application = FastAPI()

    @application.get("/records")
    async def records() -> Response:
        ended = [call.record() for call in recorder.calls if call.answered]
        return Response(json.dumps(ended), media_type="application/json")

    application.mount("/", recorder)
    return application


def _app(headers: Mapping[bytes, bytes]) -> str:
    token = headers.get(b"authorization", b"").decode("latin-1").rpartition(" ")[2]
    return next((name for name, known in TOKENS.items() if known == token), "")


if __name__ == "__main__":
    serve(make(sys.argv[1]), sys.argv[1])
