"""Lag of real groups on a real broker: exactly what was produced and not consumed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from exporters.app import create
from exporters.errors import SourceError
from exporters.kafka_lag import EXPORTER
from exporters.kafka_lag.config import Cluster, Filter, KafkaLagSettings
from exporters.kafka_lag.snapshot import Partition
from exporters.kafka_lag.source import KafkaSource
from tests.integration.clients import commit, commit_many, produce, read, until


async def test_lag_is_produced_minus_committed(kafka: Any, topic: str) -> None:
    """For each partition and in sum; a partition without a commit has none."""
    await produce(kafka, topic, 50, 7, 4)
    await commit(kafka, topic, f"{topic}-billing", 30, 7)
    snapshot = await read(kafka, topic)
    (group,) = snapshot.groups
    assert snapshot.problems == ()
    assert snapshot.ends == {Partition(topic, 0): 50, Partition(topic, 1): 7, Partition(topic, 2): 4}
    assert snapshot.oldest == {Partition(topic, number): 0 for number in range(3)}
    assert snapshot.lag(group) == {Partition(topic, 0): 20, Partition(topic, 1): 0}
    assert snapshot.lag_sums(group) == {topic: 20}
    await produce(kafka, topic, 5)
    snapshot = await read(kafka, topic)
    assert snapshot.lag_sums(snapshot.groups[0]) == {topic: 25}


async def test_lag_follows_a_consumer_and_stays_when_it_leaves(kafka: Any, topic: str) -> None:
    """Members are counted; a group without members keeps its commits and its lag."""
    group = f"{topic}-billing"
    await produce(kafka, topic, 10, 10, 10)
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=kafka.bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=1,
    )
    await consumer.start()
    try:
        for _ in range(12):
            await consumer.getone()
        await consumer.commit()
        snapshot = await read(kafka, topic)
        assert [(found.name, found.members) for found in snapshot.groups] == [(group, 1)]
        assert snapshot.lag_sums(snapshot.groups[0]) == {topic: 30 - 12}
    finally:
        await consumer.stop()
    snapshot = await until(lambda: read(kafka, topic), lambda found: found.groups[0].members == 0)
    assert snapshot.lag_sums(snapshot.groups[0]) == {topic: 30 - 12}


async def test_several_groups_are_described_in_one_answer(kafka: Any, topic: str) -> None:
    """Two groups and more on one broker are read without an error."""
    await produce(kafka, topic, 3)
    for name in ("a", "b", "c"):
        await commit(kafka, topic, f"{topic}-{name}", 1)
    snapshot = await read(kafka, topic)
    assert snapshot.problems == ()
    assert [(group.members, snapshot.lag_sums(group)) for group in snapshot.groups] == [(0, {topic: 2})] * 3


async def test_requests_do_not_grow_with_groups(kafka: Any, topic: str) -> None:
    """One broker: five requests when nobody lags and nobody is a member, the same for 200 groups as for one."""
    await produce(kafka, topic, 1)
    cluster = Cluster(
        bootstrap_servers=(kafka.bootstrap,), topics=Filter(include=topic), groups=Filter(include=f"{topic}.*")
    )
    source = KafkaSource(cluster, patience=5)
    try:
        await commit_many(kafka, topic, [f"{topic}-first"])
        one = await source.read()
        await commit_many(kafka, topic, [f"{topic}-{number}" for number in range(200)])
        many = await source.read()
    finally:
        await source.close()
    once = {"Metadata": 1, "ListGroups": 1, "OffsetFetch": 1, "ListOffsets": 2}
    settings = {"DescribeConfigs": 1}  # now and then
    assert {api: count for api, count in one.requests.items() if count} == once | settings
    assert {api: count for api, count in many.requests.items() if count} == {
        api: 2 * count for api, count in once.items()
    } | settings
    assert many.problems == ()
    assert [many.lag_sums(group) for group in many.groups] == [{topic: 0}] * 201


async def test_offsets_by_time(kafka: Any, topic: str) -> None:
    """The first record at or after a time, with its own time; none after the last."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    await producer.start()
    try:
        for at in (1_000, 2_000, 3_000):
            await producer.send_and_wait(topic, b"x", partition=0, timestamp_ms=at)
    finally:
        await producer.stop()
    source = KafkaSource(Cluster(bootstrap_servers=(kafka.bootstrap,), topics=Filter(include=topic)), patience=5)
    try:
        await source.read()
        asked = {Partition(topic, 0): 1_500}
        assert await source.timestamps_to_offsets(asked) == {Partition(topic, 0): (1, 2_000)}
        assert await source.timestamps_to_offsets({Partition(topic, 0): 3_001}) == {Partition(topic, 0): (-1, -1)}
    finally:
        await source.close()


