"""The page and its JSON: what is open, what waits and why, what happened, what is noise."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest
from pydantic import SecretStr

from alerting.app import make_app
from alerting.auth import AuthSettings
from alerting.config import WebhookSettings
from alerting.pace import Pace

HOOK = "/api/v1/alertmanager"
FAST = Pace(gap=0.0, settle=0.02, first_wait=0.01, longest_wait=0.05, dead_retry=3600.0)


@asynccontextmanager
async def serving(settings):
    app = make_app(settings, lambda: datetime.now(UTC), FAST)
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://r") as client:
        yield client


@pytest.fixture
async def client(settings):
    async with serving(settings) as client:
        yield client


async def state(client, wanted):
    """Wait until the one message is in this state."""
    async with asyncio.timeout(10):
        while True:
            (message,) = (await client.get("/api/v1/messages")).json()["messages"]
            if message["state"] == wanted:
                return message
            await asyncio.sleep(0.01)


async def test_a_refused_message_is_seen_and_sent_again(client, workspace, webhook_body, alert):
    """Its next try is an hour away; somebody has mended the channel and does not wait."""
    workspace.refusals["chat.postMessage"] = "is_archived"
    await client.post(HOOK, content=webhook_body(alert("a")))
    message = await state(client, "refused")
    assert (message["title"], message["channel"], message["reason"]) == (
        "KafkaConsumerLagHigh",
        "#kafka",
        "is_archived",
    )
    button = f'action="/api/v1/messages/{message["id"]}/resend"'
    assert button in (await client.get("/")).text
    del workspace.refusals["chat.postMessage"]
    answer = await client.post(f"/api/v1/messages/{message['id']}/resend")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    await state(client, "shown")
    assert button not in (await client.get("/")).text


@pytest.mark.parametrize("number", ["1", "0", "-1", "99999999999999999999", "x"])
async def test_what_does_not_wait_is_not_sent_again(client, number):
    """Never a 500."""
    assert (await client.post(f"/api/v1/messages/{number}/resend")).status_code in (404, 422)


async def test_only_who_may_sends_again(settings, webhook_body, alert):
    """The webhooks' token; and no form of another site, whoever is logged in here."""
    auth = AuthSettings(token=SecretStr("let-me-in"))
    closed = settings.model_copy(update={"webhook": WebhookSettings(auth=auth)})
    async with serving(closed) as client:
        path = "/api/v1/messages/1/resend"
        answer = await client.post(path)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert (await client.post(path, headers=auth.headers())).status_code == 404
        foreign = {**auth.headers(), "Sec-Fetch-Site": "cross-site"}
        assert (await client.post(path, headers=foreign)).status_code == 403


async def test_what_happened_is_told_the_newest_first(client, webhook_body, alert):
    """With its time; a page of it ends before a time."""
    await client.post(HOOK, content=webhook_body(alert("a")))
    await client.post(HOOK, content=webhook_body(alert("a", 0, 60)))
    entries = (await client.get("/api/v1/audit")).json()["entries"]
    assert [(one["what"], one["alert"], one["channel"]) for one in entries] == [
        ("resolved", "KafkaConsumerLagHigh", "#kafka"),
        ("fired", "KafkaConsumerLagHigh", "#kafka"),
    ]
    older = (await client.get("/api/v1/audit", params={"before": entries[0]["at"], "limit": 9})).json()["entries"]
    assert older == entries[1:]
    assert "<h2>What happened</h2>" in (await client.get("/")).text


async def test_noise_is_counted_by_alert(client, webhook_body, alert):
    """Messages and alerts of each, and how long it took to resolve; the noisiest first."""
    for number in range(2):
        await client.post(HOOK, content=webhook_body(alert("a"), alert("b"), group=f"g{number}"))
    await client.post(HOOK, content=webhook_body(alert("a", 0, 60), alert("b", 0, 120), group="g0"))
    other = {"alertname": "Other"}
    await client.post(HOOK, content=webhook_body(alert("c", labels=other), group="c", groupLabels=other))
    found = (await client.get("/api/v1/noise", params={"days": 3650})).json()["alerts"]
    assert [(one["alert"], one["messages"], one["alerts"], one["open"]) for one in found] == [
        ("KafkaConsumerLagHigh", 2, 4, 1),
        ("Other", 1, 1, 1),
    ]
    assert [one["mean_seconds_to_resolve"] for one in found] == [120.0, None]


@pytest.mark.parametrize(
    "path", ["/api/v1/audit?limit=0", "/api/v1/audit?before=soon", "/api/v1/noise?days=-1", "/api/v1/noise?days=nan"]
)
async def test_a_bad_question_is_answered_422(client, path):
    """Never a 500."""
    assert (await client.get(path)).status_code == 422
