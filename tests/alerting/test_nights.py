"""A night: what is held back, what is not, and the digest in the morning."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from alerting.config import LinkSettings, RouterSettings
from alerting.model import Alert, Episode, Group, Hold, Status, Suppression
from alerting.night import morning
from alerting.page import page
from alerting.plan import Post, Reason
from alerting.render import render
from alerting.store import upkeep

EVENING = datetime(2026, 11, 22, 13, 30, tzinfo=UTC)
"""22:30 in Seoul; long ago, for the workspace stamps what it takes with the time of the test."""

MORNING = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)
HOLD = Hold(MORNING, "Asia/Seoul")


@pytest.fixture
def clock(clock):
    """In the evening."""
    clock.now = EVENING
    return clock


@pytest.fixture
def quiet(settings):
    """Settings of a router with quiet hours, and with an escalation that must not disturb them."""
    made = settings.model_dump(mode="json", exclude_none=True) | {
        "slack": {"token": "xoxb-test-1", "base_url": settings.slack.base_url},
        "timezone": "Asia/Seoul",
        "quiet_hours": {},
        "escalation": [{"after": "1h", "channel": "#pods"}],
    }
    return RouterSettings.model_validate(made)


@pytest.fixture
def told(alert, webhook_body):
    """A body with one alert of this severity; times are seconds after the evening."""

    def make(name, severity="info", starts=0, ends=None, **fields):
        begun = (EVENING - datetime(2026, 11, 23, 4, 40, 52, 568000, tzinfo=UTC)).total_seconds()
        labels = {"alertname": "Lag", "severity": severity, "signal": "kafka_lag", "topic": name}
        made = alert(name, begun + starts, None if ends is None else begun + ends, labels=labels)
        return webhook_body(made, group=f"{{}}:{{{fields.get('group', name)}}}", groupLabels={"alertname": "Lag"})

    return make


def titles(workspace):
    """The first line of each message."""
    return [root["blocks"][0]["text"]["text"] for root in workspace.roots()]


async def test_a_held_alert_is_told_in_the_morning(start, quiet, workspace, clock, told):
    """In the digest, over or not; what still fires has its message then, on time and not escalated before."""
    async with start(settings=quiet, clock=clock) as router:
        await router.accept(told("short"))
        await router.accept(told("short", ends=600))
        await router.accept(told("long"))
        await router.settled()
        await router.pipeline.escalation.look(timedelta(hours=1))
        clock.now = MORNING - timedelta(seconds=1)
        await router.pipeline.mornings.look()
        await router.pipeline.escalation.look(timedelta(hours=1))
        await router.settled()
        assert workspace.messages == []
        census = await router.store.run(upkeep.census)
        assert (census.held, census.oldest_undelivered) == (2, None)
        assert page(census, clock.now).count("<td>held until 07:00 Asia/Seoul") == 2
        clock.now = MORNING
        await router.pipeline.mornings.look()
        await router.pipeline.escalation.look(timedelta(hours=1))
        await router.settled()
        assert titles(workspace) == [
            "*☀️ 2 alerts were held until 07:00 Asia/Seoul: 1 still fires*",
            "🔥 Firing: Lag",
        ]
        digest = workspace.roots()[0]["blocks"][1]["text"]["text"]
        assert "`topic=short` 97 since <!date^1795354200^" in digest
        assert ", over after 10m" in digest
        assert ", still firing" in digest
        assert "late" not in str(workspace.roots()[1])
        clock.now = MORNING + timedelta(minutes=59)
        await router.accept(told("long", ends=9 * 3600))
        await router.settled()
        await router.pipeline.mornings.look()
        await router.settled()
        assert (await router.store.run(upkeep.census)).held == 0
    assert titles(workspace)[1:] == ["✅ Resolved: Lag after 9h"]


@pytest.mark.parametrize("severity", ["warning", "critical"])
async def test_what_becomes_severe_in_the_night_is_told_at_once(start, quiet, workspace, clock, told, severity):
    """With all of its group; the morning does not tell it again."""
    async with start(settings=quiet, clock=clock) as router:
        await router.accept(told("a", group="g"))
        await router.settled()
        assert workspace.roots() == []
        await router.accept(told("b", severity, group="g"))
        await router.settled()
        assert titles(workspace) == ["🔥 Firing: Lag (2)"]
        clock.now = MORNING
        await router.pipeline.mornings.look()
        await router.settled()
    assert len(workspace.roots()) == 1


async def test_a_message_that_is_there_is_kept_true_at_night(start, quiet, workspace, clock, told):
    """Nobody is called by an edit."""
    clock.now = EVENING - timedelta(hours=1)
    async with start(settings=quiet, clock=clock) as router:
        await router.accept(told("a", starts=-3600))
        await router.settled()
        clock.now = EVENING
        await router.accept(told("a", starts=-3600, ends=0))
        await router.settled()
    assert titles(workspace) == ["✅ Resolved: Lag after 1h"]


async def test_a_reminder_does_not_wake_anybody(start, quiet, workspace, clock, told):
    """Nor does the list of Alertmanager: what is held stays so."""
    async with start(settings=quiet, clock=clock) as router:
        await router.accept(told("a"))
        clock.now = EVENING + timedelta(hours=4)
        await router.accept(told("a"))
        await router.settled()
    assert workspace.roots() == []


async def test_a_night_outlives_a_restart(start, quiet, workspace, clock, told, fuse):
    """Killed at any boundary of the morning: each alert is told, once."""
    for left in range(0, 32, 4):
        workspace.messages.clear()
        mine = quiet.model_copy(update={"store": quiet.store.replace("router.db", f"{left}.db")})
        clock.now = EVENING
        async with start(settings=mine, clock=clock) as router:
            await router.accept(told("over"))
            await router.accept(told("over", ends=60))
            await router.accept(told("open"))
            await router.settled()
        clock.now = MORNING
        async with start(settings=mine, clock=clock, fuse=fuse(left)) as router:
            await asyncio.wait([router.task], timeout=0.5)  # killed, or it has told all that there is
        clock.now = MORNING + timedelta(minutes=2)
        async with start(settings=mine, clock=clock) as router:
            await router.pipeline.mornings.look()
            await router.settled()
        assert sorted(titles(workspace)) == [
            "*☀️ 2 alerts were held until 07:00 Asia/Seoul: 1 still fires*",
            "🔥 Firing: Lag",
        ], left


def episode(name, *alerts):
    return Episode(
        id=1,
        group=Group("{}:{}", {"alertname": name}, ""),
        channel="#kafka",
        alerts=alerts,
        since=EVENING,
    )


def one(topic, **fields):
    labels = {"alertname": "Lag", "severity": "info", "topic": topic}
    annotations = {"summary": "It <lags>", "value": "97", "dashboard_url": "/d/kafka", "runbook_url": "/runbooks/Lag"}
    made = {"status": Status.FIRING, "ends_at": None, "suppressed": None} | fields
    return Alert(f"print-{topic}", starts_at=EVENING, labels=labels, annotations=annotations, **made)


def test_the_digest_of_a_night(golden, check_limits):
    """Each alert with when, how long and how it stands; links to the dashboard and the runbook."""
    over = {"status": Status.RESOLVED, "ends_at": EVENING + timedelta(minutes=20)}
    held = [
        episode("Lag", one("orders"), one("users", suppressed=Suppression.SILENCED), one("old", **over)),
        episode("Full", one("disk", **over)),
    ]
    (notice,) = morning(held, HOLD, LinkSettings(dashboards="http://g.example", runbooks="http://r.example"))
    message = render(Post(Reason.FIRST, notice, None))
    check_limits(message.text, message.blocks, message.attachments)
    golden(
        "night.json", json.dumps({"text": message.text, "blocks": message.blocks}, indent=1, ensure_ascii=False) + "\n"
    )


@examples(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.text(max_size=300), min_size=1, max_size=60), min_size=1, max_size=6))
def test_a_digest_of_any_size_names_every_alert(check_limits, groups):
    """In as few messages as Slack takes; whatever the labels hold."""
    held = [
        episode("Lag", *(one(f"{place}-{number} {text}") for number, text in enumerate(texts)))
        for place, texts in enumerate(groups)
    ]
    notices = morning(held, HOLD, LinkSettings())
    text = ""
    for notice in notices:
        message = render(Post(Reason.FIRST, notice, None))
        check_limits(message.text, message.blocks, message.attachments)
        text += "\n".join(block["text"]["text"] for block in message.blocks)
    assert text.count("still firing") == sum(len(texts) for texts in groups)
    for place, texts in enumerate(groups):
        assert all(f"topic={place}-{number}" in text for number in range(len(texts)))
