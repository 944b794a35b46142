"""What somebody gets who should get nothing: at the doors, on the page, and by what alerts and answers say."""

import gzip
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest
from aiohttp import web

from alerting.app import make_app
from alerting.config import PrometheusSettings
from alerting.prometheus import MAX_ANSWER
from alerting.receive import MAX_BODY
from tests.alerting.port import served

HOOK = "/api/v1/alertmanager"


@asynccontextmanager
async def serving(settings, fast):
    app = make_app(settings, lambda: datetime.now(UTC), fast)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://router") as client,
    ):
        yield client


@pytest.fixture
async def client(settings, fast):
    async with serving(settings, fast) as client:
        yield client


@pytest.fixture
async def trap():
    """A server that nobody should ever call: its address, and the paths that somebody called all the same."""
    called = []

    async def handle(request: web.Request) -> web.Response:
        called.append(request.path)
        return web.json_response({"ok": True, "channel": "C1", "ts": "1.0"})

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    async with served(application) as url:
        yield url, called


async def test_an_endless_body_is_read_no_further_than_it_may_go(client):
    """The rest is not waited for."""
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 65536
            yield b" " * 65536

    assert (await client.post(HOOK, content=endless())).status_code == 413
    assert sent <= MAX_BODY + 2 * 65536


BODIES = {
    "bomb": (gzip.compress(b" " * 50_000_000), {"Content-Encoding": "gzip"}, 400),
    "deep": (b'{"alerts":' + b'[{"labels":' * 100_000, {}, 400),
    "deep where nobody looks": (b'{"version":"4","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", {}, 400),
    "long number": (b'{"version":"4","truncatedAlerts":' + b"9" * 100_000 + b"}", {}, 400),
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_that_is_small_and_means_much_is_refused(client, name):
    """Nothing is unpacked, and nesting ends."""
    body, headers, status = BODIES[name]
    assert (await client.post(HOOK, content=body, headers=headers)).status_code == status


@pytest.mark.parametrize("path", [HOOK, "/api/v1/grafana", "/api/v1/test", "/api/v1/messages/1/resend"])
@pytest.mark.parametrize("site", ["cross-site", "same-site", "SAME-ORIGIN"])
async def test_a_page_of_another_site_brings_no_alerts(client, path, site, webhook_body, alert):
    """A browser would let it post a form to any address that the person reaches."""
    answer = await client.post(path, content=webhook_body(alert("a")), headers={"Sec-Fetch-Site": site})
    assert answer.status_code in (401, 403)


@pytest.mark.parametrize(
    "trace", ["", "00-0-0-00", "00-" + "z" * 32 + "-" + "0" * 16 + "-01", "é", "0" * 9000, "00-" + "f" * 32 + "-x"]
)
async def test_a_trace_that_is_none_does_no_harm(client, trace, webhook_body, alert):
    """The alert is taken."""
    headers = {"traceparent": trace.encode()}
    assert (await client.post(HOOK, content=webhook_body(alert("a")), headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//example.com/%2e%2e",
        "/api/v1/messages/..%2f1/resend",
        "/api/v1/messages/1%00/resend",
        "/static/../router.db",
        "/docs",
    ],
)
async def test_there_is_nothing_beside_the_pages(client, path):
    """No file is served, so no path leads to one."""
    assert (await client.get(path)).status_code in (404, 405)


async def test_the_page_runs_nothing_and_stands_in_no_other(client):
    """Whatever slipped through its escaping would still be text; nobody is led to click its buttons unseen."""
    headers = (await client.get("/")).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_no_address_that_an_alert_names_is_called(start, webhook_body, alert, trap, workspace):
    """Links are shown, and that is all."""
    url, called = trap
    notes = dict.fromkeys(("summary", "query", "runbook_url", "dashboard_url", "image_url"), url)
    hostile = alert("a", annotations=notes, generatorURL=url)
    async with start() as router:
        await router.accept(webhook_body(hostile, externalURL=url))
        await router.settled()
    assert len(workspace.roots()) == 1
    assert called == []


@pytest.mark.parametrize("status", [302, 307, 308])
async def test_a_redirect_leads_no_message_away(start, status, webhook_body, alert, trap, workspace, fault):
    """Neither the text nor the token reaches a host that is not in the settings; the message is sent when it can be."""
    url, called = trap
    workspace.fail("chat.postMessage", fault(status=status, headers={"Location": f"{url}/elsewhere"}))
    async with start() as router:
        await router.accept(webhook_body(alert("a")))
        await router.settled()
    assert called == []
    assert len(workspace.roots()) == 1


async def test_an_answer_without_end_costs_the_chart_and_nothing_else(start, settings, webhook_body, alert, workspace):
    """What Prometheus packs may be small and grow large: it is given up as soon as it is too large."""
    packed = gzip.compress(b" " * 50 * MAX_ANSWER)
    application = web.Application()

    async def bomb(_: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})

    application.router.add_post("/api/v1/query_range", bomb)
    notes = {"query": "up", "value": "97", "threshold": "50"}
    async with served(application) as url:
        asked = settings.model_copy(update={"prometheus": PrometheusSettings(url=url)})
        async with start(settings=asked) as router:
            await router.accept(webhook_body(alert("a", annotations=notes)))
            await router.settled()
    assert len(workspace.roots()) == 1
