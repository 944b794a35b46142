"""A cluster of the last Kafka that runs with ZooKeeper: the same numbers as of a new one."""

import time
import uuid
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from exporters.kafka_lag.seconds import STEPS
from exporters.kafka_lag.snapshot import Partition

HOUR = 3_600.0


@pytest.fixture
async def topic(old: Any) -> str:
    """Three partitions with 9, 5 and no records that were written an hour ago."""
    name = f"legacy-{uuid.uuid4().hex[:8]}"
    await old.create(name, partitions=3)
    await old.produce(name, [9, 5, 0], at=time.time() - HOUR)
    return name


async def test_lag_and_its_age(old: Any, topic: str) -> None:
    """By partition; requests are as few as at a new broker, for it speaks the versions that ask for many groups."""
    for name in ("billing", "audit", "stock"):
        await old.commit(topic, f"{topic}-{name}", {0: 4, 1: 5})
    async with old.source(topic) as source:
        found = await source.read()
        before = found.requests
        found = await source.read()
    assert found.problems == ()
    assert found.ends == {Partition(topic, 0): 9, Partition(topic, 1): 5, Partition(topic, 2): 0}
    assert len(found.groups) == 3
    for group in found.groups:
        assert group.members == 0
        assert found.lag(group) == {Partition(topic, 0): 5, Partition(topic, 1): 0}
        assert found.lag_seconds(group) == {Partition(topic, 0): pytest.approx(HOUR, abs=30), Partition(topic, 1): 0.0}
    asked = {api: found.requests[api] - before[api] for api in found.requests}
    assert (asked["Metadata"], asked["ListGroups"], asked["OffsetFetch"]) == (1, 1, 1)
    assert 2 <= asked["ListOffsets"] <= 2 + STEPS, "two for offsets, some by time"


async def test_members(old: Any, topic: str, until: Any) -> None:
    """A member that reads and commits, then leaves."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=list(old.bootstrap),
        group_id=f"{topic}-billing",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        for _ in range(14):
            await consumer.getone()
        await consumer.commit()
        found = await old.read(topic)
        assert found.problems == ()
        assert [(group.name, group.members) for group in found.groups] == [(f"{topic}-billing", 1)]
        assert sum(found.lag(found.groups[0]).values()) == 0
    finally:
        await consumer.stop()
    await until(lambda: old.read(topic), lambda found: found.groups[0].members == 0)
