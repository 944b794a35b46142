"""What a real broker tells of groups and partitions: states, who reads what, topics that nobody reads any more."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from exporters.kafka_lag.placement import Placement
from exporters.kafka_lag.snapshot import Group, GroupState, Partition, Snapshot
from tests.integration.clients import commit, join, make_topic, produce, read, until


@asynccontextmanager
async def consuming(kafka: Any, topic: str, group: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of the classic protocol that has read a record."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=kafka.bootstrap,
        group_id=group,
        client_id="billing-1",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=1,
    )
    await consumer.start()
    try:
        await consumer.getone()
        await consumer.commit()
        yield consumer
    finally:
        await consumer.stop()


def only(snapshot: Snapshot) -> Group:
    (group,) = snapshot.groups
    return group


@pytest.fixture
async def other(kafka: Any) -> str:
    """Another topic, that a group used to read."""
    return await make_topic(kafka)


async def test_a_consumer_reads_one_topic_and_has_abandoned_the_other(kafka: Any, topic: str, other: str) -> None:
    """Told while it runs; when it has left, all is at rest and nothing is abandoned."""
    group = f"{topic}-billing"
    await produce(kafka, topic, 1, 1, 1)
    await commit(kafka, other, group, 0)

    async def state() -> Snapshot:
        return await read(kafka, f"{topic}|{other}", groups=group)

    async with consuming(kafka, topic, group):
        snapshot = await state()
        assert only(snapshot).state == GroupState.STABLE
        (member,) = only(snapshot).readers or ()
        assert (member.client, member.host, member.assigned) == ("billing-1", "/127.0.0.1", {topic: (0, 1, 2)})
        assert member.name.startswith("billing-1-")
        assert snapshot.abandoned(only(snapshot)) == {topic: False, other: True}
        assert snapshot.problems == ()
    snapshot = await until(state, lambda found: only(found).state == GroupState.EMPTY)
    assert snapshot.abandoned(only(snapshot)) == {topic: False, other: False}


async def test_a_group_of_the_new_protocol_tells_the_same(kafka: Any, topic: str, other: str) -> None:
    """One of KIP-848, which a request of its own describes."""
    group = f"{topic}-modern"
    for name in (topic, other):
        await commit(kafka, name, group, 0)
    await join(kafka, group, topic)
    snapshot = await until(
        lambda: read(kafka, f"{topic}|{other}", groups=group),
        lambda found: only(found).state == GroupState.STABLE and any(found.abandoned(only(found)).values()),
    )
    (member,) = only(snapshot).readers or ()
    assert {name: sorted(numbers) for name, numbers in member.assigned.items()} == {topic: [0, 1, 2]}
    assert member.host == "/127.0.0.1"
    assert snapshot.abandoned(only(snapshot)) == {topic: False, other: True}
    assert snapshot.problems == ()


async def test_members_of_a_group_of_the_new_protocol(kafka: Any, topic: str) -> None:
    """Those of KIP-848 are counted as those of classic groups are."""
    group = f"{topic}-modern"
    await commit(kafka, topic, f"{topic}-classic", 0)
    for _ in range(3):
        await join(kafka, group, topic)
    snapshot = await read(kafka, topic)
    assert snapshot.problems == ()
    assert [(found.name, found.members) for found in snapshot.groups] == [(f"{topic}-classic", 0), (group, 3)]


async def test_a_share_group_is_shown_with_its_state_alone(kafka: Any, topic: str) -> None:
    """It has no commits (KIP-932), and the groups beside it are whole."""
    await commit(kafka, topic, f"{topic}-billing", 0)
    await join(kafka, f"{topic}-shared", topic, share=True)
    snapshot = await read(kafka, topic)
    billing, shared = snapshot.groups
    assert shared == Group(f"{topic}-shared", None, {}, GroupState.STABLE)
    assert len(billing.committed) == 1
    assert snapshot.problems == ()


async def test_records_of_an_open_transaction_are_no_lag_for_who_reads_committed_ones(kafka: Any, topic: str) -> None:
    """They are from its end on, and so is the marker that ended it."""
    group, first = f"{topic}-billing", Partition(topic, 0)
    await produce(kafka, topic, 10)
    await commit(kafka, topic, group, 10)

    async def lags() -> tuple[int, int]:
        committed = await read(kafka, topic, isolation="read_committed")
        every = await read(kafka, topic)
        assert committed.problems == every.problems == ()
        return committed.lag(only(committed))[first], every.lag(only(every))[first]

    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=f"{topic}-writer")
    await producer.start()
    try:
        async with producer.transaction():
            for _ in range(5):
                await producer.send_and_wait(topic, b"x", partition=0)
            assert await lags() == (0, 5)
        assert await until(lags, lambda found: found[0] == found[1]) == (6, 6)
    finally:
        await producer.stop()


async def test_where_partitions_are(kafka: Any, topic: str) -> None:
    """All on the one broker there is, in sync; it has others' partitions too."""
    snapshot = await read(kafka, topic)
    (node,) = snapshot.nodes
    assert (node.number, node.address) == (1, kafka.bootstrap)
    assert node.leaders == node.replicas >= 3
    assert snapshot.placements == {topic: Placement.of([(number, 1, 1, 1, 1) for number in range(3)])}
