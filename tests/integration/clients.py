"""What tests do to a real Kafka: make topics, produce, commit, join groups, read it with the exporter's source."""

import asyncio
import struct
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.coordination import FindCoordinatorRequest

from exporters.kafka_lag.brokers import Brokers
from exporters.kafka_lag.call import Api, Call
from exporters.kafka_lag.config import Cluster, Filter, Isolation
from exporters.kafka_lag.snapshot import Snapshot
from exporters.kafka_lag.source import KafkaSource
from exporters.kafka_lag.wire import Reader, Writer


async def make_topic(kafka: Any) -> str:
    """Make a topic with three partitions, and return its name when all of them can be read."""
    name = f"orders-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 3, 1)])
    finally:
        await admin.close()
    await until(lambda: read(kafka, name), lambda found: len(found.ends) == 3)
    return name


async def produce(kafka: Any, topic: str, *counts: int) -> None:
    """Produce so many records to each partition."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, linger_ms=5)
    await producer.start()
    try:
        sent = [await producer.send(topic, b"x", partition=n) for n, count in enumerate(counts) for _ in range(count)]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def commit(kafka: Any, topic: str, group: str, *offsets: int) -> None:
    """Commit an offset for each partition, as a consumer does that assigns itself."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap, group_id=group, enable_auto_commit=False)
    partitions = [TopicPartition(topic, number) for number in range(len(offsets))]
    await consumer.start()
    try:
        consumer.assign(partitions)
        await consumer.commit(dict(zip(partitions, offsets, strict=True)))
    finally:
        await consumer.stop()


async def read(
    kafka: Any, topics: str, groups: str | None = None, isolation: Isolation = "read_uncommitted"
) -> Snapshot:
    """Read the topics that match, and the groups whose names begin with them unless others are named."""
    cluster = Cluster(
        bootstrap_servers=(kafka.bootstrap,),
        topics=Filter(include=topics),
        groups=Filter(include=groups or f"{topics}.*"),
        isolation=isolation,
    )
    source = KafkaSource(cluster, patience=5)
    try:
        return await source.read()
    finally:
        await source.close()


async def until(read: Callable[[], Awaitable[Any]], wanted: Callable[[Any], bool], seconds: float = 60) -> Any:
    """Read again and again until it is as wanted."""
    async with asyncio.timeout(seconds):
        while not wanted(found := await read()):
            await asyncio.sleep(0.1)
    return found


async def commit_many(kafka: Any, topic: str, groups: Iterable[str]) -> None:
    """Commit offset 1 of the first partition for each group, without joining any."""
    client = AIOKafkaClient(bootstrap_servers=kafka.bootstrap)
    await client.bootstrap()

    async def committed(group: str) -> Any:
        # a new cluster has no topic of commits until somebody looks for a coordinator, and no commit is taken before
        await client.send(client.get_random_node(), FindCoordinatorRequest(group, CoordinationType.GROUP))
        asked = OffsetCommitRequest(group, -1, "", -1, [(topic, [(0, 1, "")])])
        return (await client.send(client.get_random_node(), asked)).topics

    try:
        for group in groups:
            # a broker that has just started is not yet the coordinator of its groups
            await until(lambda group=group: committed(group), lambda answered: answered == [(topic, [(0, 0)])])
    finally:
        await client.close()


async def join(kafka: Any, group: str, topic: str, share: bool = False) -> None:
    """Join a group of the protocol of KIP-848, or a share group (KIP-932), and leave it to the coordinator to end that.

    A coordinator that has just started is tried again.
    """
    api = Api("ShareGroupHeartbeat", 76, (1,), 0) if share else Api("ConsumerGroupHeartbeat", 68, (0,), 0)

    def write(_version: int, body: Writer) -> None:
        body.text(group)
        body.text(uuid.uuid4().hex if share else "")  # else the coordinator names the member
        if share:
            body.raw(struct.pack(">iB", 0, 0))  # epoch, no rack
        else:
            body.raw(struct.pack(">iBBi", 0, 0, 0, 60_000))  # epoch, no static id, no rack, time for a rebalance
        body.texts([topic])
        if not share:
            body.raw(b"\0\1")  # no assignor, owns nothing
        body.end()

    def read(_version: int, answer: Reader) -> Iterator[int]:
        answer.int32()  # throttle time
        yield answer.int16()
        answer.skip_text()  # the error in words
        answer.skip_text()  # member
        answer.take(struct.Struct(">ii"))  # epoch, milliseconds to the next heartbeat
        if answer.take(struct.Struct(">b"))[0] >= 0:  # an assignment
            for _ in range(answer.count()):
                answer.take(struct.Struct("16s"))
                answer.numbers()
                answer.end()
            answer.end()

    brokers = Brokers([kafka.bootstrap], patience=5)
    try:
        await until(lambda: brokers.ask(kafka.bootstrap, Call(api, write, read)), lambda codes: codes == [0])
    finally:
        await brokers.close()
