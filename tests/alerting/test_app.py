"""The router over HTTP: what Alertmanager, Prometheus and a person get."""

import asyncio
import sqlite3
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest
import structlog
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from alerting.app import make_app
from alerting.model import Census
from alerting.page import page
from alerting.receive import MAX_BODY

HOOK = "/api/v1/alertmanager"


@asynccontextmanager
async def serving(settings, fast):
    app: FastAPI = make_app(settings, lambda: datetime.now(UTC), fast)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://router") as client,
    ):
        yield client


@pytest.fixture
async def client(settings, fast):
    async with serving(settings, fast) as client:
        yield client


async def metric(client, name, **labels):
    text = (await client.get("/metrics")).text
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return None


async def test_a_good_body_is_answered_200_and_counted(client, webhook_body, alert):
    """After it is durable."""
    assert (await client.post(HOOK, content=webhook_body(alert("a")))).status_code == 200
    assert await metric(client, "router_webhooks_total", result="accepted") == 1
    assert await metric(client, "router_alerts", state="firing") == 1
    assert await metric(client, "router_messages_open") == 1


@pytest.mark.parametrize(
    ("body", "status", "result", "sentence"),
    [
        (b"{", 400, "not_json", "the body is not JSON: EOF while parsing an object at line 1 column 1"),
        (
            b"{}",
            422,
            "wrong_shape",
            "version is not the one that is taken here: Alertmanager (4) posts to /api/v1/alertmanager, "
            "Grafana (1) to /api/v1/grafana",
        ),
        (
            b" " * (MAX_BODY + 1),
            413,
            "too_large",
            f"the body is larger than {MAX_BODY} bytes; set max_alerts in Alertmanager's webhook_config",
        ),
    ],
)
async def test_a_bad_body_is_answered_4xx_counted_and_logged(client, body, status, result, sentence):
    """With the sentence that says why."""
    with structlog.testing.capture_logs() as logs:
        answer = await client.post(HOOK, content=body)
    assert (answer.status_code, answer.json()) == (status, {"error": sentence})
    assert await metric(client, "router_webhooks_total", result=result) == 1
    assert sentence in [entry.get("sentence") for entry in logs]


def break_store(settings):
    """Take tables away behind the router's back: the next transaction can't be kept."""
    with sqlite3.connect(settings.store) as connection:
        connection.execute("drop table alerts")
        connection.execute("drop table schema_version")
    connection.close()


async def test_a_store_that_cannot_commit_is_answered_503(client, settings, webhook_body, alert):
    """Alertmanager sends again after 5xx, never after 4xx: nothing is lost."""
    break_store(settings)
    answer = await client.post(HOOK, content=webhook_body(alert("a")))
    assert (answer.status_code, answer.json()) == (503, {"error": "the store can't keep it now; send it again"})
    ready = await client.get("/-/ready")
    assert (ready.status_code, ready.text) == (503, "the store failed: no such table: schema_version\n")
    assert (await client.get("/-/healthy")).status_code == 200


async def test_a_broken_store_costs_the_gauges_and_not_the_counters(client, settings):
    """The counter of its failures is needed at that very moment."""
    before = await metric(client, "router_store_commit_failures_total")
    break_store(settings)
    assert await metric(client, "router_messages_open") is None
    assert await metric(client, "router_store_commit_failures_total") > before
    assert (await client.get("/metrics")).status_code == 200


async def test_metrics_have_every_series_before_anything_happened(client, golden):
    """A first failure is an increase; names and labels are a contract."""
    text = (await client.get("/metrics")).text
    lines = [line for line in text.splitlines() if "_created" not in line]
    golden("metrics.txt", "\n".join(lines) + "\n")


async def test_the_watchdog_is_seen_in_metrics(client, webhook_body, alert):
    """Absent until the first."""
    name = "router_watchdog_last_received_timestamp_seconds"
    assert await metric(client, name) is None
    body = webhook_body(alert("w", labels={"alertname": "Watchdog"}))
    assert (await client.post(HOOK, content=body)).status_code == 200
    assert abs(await metric(client, name) - datetime.now(UTC).timestamp()) < 60


async def test_the_end_of_a_watchdog_is_no_beat(client, webhook_body, alert):
    """That the pipeline's heart has stopped must not make it look alive."""
    body = webhook_body(alert("w", 0, 9, labels={"alertname": "Watchdog"}))
    assert (await client.post(HOOK, content=body)).status_code == 200
    assert await metric(client, "router_watchdog_last_received_timestamp_seconds") is None


async def test_a_dead_letter_is_seen_in_metrics_and_on_the_page(client, workspace, webhook_body, alert):
    """With what to do about it."""
    workspace.refusals["chat.postMessage"] = "is_archived"
    await client.post(HOOK, content=webhook_body(alert("a", labels={"alertname": "<b>", "signal": "kafka_lag"})))
    async with asyncio.timeout(5):
        while not await metric(client, "router_dead_letters", reason="channel"):
            await asyncio.sleep(0.01)
    assert await metric(client, "router_oldest_undelivered_age_seconds") > 0
    shown = (await client.get("/")).text
    assert "refused: <code>is_archived</code></span> Create or unarchive the channel" in shown


async def test_the_page_escapes_what_alerts_say(client, workspace, webhook_body, alert):
    """A label is no HTML."""
    workspace.refusals["chat.postMessage"] = "<script>"
    body = webhook_body(alert("a"), groupLabels={"alertname": "<script>alert(1)</script>"})
    await client.post(HOOK, content=body)
    async with asyncio.timeout(5):
        while "refused" not in (shown := (await client.get("/")).text):
            await asyncio.sleep(0.01)
    assert "<script>" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready"])
async def test_health_is_answered(client, path):
    """200 while the loop runs and the store commits."""
    answer = await client.get(path)
    assert (answer.status_code, answer.text) == (200, "ok\n")


async def test_no_token_is_shown_anywhere(client, settings):
    """Not in metrics, on the page, in answers or in the settings' repr."""
    pages = [(await client.get(path)).text for path in ("/", "/metrics", "/-/ready", "/nowhere")]
    assert not any("xoxb" in text for text in [*pages, repr(settings)])


def test_the_page_of_nothing_says_so(page_of_nothing):
    """Empty is a state, too."""
    assert "Nothing is open." in page_of_nothing
    assert "No Watchdog was heard yet." in page_of_nothing


@pytest.fixture
def page_of_nothing():
    return page(Census({}, 0, {}, None, None, ()), datetime.now(UTC))
