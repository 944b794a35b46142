"""What the store keeps, and in which order it gives it out."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, inspect, select, text

from alerting.model import Intent, Method, Posted, Routed
from alerting.pace import Work
from alerting.receive import receive
from alerting.store import inbox, open_store, outbox, upkeep, watch
from alerting.store.leases import Busy, LeaseLost
from alerting.store.outbox import Head
from alerting.store.schema import metadata, watchdogs

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
LONGEST = timedelta(minutes=10)
SCHEMA_1 = Path(__file__).parent / "schema_1.sql"


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request, tmp_path):
    """Of an empty database."""
    if request.param == "sqlite":
        return str(tmp_path / "router.db")
    return request.getfixturevalue("postgresql").new()


@pytest.fixture
async def store(address):
    made = await open_store(address)
    yield made
    await made.close()


@pytest.fixture
def record(store, webhook_body, alert):
    async def run(*alerts, at=NOW, group="g", channel="#kafka"):
        notification = receive(webhook_body(*alerts, group=group))
        return await store.run(inbox.record, notification, [Routed(item, channel) for item in notification.alerts], at)

    return run


@pytest.fixture
def agenda(store):
    """What is to be done, as pairs of episode and kind of call."""

    async def look(at=NOW):
        found = await store.run(outbox.agenda, at, LONGEST)
        return [(head.episode_id, head.work.value) for head in found.heads]

    return look


@pytest.fixture
def take(store):
    """Take an episode's channel; ``lease, episode = await take(1)``."""

    async def claim(episode_id, at=NOW, work=Work.POST, channel="#kafka", seconds=30):
        head = Head(episode_id, channel, work, (False, 0, False, at, episode_id))
        return await store.run(outbox.take, head, at, at + timedelta(seconds=seconds), LONGEST)

    return claim


@pytest.fixture
def post(store, take):
    """Let Slack have the message of an episode."""

    async def run(episode_id, at=NOW, fresh=True):
        lease, episode = await take(episode_id, at)
        await store.run(outbox.posted, lease, episode, Posted("C1", "1.0"), "digest", at, at, fresh=fresh)

    return run


@pytest.fixture
def settle(store, take):
    """Say that Slack shows all of an episode."""

    async def run(episode_id):
        await store.run(outbox.settle, *await take(episode_id))

    return run


async def test_what_is_recorded_while_slack_is_brought_up_is_not_forgotten(store, record, alert, take, settle):
    """Settling what was read leaves what came after undelivered."""
    await record(alert("a"))
    lease, read = await take(1)
    await record(alert("a"), alert("b"))
    await store.run(outbox.settle, lease, read)
    assert await store.run(outbox.channels) == {"#kafka"}
    await settle(1)
    assert await store.run(outbox.channels) == frozenset()


async def test_the_worst_goes_first_then_new_messages_then_the_oldest(store, record, alert, agenda, post, take):
    """For each kind of call one head; what a thread is told goes last. What is put off goes when its time has come."""

    def at(seconds):
        return NOW + timedelta(seconds=seconds)

    def of(severity):
        return alert("a", labels={"severity": severity})

    await record(of("warning"), group="shown")
    await post(1)
    await record(of("info"), group="info", at=at(1))
    await record(of("odd"), group="odd", at=at(2))
    await record(of("critical"), group="critical", at=at(3))
    assert await agenda(at(9)) == [(4, "post"), (1, "reply")]
    await post(4, at(9))
    await record(of("critical"), alert("b"), group="critical", at=at(10))
    assert await agenda(at(11)) == [(4, "edit"), (2, "post"), (1, "reply")]
    lease, episode = await take(2, at(11))
    await store.run(outbox.postpone, lease, episode, at(20), sent=False)
    assert await agenda(at(12)) == [(4, "edit"), (3, "post"), (1, "reply")]
    assert (await store.run(outbox.agenda, at(12), LONGEST)).next_at == at(20)
    assert await agenda(at(20)) == [(4, "edit"), (2, "post"), (1, "reply")]


