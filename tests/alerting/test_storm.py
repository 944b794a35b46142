"""More groups than Slack takes messages: critical ones have their own, others share digests that name each alert."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from alerting.store import upkeep
from alerting.storm import BIG, LISTED, OVERFLOW, Waiting, fold, leaves


@pytest.mark.parametrize(
    ("sizes", "chosen"),
    [
        ([1] * OVERFLOW, 0),
        ([1] * (OVERFLOW + 1), OVERFLOW + 1),
        ([1] * 100, LISTED),
        ([BIG + 1] * 100, 0),
        ([BIG] * 100, LISTED // BIG),
        ([BIG + 1] * OVERFLOW + [1], 0),
        ([BIG] * 3 + [5] * 10 + [3], 5),
    ],
)
def test_a_digest_takes_the_first_for_which_it_has_room(sizes, chosen):
    """None when few wait; big groups keep their own message; one alone shares with nobody."""
    folded = fold([Waiting(number, size) for number, size in enumerate(sizes)])
    assert len(folded) == chosen
    assert list(folded) == sorted(folded)
    assert sum(sizes[number] for number in folded) <= LISTED


@pytest.mark.parametrize(
    ("urgency", "firing", "alerts", "gone"),
    [(1, 1, LISTED, False), (0, 1, 1, True), (0, 0, 1, False), (2, 1, LISTED + 1, True)],
)
def test_what_becomes_critical_or_does_not_fit_leaves(urgency, firing, alerts, gone):
    """It gets a message of its own."""
    assert leaves(urgency, firing, alerts) is gone


THIRTEEN = [number for number in range(1, 15) if number != 10]
"""None of them critical."""


def of(alert, name, severity="warning", ends=None):
    labels = {"alertname": name, "signal": "kafka_lag", "severity": severity, "topic": name.lower()}
    return alert(name, 0, ends, labels=labels)


@pytest.fixture
def storm(settings, webhook_body, alert):
    """Tell a router of so many groups, every tenth critical, while it can't post."""

    async def tell(router, numbers, ends=None):
        bodies = []
        for number in numbers:
            name = f"Lag{number:02}"
            one = of(alert, name, "critical" if number % 10 == 0 else "warning", ends)
            bodies.append(webhook_body(one, group=name, groupLabels={"alertname": name}))
        await asyncio.gather(*map(router.accept, bodies))

    return tell


@pytest.fixture
def held(workspace):
    """While set, Slack takes no messages."""
    workspace.refusals["chat.postMessage"] = "ratelimited"
    return workspace.refusals


def texts(message):
    return [block["text"]["text"] for block in message["attachments"][0]["blocks"] if "text" in block]


async def test_a_storm_is_few_messages_that_name_every_alert(start, workspace, storm, held):
    """Thirty groups at once: the three critical ones first, each for itself, and one digest of the rest."""
    async with start() as router:
        await storm(router, range(30))
        held.clear()
        await router.settled()
    titles = workspace.titles("kafka")
    assert sorted(titles[:3]) == [f"🔥 Firing: Lag{number}0" for number in range(3)]
    assert titles[3:] == ["🔥 Firing: Digest of 27 groups (27)"]
    told = "\n".join(texts(workspace.roots()[3]))
    assert all(f"alertname=Lag{number:02}" in told for number in range(30) if number % 10)
    assert not any("more" in line for line in told.splitlines()[2:])


async def test_a_digest_lives_like_any_message(start, workspace, storm, held, fault):
    """Edited as its groups end, also after a kill; green when all are over; one message all the time."""
    async with start() as router:
        await storm(router, THIRTEEN)
        held.clear()
        workspace.fail("chat.postMessage", fault(accepts=True, drops=True))
        await router.settled()
    assert workspace.titles() == ["🔥 Firing: Digest of 13 groups (13)"]
    async with start() as router:
        await storm(router, THIRTEEN[:9], ends=60)
        await router.settled()
        assert workspace.titles() == ["🔥 Firing: Digest of 13 groups (4 of 13)"]
        assert "• ✓ `alertname=Lag01" in "\n".join(texts(workspace.roots()[0]))
        await storm(router, THIRTEEN[9:], ends=70)
        await router.settled()
        assert workspace.titles() == ["✅ Resolved: Digest of 13 groups after 1m 10s"]
        census = await router.store.run(upkeep.census)
    assert (census.open_messages, census.oldest_undelivered) == (0, None)


async def test_what_becomes_critical_gets_a_message_of_its_own(start, workspace, storm, held, webhook_body, alert):
    """And leaves the digest."""
    async with start() as router:
        await storm(router, THIRTEEN)
        held.clear()
        await router.settled()
        worse = of(alert, "Lag01", "critical")
        worse["fingerprint"] = "worse"
        body = webhook_body(of(alert, "Lag01"), worse, group="Lag01", groupLabels={"alertname": "Lag01"})
        await router.accept(body)
        await router.settled()
    digest, own = workspace.roots()
    assert digest["blocks"][0]["text"]["text"] == "🔥 Firing: Digest of 12 groups (12)"
    assert own["blocks"][0]["text"]["text"] == "🔥 Firing: Lag01 (2)"
    assert "Lag01" not in "\n".join(texts(digest))


async def test_a_deleted_digest_is_posted_anew(start, workspace, storm, held):
    """With what it shows by then."""
    async with start() as router:
        await storm(router, THIRTEEN)
        held.clear()
        await router.settled()
        workspace.messages.clear()
        await storm(router, THIRTEEN[:1], ends=60)
        await router.settled()
    assert workspace.titles() == ["🔥 Firing: Digest of 13 groups (12 of 13)"]


async def test_a_message_that_is_late_says_so(start, workspace, webhook_body, alert, held):
    """Until it shows a state in time."""
    ahead = timedelta(0)
    async with start(clock=lambda: datetime.now(UTC) + ahead) as router:
        await router.accept(webhook_body(alert("a")))
        async with asyncio.timeout(5):
            while not workspace.count("chat.postMessage"):
                await asyncio.sleep(0.005)
        ahead = timedelta(minutes=10)
        held.clear()
        await router.settled()
        (root,) = workspace.roots()
        assert root["attachments"][0]["blocks"][-1]["elements"][0]["text"].startswith("⏳ Shown 10m")
        calls = workspace.count("chat.update")
        await router.accept(webhook_body(alert("a"), alert("b")))
        await router.settled()
    assert workspace.count("chat.update") == calls + 1
    assert "late" not in str(workspace.roots()[0]["attachments"])