async def test_a_topic_that_does_not_exist_is_not_made(kafka: Any, topic: str) -> None:
    """Reading a cluster leaves it as it is."""
    before = (await read(kafka, ".*")).topics
    await read(kafka, f"no-{topic}")
    assert (await read(kafka, ".*")).topics == before


@asynccontextmanager
async def exporter(kafka: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The exporter, collecting every second."""
    settings = KafkaLagSettings(
        listen="127.0.0.1:1", interval=1, timeout=1, clusters=(Cluster(bootstrap_servers=(kafka.bootstrap,)),)
    )
    app = create(EXPORTER, settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://exporter") as client,
    ):
        yield client


async def series(client: httpx.AsyncClient) -> dict[str, float]:
    """Sum of each metric's series."""
    text = (await client.get("/metrics")).text
    return {
        family.name: sum(sample.value for sample in family.samples)
        for family in text_string_to_metric_families(text)
        if family.samples
    }


async def test_a_broker_that_stops_and_returns(kafka: Any, topic: str) -> None:
    """Down within a deadline: up 0 and no series; back: the same numbers as before, without a restart."""
    await produce(kafka, topic, 9)
    await commit(kafka, topic, f"{topic}-billing", 4)
    whole = await read(kafka, "(?!__).*", groups=".*")
    lag = sum(sum(whole.lag(group).values()) for group in whole.groups)
    async with exporter(kafka) as client:
        await until(lambda: series(client), lambda found: found.get("kafka_consumergroup_lag") == lag)
        await asyncio.to_thread(kafka.stop)
        try:
            down = await until(lambda: series(client), lambda found: found["kafka_lag_up"] == 0, seconds=3)
            assert not any(name.startswith(("kafka_consumergroup", "kafka_topic", "kafka_brokers")) for name in down)
            assert (await client.get("/-/ready")).status_code == 200
        finally:
            await asyncio.to_thread(kafka.start)
        back = await until(lambda: series(client), lambda found: found.get("kafka_consumergroup_lag") == lag)
        assert back["kafka_lag_up"] == 1
        assert back["kafka_topic_partition_current_offset"] == sum(whole.ends.values())


async def test_an_exporter_that_starts_before_its_kafka(kafka: Any) -> None:
    """It runs, is not ready and says why, and is ready when Kafka is there."""
    await asyncio.to_thread(kafka.stop)
    try:
        with pytest.raises(SourceError, match="connection refused"):
            await read(kafka, ".*")
        async with exporter(kafka) as client:
            await until(lambda: series(client), lambda found: found.get("kafka_lag_up") == 0)
            response = await client.get("/-/ready")
            assert (response.status_code, response.text) == (503, f"kafka: {kafka.bootstrap}: connection refused\n")
            await asyncio.to_thread(kafka.start)
            await until(lambda: series(client), lambda found: found["kafka_lag_up"] == 1)
            assert (await client.get("/-/ready")).status_code == 200
    finally:
        if not kafka.stack.running():
            await asyncio.to_thread(kafka.start)
