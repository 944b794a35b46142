"""Groups and producers of other kinds: the group protocol of KIP-848 by librdkafka, transactions."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from confluent_kafka import Consumer

from exporters.kafka_lag.snapshot import Partition


def new(name: str) -> str:
    """A name that no other test has."""
    return f"{name}-{uuid.uuid4().hex[:8]}"


@asynccontextmanager
async def librdkafka(bootstrap: tuple[str, ...], topic: str, group: str) -> AsyncIterator[Consumer]:
    """A consumer that joins its group by the protocol of KIP-848."""
    consumer = Consumer(
        {
            "bootstrap.servers": ",".join(bootstrap),
            "group.id": group,
            "group.protocol": "consumer",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    try:
        yield consumer
    finally:
        await asyncio.to_thread(consumer.close)


async def test_a_group_of_the_new_protocol(three: Any, until: Any) -> None:
    """Members and lag while it runs, lag alone when it has left."""
    topic = new("modern")
    await three.create(topic, partitions=3)
    await three.produce(topic, [5, 5, 5])
    async with three.source(topic) as source:
        async with librdkafka(three.bootstrap, topic, f"{topic}-billing") as consumer:

            def consume() -> None:
                got = 0
                while got < 9:
                    got += len(consumer.consume(1, timeout=1))
                consumer.commit(asynchronous=False)

            async with asyncio.timeout(60):
                await asyncio.to_thread(consume)
            found = await until(source.read, lambda found: found.groups)
            (group,) = found.groups
            assert found.problems == ()
            assert (group.name, group.members) == (f"{topic}-billing", 1)
            assert sum(group.committed.values()) == 9
            lag = found.lag(group)
            assert lag == {partition: 5 - offset for partition, offset in group.committed.items()}
        left = await until(source.read, lambda found: found.groups[0].members == 0)
        assert left.lag(left.groups[0]) == lag


async def test_open_and_aborted_transactions(three: Any, until: Any) -> None:
    """Lag goes up to the end as the broker tells it, and its records have an age, whatever becomes of them."""
    topic = new("paid")
    await three.create(topic)
    partition = Partition(topic, 0)
    group = f"{topic}-billing"
    async with three.source(topic) as source, three.producer(transactional_id=topic) as producer:
        async with producer.transaction():
            for _ in range(4):
                await producer.send_and_wait(topic, b"paid", partition=0)
        await three.commit(topic, group, {0: 5})
        done = await until(source.read, lambda found: found.ends.get(partition) == 5 and found.groups)
        assert done.lag(done.groups[0]) == {partition: 0}, "four records and the mark of the commit"

        await producer.begin_transaction()
        for _ in range(3):
            await producer.send_and_wait(topic, b"perhaps", partition=0)
        opened = await source.read()
        assert opened.lag(opened.groups[0]) == {partition: 3}
        assert opened.lag_seconds(opened.groups[0])[partition] > 0
        await producer.abort_transaction()
        aborted = await until(source.read, lambda found: found.ends == {partition: 9})
        assert aborted.lag(aborted.groups[0]) == {partition: 4}

    consumer = AIOKafkaConsumer(
        bootstrap_servers=list(three.bootstrap),
        group_id=group,
        isolation_level="read_committed",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        # aborted records are passed over: the consumer gets none and yet moves on
        await until(lambda: consumer.getmany(timeout_ms=200), lambda _: consumer.highwater(TopicPartition(topic, 0)))

        async def position() -> int:
            await consumer.getmany(timeout_ms=200)
            return int(await consumer.position(TopicPartition(topic, 0)))

        await until(position, lambda found: found == 9)
        await consumer.commit()
    finally:
        await consumer.stop()
    after = await three.read(topic)
    assert after.lag(after.groups[0]) == {partition: 0}
