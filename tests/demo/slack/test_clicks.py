"""Clicks on the page, as the app hears of them: signed over HTTP, or through a socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from playwright.async_api import Page, expect
from slack_sdk.signature import Clock, SignatureVerifier
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from tests.demo.slack.conftest import START, TOKEN

SECRET = "shhh"
APP_TOKEN = "xapp-test"

BUTTON = {"type": "button", "action_id": "ack", "text": {"type": "plain_text", "text": "Acknowledge"}, "value": "7"}
MENU = {
    "type": "static_select",
    "action_id": "silence",
    "placeholder": {"type": "plain_text", "text": "Silence"},
    "options": [{"text": {"type": "plain_text", "text": f"{hours} h"}, "value": f"{hours}h"} for hours in (1, 4)],
}
ACTIONS = {"type": "actions", "block_id": "b1", "elements": [BUTTON, MENU]}


class Then(Clock):
    """The workspace's clock."""

    def now(self) -> float:
        return START


@dataclass
class AppServer:
    """An app's request URL: keeps what came, and answers what it is told to."""

    url: str = ""
    status: int = 200
    hangs: bool = False
    heard: list[dict[str, Any]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        assert SignatureVerifier(SECRET, Then()).is_valid_request(body, dict(request.headers))
        self.heard.append(json.loads(parse_qs(body.decode())["payload"][0]))
        if self.hangs:
            await asyncio.sleep(30)
        return web.Response(status=self.status)


@pytest.fixture
async def app_server() -> AsyncIterator[AppServer]:
    made = AppServer()
    application = web.Application()
    application.router.add_post("/clicks", made.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/clicks"
    yield made
    await runner.cleanup()


@pytest.fixture
def clickable(make_slack: Callable[..., Any], app_server: AppServer) -> Any:
    """A workspace whose app wants clicks, and has a token for sockets."""
    interactivity = {"request_url": app_server.url, "signing_secret": SECRET}
    app = {"token": TOKEN, "name": "Bongsu", "interactivity": interactivity, "app_token": APP_TOKEN}
    return make_slack(tokens=[app, {"token": "xoxb-deaf", "name": "Deaf"}], person="Jane Doe")


async def click(slack: Any, ts: str, **fields: Any) -> Any:
    order = {"ts": ts, "block_id": "b1", "action_id": "ack", **fields}
    return await slack.http.post("/channels/kafka/clicks", json=order)


async def test_a_click_reaches_the_app_as_slack_sends_it(clickable: Any, app_server: AppServer) -> None:
    """Every field of Slack's page on block_actions that such a message has."""
    ts = await clickable.post(attachments=[{"text": "no"}, {"blocks": [ACTIONS]}])
    assert (await click(clickable, ts)).status_code == 200
    (heard,) = app_server.heard
    assert heard["type"] == "block_actions"
    assert heard["user"]["name"] == "jane.doe"
    assert heard["container"] == {
        "type": "message_attachment",
        "message_ts": ts,
        "channel_id": heard["channel"]["id"],
        "is_ephemeral": False,
        "attachment_id": 2,
        "is_app_unfurl": False,
    }
    assert heard["message"]["ts"] == ts
    action = {key: heard["actions"][0][key] for key in ("type", "action_id", "block_id", "value", "text")}
    assert action == {**BUTTON, "block_id": "b1"}
    assert {"trigger_id", "response_url", "team", "api_app_id", "token", "state"} <= heard.keys()


async def test_a_choice_tells_the_option(clickable: Any, app_server: AppServer) -> None:
    """Of a menu in the message itself."""
    ts = await clickable.post(blocks=[ACTIONS])
    assert (await click(clickable, ts, action_id="silence", chosen="4h")).status_code == 200
    assert app_server.heard[0]["actions"][0]["selected_option"]["value"] == "4h"
    assert app_server.heard[0]["container"]["type"] == "message"


@pytest.mark.parametrize(
    "fields",
    [{"ts": "1.0"}, {"block_id": "other"}, {"action_id": "other"}, {"action_id": "silence", "chosen": "9h"}],
)
async def test_what_is_not_there_can_not_be_clicked(clickable: Any, app_server: AppServer, fields: Any) -> None:
    """404, and the app hears nothing."""
    ts = await clickable.post(blocks=[ACTIONS])
    assert (await click(clickable, **({"ts": ts} | fields))).status_code == 404
    assert app_server.heard == []


async def test_an_app_that_says_no_or_nothing_is_shown(
    clickable: Any, app_server: AppServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Slack shows a warning beside the button."""
    ts = await clickable.post(blocks=[ACTIONS])
    app_server.status = 500
    assert (await click(clickable, ts)).json() == {"error": "the app answered 500"}
    deaf = await clickable.call("chat.postMessage", "xoxb-deaf", channel="kafka", blocks=[ACTIONS], text="x")
    assert (await click(clickable, deaf["ts"])).json() == {"error": "this app hasn't set up interactivity"}


async def test_another_site_can_not_click(clickable: Any) -> None:
    """A form, which a browser would post from anywhere, is not taken."""
    ts = await clickable.post(blocks=[ACTIONS])
    order = json.dumps({"ts": ts, "block_id": "b1", "action_id": "ack"})
    answer = await clickable.http.post("/channels/kafka/clicks", content=order, headers={"content-type": "text/plain"})
    assert answer.status_code in (415, 422)


async def test_a_response_url_answers_five_times(clickable: Any, app_server: AppServer) -> None:
    """It replaces the message, posts beside it, or deletes it."""
    ts = await clickable.post(blocks=[ACTIONS])
    await click(clickable, ts)
    url = app_server.heard[0]["response_url"]
    said = [
        {"replace_original": True, "text": "taken"},
        {"response_type": "in_channel", "text": "seen"},
        {"text": "only you"},
        {"text": ""},
        {"delete_original": True},
    ]
    answers = [await clickable.http.post(url, json=one) for one in said]
    assert [answer.text for answer in answers[:3]] == ["ok"] * 3
    assert answers[3].json()["error"] == "no_text"
    assert [message["text"] for message in await clickable.messages()] == ["seen"]
    assert (await clickable.http.post(url, json={"text": "again"})).status_code == 404


async def test_a_socket_gets_the_clicks(clickable: Any, app_server: AppServer) -> None:
    """Slack's own client opens it, answers each envelope, and opens a new one when it is asked to."""
    heard: list[dict[str, Any]] = []

    async def listen(client: Any, request: SocketModeRequest) -> None:
        heard.append(request.payload)
        await client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))

    ts = await clickable.post(blocks=[ACTIONS])
    client = SocketModeClient(APP_TOKEN, web_client=AsyncWebClient(base_url=f"{clickable.url}/api/"))
    client.socket_mode_request_listeners.append(listen)
    try:
        await client.connect()
        assert (await click(clickable, ts)).status_code == 200
        first = client.current_session
        assert (await clickable.http.post("/sockets/refresh")).json() == {"asked": 1}
        async with asyncio.timeout(5):
            while client.current_session is first or not await client.is_connected():
                await asyncio.sleep(0.01)
        assert (await click(clickable, ts, action_id="silence", chosen="1h")).status_code == 200
    finally:
        await client.close()
    assert [payload["actions"][0]["action_id"] for payload in heard] == ["ack", "silence"]
    assert app_server.heard == []


@pytest.mark.parametrize(("token", "error"), [(TOKEN, "not_allowed_token_type"), ("xapp-no", "invalid_auth")])
async def test_a_socket_wants_the_apps_own_token(clickable: Any, token: str, error: str) -> None:
    """And a bot's method wants the bot's."""
    assert (await clickable.ask("apps.connections.open", token))["error"] == error
    assert (await clickable.call("chat.postMessage", APP_TOKEN))["error"] == "not_allowed_token_type"


async def test_the_page_clicks(clickable: Any, app_server: AppServer, page: Page) -> None:
    """A button, a menu, and the warning when the app says no."""
    await clickable.post(attachments=[{"blocks": [ACTIONS]}], text="<@U1> and all")
    await page.goto(f"{clickable.url}/channels/kafka")
    await page.get_by_role("button", name="Acknowledge").click()
    await expect(page.get_by_role("button", name="Acknowledge")).to_be_enabled()
    await page.get_by_role("combobox", name="Silence").select_option("1 h")
    await expect(page.get_by_role("combobox", name="Silence")).to_be_enabled()
    assert [told["actions"][0]["action_id"] for told in app_server.heard] == ["ack", "silence"]
    app_server.status = 503
    await page.get_by_role("button", name="Acknowledge").click()
    await expect(page.get_by_role("alert")).to_have_text("⚠ the app answered 503")


async def test_the_page_names_people(clickable: Any, app_server: AppServer, page: Page) -> None:
    """A mention of the person who looks, by name."""
    ts = await clickable.post(blocks=[ACTIONS])
    await click(clickable, ts)
    person = app_server.heard[0]["user"]["id"]
    await clickable.post(text=f"taken by <@{person}>")
    await page.goto(f"{clickable.url}/channels/kafka")
    await expect(page.get_by_text("taken by @Jane Doe")).to_be_visible()