@pytest.mark.parametrize(("step", "ready"), [(0, False), (595, False), (596, True), (3600, True)])
async def test_a_clock_that_is_set_back_holds_nothing_for_longer_than_a_wait_may_last(
    store, record, alert, agenda, take, step, ready
):
    """Put off for 5 s; then the clock goes back by `step` seconds."""
    await record(alert("a"))
    until = NOW + timedelta(seconds=5)
    lease, episode = await take(1)
    await store.run(outbox.postpone, lease, episode, until, sent=False, opens_at=until)
    earlier = NOW - timedelta(seconds=step)
    assert bool(await agenda(earlier)) is ready
    assert isinstance(await take(1, earlier), Busy) is not ready


async def test_a_channel_is_one_routers_at_a_time(store, record, alert, take):
    """Until it is given back, or its time is over; then the former one can write nothing."""
    await record(alert("a"))
    lease, episode = await take(1, seconds=30)
    assert await take(1, NOW + timedelta(seconds=29)) == Busy(NOW + timedelta(seconds=30))
    after, _ = await take(1, NOW + timedelta(seconds=30))
    intent = Intent("delivery", Method.POST, "digest", {}, NOW)
    for write in (
        (outbox.begin, lease, 1, intent, 0, NOW, LONGEST),
        (outbox.edited, lease, episode, "digest", 0, NOW),
        (outbox.resend, lease, episode, None, NOW),
        (outbox.settle, lease, episode),
    ):
        with pytest.raises(LeaseLost):
            await store.run(*write)
    assert await store.run(outbox.load, 1) == episode
    await store.run(outbox.begin, after, 1, intent, 0, NOW + timedelta(seconds=60), LONGEST)
    assert await take(1, NOW + timedelta(seconds=59)) == Busy(NOW + timedelta(seconds=60))


async def test_the_pace_of_a_channel_is_that_of_all_routers(store, record, alert, take):
    """Who posts next waits for the gap after the other's post; an edit need not."""
    await record(alert("a"))
    lease, episode = await take(1)
    opens = NOW + timedelta(seconds=1)
    await store.run(outbox.posted, lease, episode, Posted("C1", "1.0"), "digest", NOW, opens, fresh=True)
    assert await take(1, NOW, Work.REPLY) == Busy(opens)
    assert not isinstance(await take(1, NOW, Work.EDIT), Busy)


async def test_of_two_routers_one_gets_the_channel(address, store, record, alert):
    """At the very same time."""
    await record(alert("a"))
    other = await open_store(address)
    head = Head(1, "#kafka", Work.POST, (False, 0, False, NOW, 1))
    until = NOW + timedelta(seconds=30)
    taken = await asyncio.gather(
        *(router.run(outbox.take, head, NOW, until, LONGEST) for router in (store, other) for _ in range(4))
    )
    assert sum(not isinstance(found, Busy) for found in taken) == 1
    await other.close()


async def test_only_news_touches_a_message(record, alert):
    """The channels to wake are those with something new."""
    assert await record(alert("a")) == {"#kafka"}
    assert await record(alert("a")) == frozenset()
    assert await record(alert("a", -60)) == frozenset()
    assert await record(alert("a", 0, 9)) == {"#kafka"}


async def test_an_intent_survives_until_the_outcome_is_known(store, record, alert, take, agenda):
    """Put off with `sent`, it stays; confirmed, it is gone and its episode comes due at once."""
    await record(alert("a"))
    intent = Intent("delivery", Method.POST, "digest", {}, NOW)
    settle = timedelta(seconds=3)
    lease, episode = await take(1)
    lease = await store.run(outbox.begin, lease, 1, intent, 7, NOW + settle, settle)
    assert await agenda(NOW) == []
    assert await agenda(NOW + settle) == [(1, "look_up")]
    await store.run(outbox.postpone, lease, episode, NOW, sent=True)
    lease, episode = await take(1)
    assert (episode.intent, episode.delayed) == (intent, 7)
    await store.run(outbox.posted, lease, episode, Posted("C1", "1.0"), intent.digest, NOW, NOW, fresh=False)
    assert await agenda(NOW) == [(1, "edit")]
    loaded = await store.run(outbox.load, 1)
    assert (loaded.intent, loaded.root, loaded.shown) == (None, Posted("C1", "1.0"), "digest")


