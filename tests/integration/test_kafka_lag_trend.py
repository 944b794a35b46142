"""How groups fare on a real broker: one that stops, one that stalls, one whose offset is set back; and retention.

The window counts collections, so a test collects as fast as it can; the clock is the test's.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete

from exporters.kafka_lag.config import Cluster, Filter
from exporters.kafka_lag.snapshot import Limits, Snapshot, TopicStatus, by_topic
from exporters.kafka_lag.source import KafkaSource
from exporters.kafka_lag.trend import WINDOW_COLLECTIONS

INTERVAL = 12.0
HOUR = 3_600.0


@dataclass
class Scene:
    """A topic with one partition that keeps its records for an hour, a group, and who watches it."""

    bootstrap: str
    topic: str
    source: KafkaSource
    producer: AIOKafkaProducer
    now: float

    @property
    def group(self) -> str:
        """Its one group."""
        return f"{self.topic}-billing"

    async def produce(self, count: int, age: float = 0.0) -> None:
        """Write records that are `age` seconds old."""
        at = round((self.now - age) * 1000)
        sent = [await self.producer.send(self.topic, b"x", partition=0, timestamp_ms=at) for _ in range(count)]
        await asyncio.gather(*sent)

    @asynccontextmanager
    async def member(self) -> AsyncIterator[AIOKafkaConsumer]:
        """Be a member of the group that has joined."""
        settings = {"group_id": self.group, "enable_auto_commit": False, "auto_offset_reset": "earliest"}
        consumer = AIOKafkaConsumer(self.topic, bootstrap_servers=self.bootstrap, **settings)
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()

    async def commit(self, consumer: AIOKafkaConsumer, offset: int) -> None:
        """Have read the records before `offset`."""
        await consumer.commit({TopicPartition(self.topic, 0): offset})

    async def collect(self) -> Snapshot:
        """One collection, an interval after the one before."""
        self.now += INTERVAL
        snapshot = await self.source.read()
        assert snapshot.problems == ()
        return snapshot

    async def status(self, collections: int = 1) -> TopicStatus | None:
        """The group's status in the last of so many collections."""
        for _ in range(collections):
            snapshot = await self.collect()
        return snapshot.trends[self.group].statuses.get(self.topic)

    async def retention(self) -> float | None:
        """Seconds until something unread is deleted."""
        snapshot = await self.collect()
        (group,) = snapshot.groups
        ages = by_topic(snapshot.lag_seconds(group), max)
        return snapshot.retention_seconds(group, ages, snapshot.faults(group)).get(self.topic)


@pytest.fixture
async def scene(kafka: Any) -> AsyncIterator[Scene]:
    """A new topic with 20 records of twenty minutes ago."""
    topic = f"fared-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1, topic_configs={"retention.ms": "3600000"})])
    finally:
        await admin.close()
    filters = {"topics": Filter(include=topic), "groups": Filter(include=f"{topic}-billing")}
    cluster = Cluster(bootstrap_servers=(kafka.bootstrap,), **filters)
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, linger_ms=2)
    scene = Scene(kafka.bootstrap, topic, KafkaSource(cluster, 5, INTERVAL, lambda: scene.now), producer, time.time())
    await producer.start()
    try:
        await scene.produce(20, age=1_200)
        yield scene
    finally:
        await producer.stop()
        await scene.source.close()


async def test_a_group_that_stops(scene: Scene) -> None:
    """Away, it is well while all is read, and has stopped once it has left something for as long as the window."""
    async with scene.member() as consumer:
        await scene.commit(consumer, 20)
        assert await scene.status() is TopicStatus.OK
    assert await scene.status(WINDOW_COLLECTIONS + 1) is TopicStatus.OK
    await scene.produce(5)
    assert await scene.status() is TopicStatus.OK
    assert await scene.status(WINDOW_COLLECTIONS) is TopicStatus.STOP


async def test_a_group_that_stalls(scene: Scene) -> None:
    """A member is there and does not commit; when it does again, and catches up, all is well."""
    async with scene.member() as consumer:
        await scene.commit(consumer, 5)
        assert await scene.status(WINDOW_COLLECTIONS) is None
        assert await scene.status() is TopicStatus.STALL
        await scene.commit(consumer, 6)
        assert await scene.status() is TopicStatus.OK
        await scene.commit(consumer, 20)
        snapshot = await scene.collect()
        assert snapshot.trends[scene.group].catch_up == {scene.topic: 0.0}
    assert await scene.status() is TopicStatus.OK


async def test_a_group_whose_offset_is_set_back(scene: Scene) -> None:
    """Though all had been read before; until all has been read again."""
    async with scene.member() as consumer:
        await scene.commit(consumer, 20)
        assert await scene.status() is TopicStatus.OK
        await scene.commit(consumer, 2)
        assert await scene.status() is TopicStatus.REWIND
        await scene.commit(consumer, 15)
        assert await scene.status() is TopicStatus.REWIND
        await scene.commit(consumer, 20)
        assert await scene.status() is TopicStatus.OK


async def test_a_group_that_catches_up(scene: Scene) -> None:
    """Two records a collection, with nothing produced."""
    async with scene.member() as consumer:
        for offset in range(0, 18, 2):
            await scene.commit(consumer, offset)
            snapshot = await scene.collect()
    trend = snapshot.trends[scene.group]
    assert trend.slopes[scene.topic] == pytest.approx(-2 / INTERVAL)
    assert trend.catch_up[scene.topic] == pytest.approx(4 / (2 / INTERVAL))


async def test_when_retention_deletes_what_is_unread(scene: Scene, kafka: Any) -> None:
    """The limit is the broker's; the age is that of the oldest unread record; what is deleted is lost."""
    async with scene.member() as consumer:
        await scene.commit(consumer, 20)
        await scene.produce(10, age=600)
        snapshot = await scene.collect()
        assert snapshot.limits == {scene.topic: Limits(HOUR, by_size=False)}
        assert await scene.retention() == pytest.approx(HOUR - 600, abs=3 * INTERVAL)
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
        await admin.start()
        try:
            await admin.delete_records({TopicPartition(scene.topic, 0): RecordsToDelete(before_offset=25)})
        finally:
            await admin.close()
        assert await scene.retention() == 0.0
        await scene.commit(consumer, 30)
        assert await scene.retention() is None
