"""Several routers on one PostgreSQL, one of them stopped or killed at the worst moment: still one message."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerting.store import outbox, strays


@pytest.fixture
def shared(settings, postgresql):
    """The test's settings on a database that routers can share."""
    return settings.model_copy(update={"store": postgresql.new()})


async def test_two_routers_that_both_hear_make_one_message(start, shared, workspace, webhook_body, alert):
    """Alertmanager tells both; each change is one call to Slack, whoever makes it."""
    async with start(settings=shared) as one, start(settings=shared) as other:
        for body in (
            webhook_body(alert("a")),
            webhook_body(alert("a"), alert("b", 10)),
            webhook_body(alert("a", 0, 60), alert("b", 10, 70)),
        ):
            await asyncio.gather(one.accept(body), other.accept(body))
            await asyncio.gather(one.settled(), other.settled())
    assert workspace.titles() == ["✅ Resolved: KafkaConsumerLagHigh after 1m 10s"]
    replies = workspace.replies(workspace.roots()[0])
    assert len(replies) == len(set(replies)) == 3
    assert workspace.count("chat.update") == 2


async def test_what_one_router_heard_the_other_delivers(start, shared, workspace, webhook_body, alert, fast):
    """The one that took the webhook is gone before it could post."""
    async with start(settings=shared) as one:
        workspace.refusals["chat.postMessage"] = "ratelimited"
        await one.accept(webhook_body(alert("a")))
    del workspace.refusals["chat.postMessage"]
    async with start(settings=shared) as other:
        await other.settled()
    assert len(workspace.roots()) == 1


class Stopped:
    """A store whose router is stopped for a while, once, right after it has begun a post."""

    def __init__(self, store):
        self.store = store
        self.shared = store.shared
        self.ahead = timedelta(0)

    async def run(self, work, *arguments, **named):
        result = await self.store.run(work, *arguments, **named)
        if work is outbox.begin:
            self.ahead = timedelta(seconds=60)
        return result


async def test_a_router_that_was_stopped_after_it_began_sends_nothing(start, workspace, webhook_body, alert):
    """The call would outlast its lease, so it is not made; a look-up decides, and then the message is sent once."""
    stopped = None

    def clock():
        return datetime.now(UTC) + (stopped.ahead if stopped else timedelta(0))

    async with start(clock=clock) as router:
        stopped = router.pipeline.delivery.store = Stopped(router.store)
        await router.accept(webhook_body(alert("a")))
        await router.settled()
        assert router.metrics.unknown_outcomes.labels("resent")._value.get() == 1
    assert len(workspace.roots()) == 1
    assert workspace.count("conversations.history") >= 1


@pytest.fixture
def soon(fast):
    """A post that is sent again is looked for soon after."""
    return replace(fast, margin=1.0)


async def test_a_post_that_comes_late_is_deleted(start, soon, workspace, webhook_body, alert, fault):
    """Slack did not have it when it was asked, and shows it afterwards: beside the one that was sent again."""
    workspace.fail("chat.postMessage", fault(status=500))
    async with start(pace=soon) as router:
        await router.accept(webhook_body(alert("a")))
        await router.settled()
        late = next(arguments for name, arguments in workspace.calls if name == "chat.postMessage")
        workspace.chat_postMessage(**late)
        assert len(workspace.roots()) == 2
        async with asyncio.timeout(5):
            while await router.store.run(strays.count):
                await asyncio.sleep(0.01)
    (left,) = workspace.roots()
    assert left["metadata"]["event_payload"]["delivery_id"] != late["metadata"]["event_payload"]["delivery_id"]


async def test_a_post_that_never_comes_is_forgotten(start, soon, workspace, webhook_body, alert, fault):
    """It is looked for once."""
    workspace.fail("chat.postMessage", fault(drops=True))
    async with start(pace=soon) as router:
        await router.accept(webhook_body(alert("a")))
        await router.settled()
        assert await router.store.run(strays.count) == 1
        async with asyncio.timeout(5):
            while await router.store.run(strays.count):
                await asyncio.sleep(0.01)
    assert workspace.count("conversations.history") == 2
    assert workspace.count("chat.delete") == 0
