"""What Alertmanager never tells, seen in Slack all the same: silences, inhibition, lost resolves."""

import asyncio
from datetime import UTC, datetime

import pytest

from alerting.config import AlertmanagerSettings
from alerting.store import upkeep

KEY = '{}:{alertname="KafkaConsumerLagHigh"}'


@pytest.fixture
def reconciling(settings, alertmanager):
    """Settings of a router that asks the Alertmanager all the time."""
    asked = AlertmanagerSettings(urls=(alertmanager.url,), interval=0.03, warm_up=0.001)
    return settings.model_copy(update={"alertmanager": asked})


async def shows(workspace, title):
    """Wait until the one message has this title."""
    async with asyncio.timeout(5):
        while workspace.titles() != [title]:
            await asyncio.sleep(0.01)


async def looked(router, times=2):
    """Wait for a whole look from now on: the one that runs may have begun before."""
    counter = router.metrics.reconciliations.labels("whole")._value
    end = counter.get() + times
    async with asyncio.timeout(5):
        while counter.get() < end:
            await asyncio.sleep(0.005)


async def test_an_alert_that_is_silenced_and_then_resolves_turns_grey_and_green(
    start, reconciling, workspace, alertmanager, webhook_body, alert
):
    """Alertmanager 0.25 to 0.33 never send that resolve."""
    alertmanager.list(alert("a"))
    async with start(settings=reconciling) as router:
        await router.accept(webhook_body(alert("a"), group=KEY))
        await shows(workspace, "🔥 Firing: KafkaConsumerLagHigh")
        await router.settled()
        alertmanager.list(alert("a"), silencedBy=["1"])
        await shows(workspace, "🔕 Silenced: KafkaConsumerLagHigh")
        await router.settled()
        assert workspace.roots()[0]["attachments"][0]["color"] == "#98A2B3"
        alertmanager.list(alert("a"))
        await shows(workspace, "🔥 Firing: KafkaConsumerLagHigh")
        await router.settled()
        alertmanager.list(alert("a"), inhibitedBy=["1"])
        await shows(workspace, "🔕 Inhibited: KafkaConsumerLagHigh")
        await router.settled()
        alertmanager.alerts.clear()
        async with asyncio.timeout(5):
            while "✅ Resolved" not in workspace.titles()[0]:
                await asyncio.sleep(0.01)
        await router.settled()
    replies = workspace.replies(workspace.roots()[0])
    assert replies[:-1] == [
        "*1 fired*: `topic=a`",
        "*1 silenced*: `topic=a`\n0 firing.",
        "*1 active again*: `topic=a`\n1 firing.",
        "*1 inhibited*: `topic=a`\n0 firing.",
    ]
    assert replies[-1].startswith("*1 left*: `topic=a`\n*Resolved* after ")


async def test_one_of_two_that_is_silenced_is_counted_and_marked(
    start, reconciling, workspace, alertmanager, webhook_body, alert
):
    """The message stays red for the other."""
    alertmanager.list(alert("a"), silencedBy=["1"])
    alertmanager.list(alert("b"))
    async with start(settings=reconciling) as router:
        await router.accept(webhook_body(alert("a"), alert("b"), group=KEY))
        await shows(workspace, "🔥 Firing: KafkaConsumerLagHigh (1 of 2)")
    blocks = workspace.roots()[0]["attachments"][0]["blocks"]
    assert "• 🔕 `topic=a` silenced 97" in str(blocks)
    assert "1 firing · 1 silenced" in str(blocks)


async def test_a_resolve_that_was_lost_is_found(start, reconciling, workspace, alertmanager, webhook_body, alert):
    """Alertmanager was restarted between the end of the alert and its notification."""
    alertmanager.list(alert("a"))
    async with start(settings=reconciling) as router:
        await router.accept(webhook_body(alert("a"), group=KEY))
        await looked(router)
        alertmanager.alerts.clear()
        async with asyncio.timeout(5):
            while (await router.store.run(upkeep.census)).open_messages:
                await asyncio.sleep(0.01)
        await router.settled()
        assert "✅ Resolved" in workspace.titles()[0]