async def test_closed_messages_are_forgotten_after_their_time(store, record, alert, settle):
    """Open ones never; one that Slack never showed as it ended is counted."""
    await record(alert("a"), group="open")
    await record(alert("a", 0, 9), group="delivered")
    await settle(2)
    await record(alert("a", 0, 9), group="undelivered")
    assert await store.run(upkeep.purge, NOW) == 0
    assert await store.run(upkeep.purge, NOW + timedelta(seconds=1)) == 1
    assert (await store.run(upkeep.census)).open_messages == 1
    await record(alert("a", 0, 9), group="new")
    assert (await store.run(outbox.load, 4)).group.key == "new"


async def test_resolved_alerts_of_an_open_message_are_forgotten_after_their_time(store, record, alert):
    """A message that stays open for months does not grow; what fires stays."""
    await record(alert("old", 0, 9), alert("fires"))
    await record(alert("new", 0, 9), at=NOW + timedelta(seconds=9))
    await store.run(upkeep.purge, NOW + timedelta(seconds=9))
    assert sorted(each.fingerprint for each in (await store.run(outbox.load, 1)).alerts) == ["print-fires", "print-new"]


async def test_a_message_of_unknown_state_keeps_its_alerts(store, alert, webhook_body):
    """All that is known of it is resolved, and it must show something."""
    notification = receive(webhook_body(alert("a", 0, 9), truncatedAlerts=3))
    await store.run(inbox.record, notification, [Routed(item, "#kafka") for item in notification.alerts], NOW)
    await store.run(upkeep.purge, NOW + timedelta(days=9))
    assert len((await store.run(outbox.load, 1)).alerts) == 1


async def test_of_all_watchdogs_the_last_beat_counts(store):
    """One row, however many Prometheus servers come and go."""
    for number in range(3):
        await store.run(watch.beat, f"print-{number}", NOW + timedelta(seconds=number))
    assert (await store.run(upkeep.census)).watchdog_at == NOW + timedelta(seconds=2)
    assert await store.run(lambda connection: connection.scalar(select(func.count()).select_from(watchdogs))) == 1


async def test_an_alert_named_twice_in_one_body_counts_once(store, record, alert):
    """Alertmanager does not, but a body may."""
    await record(alert("a"), alert("a"))
    assert len((await store.run(outbox.load, 1)).alerts) == 1


async def test_ten_thousand_alerts_of_one_group_are_kept(store, record, alert):
    """About what the largest body holds."""
    many = [alert(str(number)) for number in range(10_000)]
    await record(*many)
    assert len((await store.run(outbox.load, 1)).alerts) == 10_000
    await record(*(alert(str(number), 0, 9) for number in range(10_000)), at=NOW + timedelta(seconds=9))
    assert (await store.run(outbox.load, 1)).closed_at == NOW + timedelta(seconds=9)


async def test_replicas_that_hear_of_a_group_at_once_make_one_message(address, webhook_body, alert):
    """Whoever comes second finds what the first has opened."""
    replicas = [await open_store(address) for _ in range(3)]
    notification = receive(webhook_body(alert("a")))
    routed = [Routed(item, "#kafka") for item in notification.alerts]
    await asyncio.gather(*(replica.run(inbox.record, notification, routed, NOW) for replica in replicas for _ in "123"))
    assert (await replicas[0].run(upkeep.census)).open_messages == 1
    for replica in replicas:
        await replica.close()


def columns(connection):
    """What each table of the database has."""
    look = inspect(connection)
    return {table: {column["name"] for column in look.get_columns(table)} for table in look.get_table_names()}


async def test_the_first_schema_becomes_the_newest(address):
    """A database of the first release is brought to the tables of a new one; what it holds stays."""
    first = await open_store(address)
    newest = await first.run(columns)
    await first.run(metadata.drop_all)
    await first.run(lambda connection: [connection.execute(text(sql)) for sql in SCHEMA_1.read_text().split(";")[:-1]])
    await first.close()
    migrated = await open_store(address)
    assert await migrated.run(columns) == newest
    assert (await migrated.run(outbox.load, 1)).channel == "#kafka"
    await migrated.close()
