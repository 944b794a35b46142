"""Clicks through a socket that the router opens."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest
import uvicorn
from aiohttp import web
from pydantic import SecretStr

from alerting.app import make_app
from alerting.config import RouterSettings
from alerting.errors import Refusal, Rejected, StoreError
from alerting.metrics import Metrics
from alerting.slack import open_slack
from alerting.socket_mode import SocketMode
from demo.slack.app import build
from demo.slack.settings import SlackSettings
from tests.alerting.port import served

TOKEN, APP_TOKEN = "xoxb-test", "xapp-test"


class SlacksEnd:
    """Gives out addresses of sockets, and is the other end of those that are opened."""

    def __init__(self):
        self.opened, self.answers, self.wrong, self.asked = asyncio.Queue(), asyncio.Queue(), [], 0
        self.address = ""

    async def open(self, request):
        self.asked += 1
        assert request.headers["authorization"] == f"Bearer {APP_TOKEN}"
        found = (
            self.wrong.pop(0) if self.wrong else {"ok": True, "url": f"ws://{self.address}/link?ticket={self.asked}"}
        )
        return web.json_response(found)

    async def link(self, request):
        made = web.WebSocketResponse()
        await made.prepare(request)
        await self.opened.put(made)
        async for message in made:
            await self.answers.put(json.loads(message.data))
        return made

    async def next(self):
        async with asyncio.timeout(5):
            return await self.opened.get()

    async def acknowledged(self):
        async with asyncio.timeout(5):
            return (await self.answers.get())["envelope_id"]


class Clerk:
    """A desk that keeps payloads, and fails as it is told."""

    def __init__(self):
        self.taken, self.fails = [], []

    async def take(self, payload):
        if self.fails:
            raise self.fails.pop(0)
        self.taken.append(json.loads(payload))


@pytest.fixture
async def slacks_end():
    made = SlacksEnd()
    application = web.Application()
    application.router.add_post("/api/apps.connections.open", made.open)
    application.router.add_get("/link", made.link)
    async with served(application) as url:
        made.address = url.removeprefix("http://")
        yield made


@pytest.fixture
async def listening(slacks_end):
    """A socket that is being read: (Slack's end, the desk, the metrics)."""
    clerk, metrics = Clerk(), Metrics()
    async with open_slack(TOKEN, f"http://{slacks_end.address}/api", 0.5) as slack:
        running = asyncio.create_task(SocketMode(slack, SecretStr(APP_TOKEN), clerk, metrics, first_pause=0.01).run())
        yield slacks_end, clerk, metrics
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


def envelope(number, kind="interactive", **payload):
    return {"envelope_id": f"e{number}", "type": kind, "payload": payload}


def sockets(metrics):
    return metrics.registry.get_sample_value("router_slack_sockets")


async def test_what_was_kept_is_acknowledged(listening):
    """What was not is not: Slack then shows the person that it failed; what is no click has no answer to wait for."""
    slack, clerk, metrics = listening
    end = await slack.next()
    await end.send_json({"type": "hello"})
    await end.send_json(envelope(1, n=1))
    assert await slack.acknowledged() == "e1"
    clerk.fails = [Rejected(Refusal.WRONG_SHAPE, 400, "no"), StoreError("locked")]
    for number in (2, 3):
        await end.send_json(envelope(number))
    await end.send_str("{")
    await end.send_str("[]")
    await end.send_bytes(b"\x00")
    await end.send_json({"type": "interactive", "payload": {}})
    await end.send_json(envelope(4, "slash_commands"))
    await end.send_json(envelope(5, n=5))
    assert [await slack.acknowledged() for _ in range(2)] == ["e4", "e5"]
    assert clerk.taken == [{"n": 1}, {"n": 5}]
    counted = {
        result: metrics.registry.get_sample_value("router_clicks_total", {"result": result})
        for result in ("accepted", "wrong_shape", "store_failed")
    }
    assert counted == {"accepted": 2, "wrong_shape": 1, "store_failed": 1}


async def test_a_new_socket_is_open_before_the_old_one_closes(listening):
    """Slack asks for it every few hours; what is on its way to the old one still arrives."""
    slack, clerk, metrics = listening
    old = await slack.next()
    await old.send_json({"type": "disconnect", "reason": "refresh_requested"})
    new = await slack.next()
    await old.send_json(envelope(1, n="old"))
    assert await slack.acknowledged() == "e1"
    assert sockets(metrics) == 2
    await old.close()
    await new.send_json(envelope(2, n="new"))
    assert await slack.acknowledged() == "e2"
    assert clerk.taken == [{"n": "old"}, {"n": "new"}]
    assert sockets(metrics) == 1
    assert slack.asked == 2


@pytest.mark.parametrize("how", ["closed", "cut", "switched off"])
async def test_a_socket_that_ends_is_opened_again(listening, how):
    """Each time with an address of its own."""
    slack, _, _ = listening
    for _ in range(3):
        end = await slack.next()
        if how == "closed":
            await end.close()
        elif how == "cut":
            end._req.transport.abort()
        else:
            await end.send_json({"type": "disconnect", "reason": "link_disabled"})
            await end.close()
    end = await slack.next()
    await end.send_json(envelope(1))
    assert await slack.acknowledged() == "e1"
    assert slack.asked == 4


async def test_a_refusal_is_asked_again(listening):
    """A token that is revoked, a limit, an address that is not Slack's: nothing is opened, and no secret is said."""
    slack, _, _ = listening
    end = await slack.next()
    slack.wrong = [
        {"ok": False, "error": "invalid_auth"},
        {"ok": False, "error": "internal_error"},
        {"ok": True, "url": "wss://elsewhere.example/link?ticket=1"},
        {"ok": True},
    ]
    await end.close()
    end = await slack.next()
    await end.send_json(envelope(1, n=1))
    assert await slack.acknowledged() == "e1"
    assert slack.asked == 6


@asynccontextmanager
async def workspace_of_the_demo():
    """The stand-in for Slack on a port of its own, whose app has a token for sockets and no request URL."""
    settings = SlackSettings.model_validate(
        {
            "listen": "127.0.0.1:1",
            "team": "Test",
            "channels": [{"name": "kafka"}, {"name": "alerts"}],
            "tokens": [{"token": TOKEN, "name": "Bongsu", "app_token": APP_TOKEN}],
            "rates": {"posts": False, "tiers": False},
        }
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        application = build(settings, lambda: datetime.now(UTC).timestamp())
        server = uvicorn.Server(uvicorn.Config(application, lifespan="off", log_config=None, access_log=False))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", trust_env=False) as http:
            yield http
        server.should_exit = True
        await serving


async def test_a_click_gets_its_answer_in_the_message(settings, alert, webhook_body, fast):
    """With an app-level token alone: buttons are there, and Slack needs no way to the router."""
    async with workspace_of_the_demo() as http:
        slack = {"token": TOKEN, "app_token": APP_TOKEN, "base_url": f"{http.base_url}/api", "timeout": 0.5}
        made = settings.model_dump() | {"slack": slack}
        app = make_app(RouterSettings.model_validate(made), lambda: datetime.now(UTC), fast)
        async with app.router.lifespan_context(app):
            await app.state.pipeline.accept(webhook_body(alert("a")))

            async def shows(text):
                async with asyncio.timeout(5):
                    while True:
                        found = (await http.get("/messages", params={"channel": "kafka"})).json()["messages"]
                        if text in json.dumps(found):
                            return found[0]
                        await asyncio.sleep(0.01)

            message = await shows("acknowledge")
            blocks = [block for one in message["attachments"] for block in one["blocks"] if block["type"] == "actions"]
            order = {"ts": message["ts"], "block_id": blocks[0]["block_id"], "action_id": "acknowledge"}
            assert (await http.post("/sockets/refresh")).json() == {"asked": 1}
            answer = await http.post("/channels/kafka/clicks", json=order)
            assert answer.status_code == 200, answer.text
            await shows("Acknowledged by")
