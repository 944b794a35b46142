"""From webhook body to what a person sees in Slack, through the real store and a strict workspace."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerting.pace import Pace
from alerting.store import upkeep


async def test_a_group_is_one_message_from_firing_to_resolved(start, workspace, webhook_body, alert):
    """Joins, leaves and the end are edits of one message, told in its thread."""
    async with start() as router:
        await router.accept(webhook_body(alert("a")))
        await router.settled()
        assert workspace.titles("kafka") == ["🔥 Firing: KafkaConsumerLagHigh"]
        await router.accept(webhook_body(alert("a"), alert("b", 20), alert("c", 20)))
        await router.settled()
        assert workspace.titles("kafka") == ["🔥 Firing: KafkaConsumerLagHigh (3)"]
        await router.accept(webhook_body(alert("a", 0, 60), alert("b", 20), alert("c", 20)))
        await router.settled()
        assert workspace.titles("kafka") == ["🔥 Firing: KafkaConsumerLagHigh (2 of 3)"]
        await router.accept(webhook_body(alert("b", 20, 200), alert("c", 20, 100)))
        await router.settled()
    assert workspace.titles() == ["✅ Resolved: KafkaConsumerLagHigh after 3m 20s"]
    assert workspace.replies(workspace.roots()[0]) == [
        "*1 fired*: `topic=a`",
        "*2 joined*: `topic=b`, `topic=c`\n3 firing.",
        "*1 left*: `topic=a`\n2 firing.",
        "*2 left*: `topic=b`, `topic=c`\n*Resolved* after 3m 20s.",
    ]


async def test_a_repeat_without_change_calls_nothing(start, workspace, webhook_body, alert):
    """The same body again, as repeat_interval and a second Alertmanager send it, changes nothing in Slack."""
    async with start() as router:
        await router.accept(webhook_body(alert("a")))
        await router.settled()
        calls = len(workspace.calls)
        await router.accept(webhook_body(alert("a")))
        await router.accept(webhook_body(alert("a"), externalURL="http://other-alertmanager.example:9093"))
        await router.settled()
    assert len(workspace.calls) == calls


async def test_a_new_value_edits_without_a_reply(start, workspace, webhook_body, alert):
    """A repeat with another value is shown, and is no event of the thread."""
    async with start() as router:
        await router.accept(webhook_body(alert("a")))
        await router.settled()
        await router.accept(webhook_body(alert("a", annotations={"value": "120", "threshold": "50"})))
        await router.settled()
    (root,) = workspace.roots()
    assert "120 (threshold 50)" in root["text"]
    assert workspace.replies(root) == ["*1 fired*: `topic=a`"]


async def test_a_new_fire_after_the_end_is_a_new_message(start, workspace, webhook_body, alert):
    """A closed message stays as it ended."""
    async with start() as router:
        await router.accept(webhook_body(alert("a")))
        await router.accept(webhook_body(alert("a", 0, 60)))
        await router.settled()
        await router.accept(webhook_body(alert("a", 90)))
        await router.settled()
    assert workspace.titles() == [
        "✅ Resolved: KafkaConsumerLagHigh after 1m",
        "🔥 Firing: KafkaConsumerLagHigh",
    ]


async def test_a_start_that_moves_back_is_no_event_and_its_end_is_shown(start, workspace, webhook_body, alert):
    """Two Prometheus replicas: Alertmanager picks the earlier start, and resolves with it."""
    async with start() as router:
        for body in (
            webhook_body(alert("a", 27)),
            webhook_body(alert("a", 7), alert("b", 30)),
            webhook_body(alert("a", 7, 60), alert("b", 30)),
            webhook_body(alert("b", 30, 67)),
        ):
            await router.accept(body)
            await router.settled()
    assert workspace.titles() == ["✅ Resolved: KafkaConsumerLagHigh after 1m"]
    assert workspace.replies(workspace.roots()[0]) == [
        "*1 fired*: `topic=a`",
        "*1 joined*: `topic=b`\n2 firing.",
        "*1 left*: `topic=a`\n1 firing.",
        "*1 left*: `topic=b`\n*Resolved* after 1m.",
    ]


async def test_labels_choose_the_channel_of_each_alert(start, workspace, webhook_body, alert):
    """A group whose alerts go to two channels is one message in each."""
    other = alert("b", labels={"alertname": "X", "signal": "other"})
    async with start() as router:
        await router.accept(webhook_body(alert("a"), other))
        await router.settled()
    assert len(workspace.roots("kafka")) == len(workspace.roots("alerts")) == 1


async def test_a_watchdog_makes_no_message(start, workspace, webhook_body, alert):
    """The dead-man's switch is noted for /metrics, and nobody is told that all is well."""
    async with start() as router:
        await router.accept(webhook_body(alert("w", labels={"alertname": "Watchdog"})))
        await router.settled()
        assert (await router.store.run(upkeep.census)).watchdog_at is not None
    assert workspace.calls == []


