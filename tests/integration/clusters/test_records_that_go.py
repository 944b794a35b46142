"""Records that are deleted, expire, are compacted, or go with their topic: lag is what the broker's offsets say."""

import asyncio
import time
import uuid
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from exporters.kafka_lag.snapshot import Limits, Partition, Snapshot, by_topic

HUNDRED, HOUR = 100.0, 3_600.0
INTERVAL = 5.0


def new(name: str) -> str:
    """A name that no other test has."""
    return f"{name}-{uuid.uuid4().hex[:8]}"


async def test_a_topic_that_is_deleted_and_made_anew(three: Any, until: Any) -> None:
    """Its series go with it; the new one's lag is its own, and old commits are never lag below zero."""
    topic = new("reborn")
    await three.create(topic)
    await three.produce(topic, [10])
    await three.commit(topic, f"{topic}-billing", {0: 4})
    async with three.source(topic) as source:
        (group,) = (await source.read()).groups
        async with three.admin() as admin:
            await admin.delete_topics([topic])
        gone = await until(source.read, lambda found: not found.topics)
        assert (gone.ends, gone.oldest) == ({}, {})
        assert [gone.lag(group) for group in gone.groups] in ([], [{}])
        assert [gone.faults(group) for group in gone.groups] in ([], [{}])
        await three.create(topic)
        await three.produce(topic, [3])
        await three.commit(topic, f"{topic}-billing", {0: 1})
        again = await until(source.read, lambda found: found.ends == {Partition(topic, 0): 3} and found.groups)
        (group,) = again.groups
        assert again.lag(group) == {Partition(topic, 0): 2}
        (age,) = again.lag_seconds(group).values()
        assert 0 < age < INTERVAL + 30
        await three.commit(topic, f"{topic}-billing", {0: 9})
        beyond = await until(source.read, lambda found: found.groups[0].committed[Partition(topic, 0)] == 9)
        (group,) = beyond.groups
        assert beyond.lag(group) == {Partition(topic, 0): 0}
        assert beyond.lag_seconds(group) == {Partition(topic, 0): 0.0}
        assert beyond.faults(group)[topic].past_end == 1


async def test_a_topic_that_is_made_anew_between_two_collections(three: Any, until: Any) -> None:
    """What was known of the old one is not taken for the new one's, though that has more records."""
    topic = new("replaced")
    await three.create(topic)
    await three.produce(topic, [10], at=time.time() - HOUR)
    await three.commit(topic, f"{topic}-billing", {0: 9})
    async with three.source(topic) as source:
        old = await until(source.read, lambda found: found.lag_seconds(found.groups[0]))
        assert old.lag_seconds(old.groups[0])[Partition(topic, 0)] > HOUR / 2
        async with three.admin() as admin:
            await admin.delete_topics([topic])
            await until(admin.list_topics, lambda names: topic not in names)
        await three.create(topic)
        await three.produce(topic, [20])
        await three.commit(topic, f"{topic}-billing", {0: 4})
        anew = await until(source.read, lambda found: found.groups and found.lag_seconds(found.groups[0]))
        assert anew.lag(anew.groups[0]) == {Partition(topic, 0): 16}
        assert anew.lag_seconds(anew.groups[0])[Partition(topic, 0)] < 60
        assert anew.trends[f"{topic}-billing"].statuses == {}, "no rewind"


async def test_records_that_are_deleted_before_they_are_read(three: Any, until: Any) -> None:
    """DeleteRecords: those that were not read are lost, the rest is lag."""
    topic = new("trimmed")
    await three.create(topic, partitions=2)
    await three.produce(topic, [10, 10])
    await three.commit(topic, f"{topic}-billing", {0: 2, 1: 10})
    async with three.admin() as admin:
        asked = {TopicPartition(topic, number): RecordsToDelete(before_offset=7) for number in range(2)}
        await admin.delete_records(asked)
    trimmed = await until(lambda: three.read(topic), lambda found: set(found.oldest.values()) == {7})
    (group,) = trimmed.groups
    assert trimmed.lag(group) == {Partition(topic, 0): 8, Partition(topic, 1): 0}
    assert trimmed.faults(group)[topic].lost_records == 5
    assert trimmed.lag_seconds(group)[Partition(topic, 1)] == 0


