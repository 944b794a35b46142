"""While Slack does not show an alert, another system is told of it: once, signed, and again when it is over."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from alerting.config import RouterSettings
from alerting.relay import LONGEST
from tests.alerting import life
from tests.alerting.port import served

SECRET = "fall-back-secret"


@dataclass
class Other:
    """The other system: what it was sent, and what it answers."""

    url: str = ""
    status: int = 200
    calls: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        """One POST."""
        self.calls.append((dict(request.headers), await request.read()))
        return web.Response(status=self.status, headers={"Location": "/elsewhere"})

    @property
    def told(self) -> list[tuple[str, str]]:
        """Status and topic (or name) of each alert, in the order that they were taken."""
        alerts = [one for _, body in self.calls for one in json.loads(body)["alerts"]]
        return [(one["status"], one["labels"].get("topic", one["name"])) for one in alerts]


@pytest.fixture
async def other() -> AsyncIterator[Other]:
    """Another system on a port of its own."""
    made = Other()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", made.handle)
    async with served(application) as url:
        made.url = f"{url}/hook"
        yield made


@pytest.fixture
def falling(settings, other):
    """Settings of a router with a fall-back."""
    made: dict[str, Any] = settings.model_dump(mode="json", exclude_none=True) | {
        "slack": {"token": "xoxb-test-1", "base_url": settings.slack.base_url},
        "fallback": {"url": other.url, "after": "5m", "secret": SECRET, "auth": {"token": "bearer"}},
        "watchdog": {"after": "1m"},
    }
    return RouterSettings.model_validate(made)


@pytest.fixture(name="start")
def start_still(start):
    """Start a router that looks only when the test does."""

    @asynccontextmanager
    async def begin(**options):
        async with start(**options) as router:
            router.pipeline.relay.interval = LONGEST
            yield router

    return begin


async def look(router):
    """Have the relay look."""
    return await life.look(router.pipeline.relay)


async def test_an_alert_that_slack_does_not_show_is_told_once_and_again_at_its_end(
    start, falling, workspace, other, clock, webhook_body, alert
):
    """Slack gets all of it afterwards, as always."""
    workspace.refusals["chat.postMessage"] = "ratelimited"
    async with start(settings=falling, clock=clock) as router:
        await router.accept(webhook_body(alert("a")))
        clock.forward(299)
        await look(router)
        assert other.calls == []
        clock.forward(1)
        await look(router)
        await look(router)
        assert other.told == [("firing", "a")]
        await router.accept(webhook_body(alert("b"), group="{}:{late}"))
        await router.accept(webhook_body(alert("a", 0, 600)))
        await look(router)
        await look(router)
        assert other.told == [("firing", "a"), ("resolved", "a")]
        del workspace.refusals["chat.postMessage"]
        clock.forward(60)
        router.pipeline.delivery.wake()
        await router.settled()
        clock.forward(600)
        await look(router)
        assert other.told == [("firing", "a"), ("resolved", "a")]
    assert sorted(workspace.titles()) == [
        "✅ Resolved: KafkaConsumerLagHigh after 10m",
        "🔥 Firing: KafkaConsumerLagHigh",
    ]
    first, last = (json.loads(body)["alerts"][0] for _, body in other.calls)
    assert first["id"] == last["id"]


async def test_the_body_has_its_documented_shape_and_a_signature(
    start, falling, workspace, other, clock, webhook_body, alert, golden
):
    """Whoever has the secret can check it against the raw body."""
    workspace.refusals["chat.postMessage"] = "ratelimited"
    async with start(settings=falling, clock=clock) as router:
        await router.accept(webhook_body(alert("a")))
        clock.forward(300)
        await look(router)
    ((headers, body),) = other.calls
    signed = f"v1:{headers['X-Bongsu-Timestamp']}:".encode() + body
    assert headers["X-Bongsu-Signature"] == f"v1={hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()}"
    assert headers["Authorization"] == "Bearer bearer"
    assert headers["X-Bongsu-Timestamp"] == str(int(clock.now.timestamp()))
    golden("fallback.json", json.dumps(json.loads(body), indent=1) + "\n")


async def test_what_slack_shows_is_not_told(start, falling, workspace, other, clock, webhook_body, alert):
    """Of a message that is there, only the alert that joined since."""
    async with start(settings=falling, clock=clock) as router:
        await router.accept(webhook_body(alert("a")))
        await router.settled()
        workspace.refusals |= dict.fromkeys(("chat.update", "chat.postMessage"), "ratelimited")
        await router.accept(webhook_body(alert("a"), alert("b")))
        clock.forward(300)
        await look(router)
    assert other.told == [("firing", "b")]


async def test_a_silenced_or_held_alert_is_not_told(start, falling, workspace, other, clock, webhook_body, alert):
    """Nobody is to be called for it; one that is over before it is late neither."""
    workspace.refusals["chat.postMessage"] = "ratelimited"
    quiet = falling.model_dump(mode="json", exclude_none=True) | {
        "slack": {"token": "xoxb-test-1", "base_url": falling.slack.base_url},
        "fallback": {"url": other.url},
        "quiet_hours": {"begins": "11:00", "ends": "13:00"},
    }
    info = alert("info", labels={"alertname": "A", "severity": "info", "topic": "info"})
    async with start(settings=RouterSettings.model_validate(quiet), clock=clock) as router:
        await router.accept(webhook_body(info, group="{}:{i}"))
        await router.accept(webhook_body(alert("short")))
        await router.accept(webhook_body(alert("short", 0, 60)))
        clock.forward(300)
        await look(router)
    assert other.calls == []


@pytest.mark.parametrize("status", [302, 400, 500])
async def test_a_fall_back_that_fails_is_asked_again(
    start, falling, workspace, other, clock, webhook_body, alert, status
):
    """And is never followed elsewhere."""
    workspace.refusals["chat.postMessage"] = "ratelimited"
    other.status = status
    async with start(settings=falling, clock=clock) as router:
        await router.accept(webhook_body(alert("a")))
        clock.forward(300)
        assert not await look(router)
        other.status = 204
        assert await look(router)
        assert await look(router)
        counted = {
            result: router.metrics.registry.get_sample_value("router_fallback_posts_total", {"result": result})
            for result in ("failed", "delivered")
        }
    assert counted == {"failed": 1, "delivered": 1}
    assert other.told == [("firing", "a")] * 2
    assert other.calls[0][1].split(b'"alerts"')[1] == other.calls[1][1].split(b'"alerts"')[1]


async def test_many_alerts_are_told_in_few_calls(start, falling, workspace, other, clock, webhook_body, alert):
    """Those of a storm's digest too."""
    workspace.refusals["chat.postMessage"] = "ratelimited"
    warning = {"alertname": "A", "severity": "warning"}
    async with start(settings=falling, clock=clock) as router:
        for number in range(60):
            labels = warning | {"topic": f"t{number}"}
            await router.accept(webhook_body(alert(f"t{number}", labels=labels), group=f"{{}}:{{g{number}}}"))
        clock.forward(300)
        await look(router)
        await look(router)
    assert sorted(other.told) == sorted(("firing", f"t{number}") for number in range(60))
    assert len(other.calls) == 2


