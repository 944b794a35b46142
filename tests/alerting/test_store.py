"""What the store keeps, and in which order it gives it out."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, inspect, select, text

from alerting.model import Intent, Method, Posted, Routed
from alerting.receive import receive
from alerting.store import inbox, open_store, outbox, upkeep
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


async def test_what_is_recorded_while_slack_is_brought_up_is_not_forgotten(store, record, alert):
    """Settling what was read leaves what came after undelivered."""
    await record(alert("a"))
    read = await store.run(outbox.load, 1)
    await record(alert("a"), alert("b"))
    await store.run(outbox.settle, read)
    assert await store.run(outbox.channels) == {"#kafka"}
    await store.run(outbox.settle, await store.run(outbox.load, 1))
    assert await store.run(outbox.channels) == frozenset()


async def test_groups_without_a_message_go_first(store, record, alert):
    """Then the longest waiting; what is put off goes when its time has come."""
    await record(alert("a"), group="shown")
    await store.run(outbox.posted, 1, Posted("C1", "1.0"), "digest", NOW)
    await record(alert("a"), group="second", at=NOW + timedelta(seconds=1))
    await record(alert("a"), group="third", at=NOW + timedelta(seconds=2))
    later = NOW + timedelta(seconds=10)
    assert (await store.run(outbox.due, "#kafka", later, LONGEST)).episode_id == 2
    await store.run(outbox.postpone, 2, later + timedelta(seconds=5), sent=False)
    assert (await store.run(outbox.due, "#kafka", later, LONGEST)).episode_id == 3
    await store.run(outbox.postpone, 3, later + timedelta(seconds=9), sent=False)
    assert (await store.run(outbox.due, "#kafka", later, LONGEST)).episode_id == 1
    await store.run(outbox.settle, await store.run(outbox.load, 1))
    waiting = await store.run(outbox.due, "#kafka", later, LONGEST)
    assert (waiting.episode_id, waiting.not_before) == (2, later + timedelta(seconds=5))
    assert await store.run(outbox.due, "#pods", later, LONGEST) is None


@pytest.mark.parametrize(("step", "ready"), [(0, False), (595, False), (596, True), (3600, True)])
async def test_a_clock_that_is_set_back_holds_nothing_for_longer_than_a_wait_may_last(
    store, record, alert, step, ready
):
    """Put off for 5 s; then the clock goes back by `step` seconds."""
    await record(alert("a"))
    until = NOW + timedelta(seconds=5)
    await store.run(outbox.postpone, 1, until, sent=False)
    earlier = NOW - timedelta(seconds=step)
    assert (await store.run(outbox.due, "#kafka", earlier, LONGEST)).not_before == (earlier if ready else until)


async def test_only_news_touches_a_message(record, alert):
    """The channels to wake are those with something new."""
    assert await record(alert("a")) == {"#kafka"}
    assert await record(alert("a")) == frozenset()
    assert await record(alert("a", -60)) == frozenset()
    assert await record(alert("a", 0, 9)) == {"#kafka"}


async def test_an_intent_survives_until_the_outcome_is_known(store, record, alert):
    """Put off with `sent`, it stays; confirmed, it is gone and its episode comes due at once."""
    await record(alert("a"))
    intent = Intent("delivery", Method.POST, "digest", {}, NOW)
    await store.run(outbox.begin, 1, intent, NOW + timedelta(seconds=3))
    assert (await store.run(outbox.due, "#kafka", NOW, LONGEST)).not_before == NOW + timedelta(seconds=3)
    await store.run(outbox.postpone, 1, NOW, sent=True)
    assert (await store.run(outbox.load, 1)).intent == intent
    await store.run(outbox.posted, 1, Posted("C1", "1.0"), intent.digest, NOW)
    loaded = await store.run(outbox.load, 1)
    assert (loaded.intent, loaded.root, loaded.shown) == (None, Posted("C1", "1.0"), "digest")


async def test_closed_messages_are_forgotten_after_their_time(store, record, alert):
    """Open ones never; one that Slack never showed as it ended is counted."""
    await record(alert("a"), group="open")
    await record(alert("a", 0, 9), group="delivered")
    await store.run(outbox.settle, await store.run(outbox.load, 2))
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
        await store.run(inbox.beat, f"print-{number}", NOW + timedelta(seconds=number))
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