async def test_a_start_is_the_same_from_the_list_and_from_a_webhook(
    start, reconciling, workspace, alertmanager, webhook_body, alert
):
    """The list tells milliseconds, the webhook nanoseconds: who heard it in the list first does not tell it twice."""
    alertmanager.list(alert("a"))
    async with start(settings=reconciling) as router:
        await router.accept(webhook_body(alert("a"), group=KEY))
        await router.settled()
        alertmanager.list(alert("a", 30.123))
        async with asyncio.timeout(5):
            while len(workspace.replies(workspace.roots()[0])) < 2:
                await asyncio.sleep(0.01)
        told = workspace.replies(workspace.roots()[0])
        await router.accept(webhook_body(alert("a", 30.123456), group=KEY))
        await looked(router)
        await router.settled()
    assert workspace.replies(workspace.roots()[0]) == told


async def test_a_start_beyond_the_calendar_is_read_all_the_same(start, reconciling, alertmanager, alert):
    """Of an alert that some client has posted: one such alert must not end the looks at all others."""
    alertmanager.list(alert("a") | {"startsAt": "0001-01-01T00:00:00+09:00"})
    async with start(settings=reconciling) as router:
        await looked(router)


@pytest.mark.parametrize("trouble", ["down", "just started", "not listed", "another sender"])
async def test_absence_is_not_believed_when_the_list_may_not_be_whole(
    start, reconciling, workspace, alertmanager, webhook_body, alert, trouble
):
    """A false green is worse than a late one."""
    if trouble == "just started":
        asked = reconciling.alertmanager.model_copy(update={"warm_up": 3600.0})
        reconciling = reconciling.model_copy(update={"alertmanager": asked})
        alertmanager.started = datetime.now(UTC)
    if trouble != "not listed":
        alertmanager.list(alert("a"))
    key = "grafana/1/x" if trouble == "another sender" else KEY
    result = {"down": "unreachable", "just started": "partial"}.get(trouble, "whole")
    async with start(settings=reconciling) as router:
        await router.accept(webhook_body(alert("a"), group=key))
        await router.settled()
        counter = router.metrics.reconciliations.labels("partial" if trouble == "just started" else "whole")._value
        seen = counter.get()
        async with asyncio.timeout(5):
            while counter.get() < seen + 2:
                await asyncio.sleep(0.005)
        alertmanager.alerts.clear()
        alertmanager.down = trouble == "down"
        counter = router.metrics.reconciliations.labels(result)._value
        seen = counter.get()
        async with asyncio.timeout(5):
            while counter.get() < seen + 3:
                await asyncio.sleep(0.005)
        await router.settled()
    assert workspace.titles() == ["🔥 Firing: KafkaConsumerLagHigh"]


async def test_an_alert_that_one_replica_still_has_is_there(
    start, reconciling, workspace, alertmanager, webhook_body, alert
):
    """Of several addresses, one that does not answer makes the list a part, and nothing is taken for resolved."""
    urls = (alertmanager.url, "http://127.0.0.1:9")
    asked = reconciling.alertmanager.model_copy(update={"urls": urls})
    alertmanager.list(alert("a"), silencedBy=["1"])
    async with start(settings=reconciling.model_copy(update={"alertmanager": asked})) as router:
        await router.accept(webhook_body(alert("a"), group=KEY))
        await shows(workspace, "🔕 Silenced: KafkaConsumerLagHigh")
        alertmanager.alerts.clear()
        counter = router.metrics.reconciliations.labels("partial")._value
        seen = counter.get()
        async with asyncio.timeout(5):
            while counter.get() < seen + 3:
                await asyncio.sleep(0.005)
        assert workspace.titles() == ["🔕 Silenced: KafkaConsumerLagHigh"]


async def test_a_message_that_was_unclear_is_cleared(start, reconciling, workspace, alertmanager, webhook_body, alert):
    """max_alerts left three out; nothing of the group is listed any more."""
    async with start(settings=reconciling) as router:
        await router.accept(webhook_body(alert("a", 0, 60), group=KEY, truncatedAlerts=3))
        await shows(workspace, "✅ Resolved: KafkaConsumerLagHigh after 1m")


async def test_what_resolved_before_it_was_listed_is_told_by_the_others(
    start, reconciling, workspace, alertmanager, webhook_body, alert
):
    """It fired, and was gone with a restart of Alertmanager before the first look; another alert shows who is asked."""
    alertmanager.list(alert("b"))
    other = '{}:{alertname="Other"}'
    async with start(settings=reconciling) as router:
        await router.accept(webhook_body(alert("b"), group=other, groupLabels={"alertname": "Other"}))
        await looked(router)
        await router.accept(webhook_body(alert("a"), group=KEY))
        await looked(router)
        await router.settled()
    assert sorted(title[:10] for title in workspace.titles()) == ["✅ Resolved", "🔥 Firing: "]
