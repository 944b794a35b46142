"""Lag in seconds against a real broker: records of known times, and how far what is said is from their age.

The clock is the test's, so an hour of collections takes seconds; look-ups by time are the broker's own.
"""

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete

from exporters.kafka_lag.config import Cluster, Filter
from exporters.kafka_lag.snapshot import Partition
from exporters.kafka_lag.source import KafkaSource

INTERVAL = 5.0
MILLISECOND = 0.001


@dataclass
class Scene:
    """A topic with one partition, who writes to it and who reads it; `now` is the test's clock."""

    bootstrap: str
    topic: str
    producer: AIOKafkaProducer
    now: float
    times: list[int] = field(default_factory=list)
    """Time of each record in Unix milliseconds."""
    committed: dict[str, int] = field(default_factory=dict)

    def exporter(self) -> KafkaSource:
        """Start an exporter that knows nothing yet."""
        cluster = Cluster(
            bootstrap_servers=(self.bootstrap,),
            topics=Filter(include=self.topic),
            groups=Filter(include=f"{self.topic}.*"),
        )
        return KafkaSource(cluster, patience=5, interval=INTERVAL, now=lambda: self.now)

    async def produce(self, times: Sequence[int]) -> None:
        """Write a record at each of these times."""
        sent = [await self.producer.send(self.topic, b"x", partition=0, timestamp_ms=at) for at in times]
        await asyncio.gather(*sent)
        self.times += times

    async def commit(self, name: str, offset: int) -> None:
        """Let a group have read the records before `offset`."""
        group = f"{self.topic}-{name}"
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=group, enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign([TopicPartition(self.topic, 0)])
            await consumer.commit({TopicPartition(self.topic, 0): offset})
        finally:
            await consumer.stop()
        self.committed[group] = offset

    def age(self, offset: int) -> float:
        """How old the oldest record is that a group has not read which committed `offset`."""
        return self.now - self.times[offset] / 1000 if offset < len(self.times) else 0.0

    async def errors(self, source: KafkaSource) -> dict[str, float | None]:
        """Collect, and tell by how many seconds each group's lag is wrong; None where no lag is told."""
        snapshot = await source.read()
        assert snapshot.problems == ()
        assert {group.name: group.committed[Partition(self.topic, 0)] for group in snapshot.groups} == self.committed
        wrong: dict[str, float | None] = {}
        for group in snapshot.groups:
            offset = self.committed[group.name]
            told = snapshot.lag_seconds(group).get(Partition(self.topic, 0))
            wrong[group.name] = None if told is None else abs(told - self.age(offset))
            assert told is None or (told == 0) == (offset == len(self.times))
        return wrong


@pytest.fixture
async def scene(kafka: Any) -> AsyncIterator[Scene]:
    """A new topic; the clock says an hour ago."""
    topic = f"timed-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, linger_ms=2)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    finally:
        await admin.close()
    await producer.start()
    try:
        yield Scene(kafka.bootstrap, topic, producer, now=time.time() - 3_600)
    finally:
        await producer.stop()


@asynccontextmanager
async def running(source: KafkaSource) -> AsyncIterator[KafkaSource]:
    """Close the source in the end."""
    try:
        yield source
    finally:
        await source.close()


def uneven(start: float, end: float, count: int, seed: int) -> list[int]:
    """Times of `count` records that come in bursts, in Unix milliseconds."""
    dice = random.Random(seed)
    bursts = [dice.uniform(start, end) for _ in range(max(1, count // 50))]
    times = (min(end, dice.choice(bursts) + dice.expovariate(1 / 20)) for _ in range(count))
    return sorted(round(at * 1000) for at in times)


async def test_while_it_runs_the_error_is_within_an_interval(scene: Scene) -> None:
    """Bursts, silence and a group that stands still, catches up and is caught up; no look-up is needed."""
    dice = random.Random(3)
    await scene.commit("billing", 0)
    async with running(scene.exporter()) as source:
        await source.read()
        for number in range(40):
            start, scene.now = scene.now, scene.now + INTERVAL
            if dice.random() < 0.6:
                await scene.produce(uneven(start, scene.now, dice.randint(1, 40), number))
            if number % 3 == 0:
                behind = dice.randint(0, len(scene.times))
                await scene.commit("billing", max(*scene.committed.values(), len(scene.times) - behind))
            (error,) = (await scene.errors(source)).values()
            assert error is not None
            assert error <= INTERVAL + MILLISECOND
        asked = (await source.read()).requests["ListOffsets"]
        assert asked == 2 * 42, "two in each collection: ends and oldest"


async def test_after_a_restart_with_an_idle_producer(scene: Scene) -> None:
    """A day of uneven records, then silence for an hour: each group's lag is right within a few collections."""
    day = 24 * 3_600
    await scene.produce(uneven(scene.now - day, scene.now, 3_000, seed=5))
    scene.now += 3_600
    for number, offset in enumerate((0, 1, 700, 1_500, 2_999, 3_000)):
        await scene.commit(str(number), offset)
    async with running(scene.exporter()) as source:
        for _ in range(12):
            errors = await scene.errors(source)
            ages = {group: scene.age(offset) for group, offset in scene.committed.items()}
            for group, error in errors.items():
                assert error is None or error <= max(INTERVAL, ages[group] / 10) + MILLISECOND
            scene.now += INTERVAL
        scene.now -= INTERVAL
        assert all(error is not None and error <= INTERVAL + MILLISECOND for error in errors.values()), errors
        before = (await source.read()).requests["ListOffsets"]
        assert (await source.read()).requests["ListOffsets"] == before + 2, "what is known is not asked for again"


async def test_after_a_restart_an_even_production_is_known_at_once(scene: Scene) -> None:
    """The first collection has it, with eight look-ups at most."""
    await scene.produce([round((scene.now - 2_000 + number) * 1000) for number in range(2_000)])
    await scene.commit("billing", 600)
    for _ in range(2):
        async with running(scene.exporter()) as source:
            (error,) = (await scene.errors(source)).values()
            assert error is not None
            assert error <= INTERVAL + MILLISECOND
            assert (await source.read()).requests["ListOffsets"] <= 2 + 8 + 2


async def test_records_that_were_deleted_before_they_were_read(scene: Scene, kafka: Any) -> None:
    """The oldest record that is kept counts."""
    await scene.produce([round((scene.now - 1_000 + number) * 1000) for number in range(1_000)])
    await scene.commit("billing", 10)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(scene.topic, 0): RecordsToDelete(before_offset=400)})
    finally:
        await admin.close()
    async with running(scene.exporter()) as source:
        snapshot = await source.read()
        (told,) = snapshot.lag_seconds(snapshot.groups[0]).values()
        assert told == pytest.approx(600, abs=INTERVAL)