async def test_a_silent_watchdog_is_told_too(start, falling, workspace, other, clock, webhook_body, alert):
    """Slack is not there to say that nothing can be heard."""
    workspace.refusals["chat.postMessage"] = "ratelimited"
    async with start(settings=falling, clock=clock) as router:
        await router.accept(webhook_body(alert("w", labels={"alertname": "Watchdog"})))
        clock.forward(60)
        await router.pipeline.switch.look()
        clock.forward(300)
        await look(router)
        await router.accept(webhook_body(alert("w", labels={"alertname": "Watchdog"})))
        await router.pipeline.switch.look()
        await look(router)
        await look(router)
    assert other.told == [("firing", "Watchdog"), ("resolved", "Watchdog")]


async def test_of_two_routers_one_tells(start, falling, workspace, other, clock, webhook_body, alert, postgresql):
    """The other takes over when it is gone."""
    workspace.refusals["chat.postMessage"] = "ratelimited"
    shared = falling.model_copy(update={"store": postgresql.new()})
    async with start(settings=shared, clock=clock) as one:
        await look(one)
        async with start(settings=shared, clock=clock) as other_one:
            await one.accept(webhook_body(alert("a")))
            clock.forward(300)
            await look(one)
            await look(other_one)
        await one.accept(webhook_body(alert("a", 0, 60)))
    async with start(settings=shared, clock=clock) as other_one:
        clock.forward(61)
        await look(other_one)
    assert other.told == [("firing", "a"), ("resolved", "a")]