async def test_an_alert_that_came_and_went_during_an_outage_is_still_told(start, workspace, webhook_body, alert, fault):
    """Ten changes while Slack is down become one message; an alert between them is not lost."""
    workspace.fail("chat.postMessage", *[fault(status=503)] * 3)
    async with start() as router:
        for ends in range(10, 20):
            await router.accept(webhook_body(alert("a"), alert("b", 0, ends)))
        await router.accept(webhook_body(alert("a", 0, 60)))
        await router.settled()
    assert workspace.titles() == ["✅ Resolved: KafkaConsumerLagHigh after 1m"]
    assert workspace.replies(workspace.roots()[0]) == ["*2 came and went*: `topic=a`, `topic=b`\n*Resolved* after 1m."]
    assert workspace.count("chat.update") == 0


@pytest.mark.parametrize(
    ("truncated", "reason", "title"),
    [
        (3, "", "❔ Unclear: KafkaConsumerLagHigh"),
        (3, "some alerts resolved", "❔ Unclear: KafkaConsumerLagHigh"),
        (3, "all alerts resolved", "✅ Resolved: KafkaConsumerLagHigh after 1m"),
        (0, "", "✅ Resolved: KafkaConsumerLagHigh after 1m"),
    ],
)
async def test_a_cut_list_of_resolved_alerts_is_not_taken_for_the_end(
    start, workspace, webhook_body, alert, truncated, reason, title
):
    """max_alerts cuts before Alertmanager computes `status`: resolved there, while others still fire."""
    fields: dict[str, Any] = {"truncatedAlerts": truncated} | ({"notification_reason": reason} if reason else {})
    async with start() as router:
        await router.accept(webhook_body(alert("a"), truncatedAlerts=truncated))
        await router.accept(webhook_body(alert("a", 0, 60), **fields))
        await router.settled()
    assert workspace.titles() == [title]


@pytest.mark.parametrize(
    ("method", "trouble", "resolution"),
    [
        ("chat.postMessage", {"accepts": True, "drops": True}, "found"),
        ("chat.postMessage", {"accepts": True, "hangs": True}, "found"),
        ("chat.postMessage", {"accepts": True, "status": 500}, "found"),
        ("chat.postMessage", {"accepts": True, "body": {"ok": False, "error": "fatal_error"}}, "found"),
        ("chat.postMessage", {"accepts": True, "body": {"ok": True}}, "found"),
        ("chat.postMessage", {"drops": True}, "resent"),
        ("chat.postMessage", {"status": 500}, "resent"),
        ("chat.postMessage", {"body": {"ok": False, "error": "internal_error"}}, "resent"),
        ("chat.postMessage", {"status": 429, "headers": {"Retry-After": "0"}, "body": {"ok": False}}, None),
        ("chat.postMessage", {"body": {"ok": False, "error": "message_limit_exceeded"}}, None),
        ("chat.update", {"accepts": True, "drops": True}, None),
        ("chat.update", {"status": 502}, None),
        ("chat.update", {"status": 429, "headers": {"Retry-After": "0"}}, None),
    ],
)
async def test_no_failure_of_slack_loses_or_doubles(
    start, workspace, webhook_body, alert, fault, method, trouble, resolution
):
    """Whatever one call answers, one message and one reply an event are there in the end."""
    async with start() as router:
        workspace.fail(method, fault(**trouble))
        await router.accept(webhook_body(alert("a")))
        await router.settled()
        await router.accept(webhook_body(alert("a"), alert("b")))
        await router.settled()
        outcomes = {value: router.metrics.unknown_outcomes.labels(value)._value.get() for value in ("found", "resent")}
    assert workspace.titles() == ["🔥 Firing: KafkaConsumerLagHigh (2)"]
    assert len(workspace.replies(workspace.roots()[0])) == 2
    assert outcomes == {"found": 0, "resent": 0} | ({resolution: 1} if resolution else {})