async def test_records_that_expire_before_they_are_read(three: Any, until: Any) -> None:
    """Retention takes them all: what was not read is lost, and nothing is left that could have an age."""
    topic = new("expired")
    await three.create(topic, retention_ms="2000", segment_ms="500")
    await three.produce(topic, [10], at=time.time() - HOUR)
    await three.commit(topic, f"{topic}-billing", {0: 4})

    def expired(found: Snapshot) -> bool:
        # what is told before is right as well
        assert found.ends == {Partition(topic, 0): 10}
        assert [found.lag(group) for group in found.groups] == [{Partition(topic, 0): 6}]
        return found.oldest == {Partition(topic, 0): 10}

    async with three.source(topic) as source:
        found = await until(source.read, expired)
        (group,) = found.groups
        assert found.faults(group)[topic].lost_records == 6
        assert found.lag_seconds(group) == {Partition(topic, 0): 0.0}


def forecast(found: Snapshot, topic: str) -> float | None:
    """Seconds until retention deletes something that the topic's one group has not read."""
    (group,) = found.groups
    return found.retention_seconds(group, by_topic(found.lag_seconds(group), max), found.faults(group)).get(topic)


async def test_when_records_expire_is_told_before(three: Any, until: Any) -> None:
    """By the topic's own retention.ms: none goes sooner than was said, and once one has gone nothing is left to say."""
    topic = new("expiring")
    await three.create(topic, retention_ms="8000", segment_ms="500")
    await three.produce(topic, [10])
    await three.commit(topic, f"{topic}-billing", {0: 4})
    promised = []

    def lost(found: Snapshot) -> int:
        assert found.limits == {topic: Limits(8.0, by_size=False)}
        gone = found.faults(found.groups[0])[topic].lost_records
        if gone:
            assert forecast(found, topic) == 0.0
            # the age of a record that was written before the start is one interval from the truth at most
            assert max(promised) <= found.at + INTERVAL
        elif (seconds := forecast(found, topic)) is not None:
            promised.append(found.at + seconds)
        return gone

    async with three.source(topic) as source:
        assert await until(source.read, lost)
    assert promised


async def test_when_retention_by_size_reaches_what_is_unread_is_told_before(three: Any, until: Any) -> None:
    """A segment of ten records comes, and one goes, every hundred seconds; what is told is wrong by one at most."""
    topic = new("shrinking")
    await three.create(topic, retention_ms="-1", retention_bytes="2200000", segment_bytes="1048576")
    clock = time.time()
    told: dict[float, float] = {}
    async with three.source(topic, now=lambda: clock) as source, three.producer() as producer:

        async def segment() -> None:
            for _ in range(10):
                await producer.send_and_wait(topic, bytes(100_000), partition=0)

        for _ in range(3):
            await segment()
        await three.commit(topic, f"{topic}-billing", {0: 65})
        oldest = (await until(source.read, lambda found: found.groups)).oldest[Partition(topic, 0)]
        while oldest <= 65:
            await segment()
            clock += HUNDRED
            found = await until(source.read, lambda found, before=oldest: found.oldest[Partition(topic, 0)] > before)
            oldest = found.oldest[Partition(topic, 0)]
            assert found.limits == {topic: Limits(None, by_size=True)}
            if oldest <= 65 and (seconds := forecast(found, topic)) is not None:
                told[clock] = seconds
    assert forecast(found, topic) == 0.0
    assert len(told) >= 3
    assert {at: clock - at - seconds for at, seconds in told.items()} == {
        at: pytest.approx(0, abs=HUNDRED) for at in told
    }


async def test_a_compacted_topic(three: Any, until: Any) -> None:
    """Offsets have gaps where records were replaced; lag counts offsets, its age lies between the neighbours'."""
    topic = new("compacted")
    compaction = {"cleanup_policy": "compact", "min_cleanable_dirty_ratio": "0.01", "segment_ms": "100"}
    await three.create(topic, **compaction)
    now = time.time()
    async with three.producer() as producer:
        for number in range(40):
            at = round((now - HOUR + 60 * number) * 1000)
            await producer.send_and_wait(topic, b"x" * 100, key=b"same", partition=0, timestamp_ms=at)
        await asyncio.sleep(0.2)
        await producer.send_and_wait(topic, b"last", key=b"other", partition=0, timestamp_ms=round(now * 1000))
    await three.commit(topic, f"{topic}-billing", {0: 5})

    async with three.source(topic) as source:

        async def first_kept() -> int:
            await source.read()
            found = await source.timestamps_to_offsets({Partition(topic, 0): 0})
            return found[Partition(topic, 0)][0]

        oldest_record = await until(first_kept, lambda found: found > 5)
        found = await until(source.read, lambda found: found.lag_seconds(found.groups[0]))
        (group,) = found.groups
        assert oldest_record < 41
        assert found.oldest == {Partition(topic, 0): 0}, "compaction does not move the start"
        assert found.lag(group) == {Partition(topic, 0): 41 - 5}
        assert found.faults(group)[topic].lost_records == 0
        (age,) = found.lag_seconds(group).values()
        assert 0 < age <= HOUR + INTERVAL