@pytest.mark.parametrize("accepts", [True, False])
async def test_a_reply_of_unknown_outcome_is_looked_up_in_its_thread(
    start, workspace, webhook_body, alert, fault, accepts
):
    """History does not list replies: conversations.replies is asked, page after page."""
    async with start() as router:
        for count in range(1, 6):
            await router.accept(webhook_body(*(alert(str(name)) for name in range(count))))
            await router.settled()
        workspace.fail("chat.postMessage", fault(accepts=accepts, drops=True))
        await router.accept(webhook_body(*(alert(str(name), 0, 60) for name in range(5))))
        await router.settled()
    replies = workspace.replies(workspace.roots()[0])
    assert len(replies) == len(set(replies)) == 6
    assert workspace.count("conversations.replies") > 1
    assert workspace.count("conversations.history") == 0


@pytest.mark.parametrize(
    "code", ["message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found"]
)
async def test_a_refused_edit_becomes_a_new_message_that_links_back(start, workspace, webhook_body, alert, code):
    """Alertmanager's own updates fail for ever here; ours go on in a new message."""
    async with start() as router:
        await router.accept(webhook_body(alert("a")))
        await router.settled()
        workspace.refusals["chat.update"] = code
        await router.accept(webhook_body(alert("a"), alert("b")))
        await router.settled()
    old, new = workspace.roots()
    assert new["blocks"][0]["text"]["text"] == "🔥 Firing: KafkaConsumerLagHigh (2)"
    assert f"p{old['ts'].replace('.', '')}" in new["attachments"][0]["blocks"][-1]["elements"][0]["text"]
    assert workspace.replies(new) == ["*1 joined*: `topic=b`\n2 firing."]


async def test_a_deleted_message_is_replaced_without_a_link(start, workspace, webhook_body, alert):
    """Somebody deleted it: there is nothing to link to."""
    async with start() as router:
        await router.accept(webhook_body(alert("a")))
        await router.settled()
        workspace.messages.clear()
        await router.accept(webhook_body(alert("a", 0, 60)))
        await router.settled()
    (new,) = workspace.roots()
    assert new["blocks"][0]["text"]["text"] == "✅ Resolved: KafkaConsumerLagHigh after 1m"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("channel_not_found", "channel"),
        ("not_in_channel", "channel"),
        ("is_archived", "channel"),
        ("invalid_auth", "auth"),
        ("token_revoked", "auth"),
        ("invalid_blocks", "content"),
        ("some_new_word", "other"),
    ],
)
async def test_a_refusal_is_a_dead_letter_until_somebody_acts(start, workspace, webhook_body, alert, code, reason):
    """It is counted by reason, tried again slowly, and delivered once Slack takes it."""
    workspace.refusals["chat.postMessage"] = code
    async with start() as router:
        await router.accept(webhook_body(alert("a")))
        async with asyncio.timeout(5):
            while not (census := await router.store.run(upkeep.census)).dead_letters:
                await asyncio.sleep(0.005)
        assert census.dead_letters == {reason: 1}
        assert census.messages[0].dead_code == code
        del workspace.refusals["chat.postMessage"]
        await router.settled()
        assert (await router.store.run(upkeep.census)).dead_letters == {}
    assert len(workspace.roots()) == 1


async def test_a_clock_that_is_set_back_does_not_hold_a_delivery(start, workspace, webhook_body, alert):
    """A dead letter that waits for its next try gets it, though by the clock it is an hour away."""
    ahead = [timedelta(hours=1)]
    workspace.refusals["chat.postMessage"] = "is_archived"
    async with start(clock=lambda: datetime.now(UTC) + ahead[0]) as router:
        await router.accept(webhook_body(alert("a")))
        async with asyncio.timeout(5):
            while not (await router.store.run(upkeep.census)).dead_letters:
                await asyncio.sleep(0.005)
        ahead[0] = timedelta(0)
        del workspace.refusals["chat.postMessage"]
        await router.settled()
    assert len(workspace.roots()) == 1


async def test_a_dead_channel_does_not_hold_up_the_others(start, settings, workspace, webhook_body, alert):
    """A channel that does not exist costs only its own messages."""
    elsewhere = settings.model_copy(update={"default_channel": "#nowhere"})
    async with start(settings=elsewhere) as router:
        await router.accept(webhook_body(alert("x", labels={"alertname": "X"}), group="x"))
        await router.accept(webhook_body(alert("a")))
        async with asyncio.timeout(5):
            while not workspace.roots("kafka"):
                await asyncio.sleep(0.005)
    assert len(workspace.roots()) == 1


async def test_retry_after_holds_only_its_channel(start, workspace, webhook_body, alert, fault):
    """HTTP 429 for one channel; a message for another goes out meanwhile."""
    workspace.fail("chat.postMessage", fault(status=429, headers={"Retry-After": "300"}))
    async with start() as router:
        await router.accept(webhook_body(alert("a")))
        async with asyncio.timeout(5):
            while workspace.count("chat.postMessage") < 1:
                await asyncio.sleep(0.005)
        await router.accept(webhook_body(alert("x", labels={"alertname": "X"}), group="x"))
        async with asyncio.timeout(5):
            while not workspace.roots("alerts"):
                await asyncio.sleep(0.005)
        assert not workspace.roots("kafka")


async def test_a_channel_gets_one_call_in_each_gap(start, workspace, webhook_body, alert):
    """Five messages for one channel keep Slack's pace."""
    loop = asyncio.get_running_loop()
    async with start(pace=replace(Pace(), gap=0.1)) as router:
        begun = loop.time()
        for number in range(3):
            await router.accept(webhook_body(alert("a"), group=f"group {number}"))
        await router.settled()
    assert workspace.count("chat.postMessage") == 6
    assert loop.time() - begun >= 0.5
    assert [bool(message["thread_ts"]) for message in workspace.messages] == [False] * 3 + [True] * 3


async def test_an_unreachable_slack_is_waited_for(start, settings, workspace, webhook_body, alert):
    """Refused connections are counted and tried again; nothing is looked up, since nothing was sent."""
    nowhere = settings.slack.model_copy(update={"base_url": "http://127.0.0.1:9/api"})
    async with start(settings=settings.model_copy(update={"slack": nowhere})) as router:
        await router.accept(webhook_body(alert("a")))
        async with asyncio.timeout(5):
            while router.metrics.retries.labels("unreachable")._value.get() < 2:
                await asyncio.sleep(0.005)
    async with start() as router:
        await router.settled()
    assert len(workspace.roots()) == 1
    assert workspace.count("conversations.history") == 0


async def test_a_look_up_that_is_not_allowed_sends_again(start, workspace, webhook_body, alert, fault):
    """Without the scope to read, a doubled message is better than a lost alert; it is counted apart."""
    workspace.refusals["conversations.history"] = "missing_scope"
    workspace.fail("chat.postMessage", fault(status=500))
    async with start() as router:
        await router.accept(webhook_body(alert("a")))
        await router.settled()
        assert router.metrics.unknown_outcomes.labels("not_visible")._value.get() == 1
    assert len(workspace.roots()) == 1


async def test_a_look_up_that_fails_is_made_again(start, workspace, webhook_body, alert, fault):
    """Nothing is sent while the outcome is unknown."""
    workspace.fail("chat.postMessage", fault(accepts=True, drops=True))
    workspace.fail("conversations.history", fault(status=500), fault(status=429), fault(drops=True))
    async with start() as router:
        await router.accept(webhook_body(alert("a")))
        await router.settled()
    assert len(workspace.roots()) == 1
    assert workspace.count("conversations.history") == 4
