"""Real clusters: three brokers of the current Kafka, and one of the last that runs with ZooKeeper."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from compose.native import clusters
from compose.native.parts import Part
from compose.native.stack import Stack, StackError
from exporters.kafka_lag.config import Cluster, Filter
from exporters.kafka_lag.snapshot import Snapshot
from exporters.kafka_lag.source import KafkaSource
from tests.integration.clients import until

INTERVAL = 5.0
"""Seconds between two collections, for a source."""

QUICK = (
    # a broker that is gone is noticed in two seconds, not in nine
    "broker.session.timeout.ms=2000",
    "broker.heartbeat.interval.ms=500",
    # the log is cleaned and trimmed while a test waits
    "log.retention.check.interval.ms=500",
    "log.initial.task.delay.ms=500",
    "log.segment.delete.delay.ms=100",
    "log.cleaner.backoff.ms=300",
)


@dataclass(frozen=True)
class Brokers:
    """A cluster whose brokers a test can kill, freeze and start again."""

    stack: Stack

    @property
    def bootstrap(self) -> tuple[str, ...]:
        """``host:port`` of each broker."""
        return tuple(part.address(self.stack.book) for part in self.stack.parts if part.name.startswith("kafka"))

    def address(self, node: int) -> str:
        """``host:port`` of one."""
        return self.stack.book[f"kafka_{node}"]

    def kill(self, node: int) -> None:
        """End a broker as the kernel does that is out of memory."""
        found = self._process(node)
        found.kill()
        psutil.wait_procs([found], timeout=10)

    def freeze(self, node: int) -> None:
        """Let a broker hang: its connections stay open and nothing is answered."""
        self._process(node).suspend()

    def thaw(self, node: int) -> None:
        """Let it go on."""
        self._process(node).resume()

    async def start(self, node: int) -> None:
        """Start a broker that was killed, on its data."""
        part: Part = next(part for part in self.stack.parts if part.name == f"kafka_{node}")
        await asyncio.to_thread(self.stack.start_part, part)
        await asyncio.to_thread(self.stack.wait_for, part)

    async def whole(self) -> None:
        """Wait until each replica of the groups' commits is in sync again: one may be killed then and none is lost."""

        async def missing() -> int:
            async with self.admin() as admin:
                (found,) = await admin.describe_topics(["__consumer_offsets"])
            return sum(len(partition["replicas"]) - len(partition["isr"]) for partition in found["partitions"])

        await until(missing, lambda found: found == 0, seconds=60)

    def _process(self, node: int) -> psutil.Process:
        found = self.stack.running()[f"kafka_{node}"].process()
        assert found
        return found

    async def create(self, topic: str, partitions: int = 1, replicas: int = 1, **settings: str) -> None:
        """Make a topic and wait until each partition has a leader."""
        async with self.admin() as admin:
            named = {name.replace("_", "."): value for name, value in settings.items()}
            await admin.create_topics([NewTopic(topic, partitions, replicas, topic_configs=named)])

            async def leaders() -> list[int]:
                (found,) = await admin.describe_topics([topic])
                return [partition["leader"] for partition in found["partitions"]]

            await until(leaders, lambda found: len(found) == partitions and min(found) >= 0)

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        """A client for topics and groups, once a broker controls the cluster: with ZooKeeper none does at first."""
        admin = AIOKafkaAdminClient(bootstrap_servers=list(self.bootstrap))
        await admin.start()
        try:
            await until(admin.describe_cluster, lambda found: found["controller_id"] >= 0)
            yield admin
        finally:
            await admin.close()

    @asynccontextmanager
    async def producer(self, **settings: Any) -> AsyncIterator[AIOKafkaProducer]:
        """A client that writes."""
        producer = AIOKafkaProducer(bootstrap_servers=list(self.bootstrap), linger_ms=2, **settings)
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()

    async def produce(self, topic: str, counts: Sequence[int], at: float | None = None) -> None:
        """Write so many records to each partition, all with one time (Unix seconds; now without)."""
        stamp = None if at is None else round(at * 1000)
        async with self.producer() as producer:
            sent = [
                await producer.send(topic, b"x", partition=partition, timestamp_ms=stamp)
                for partition, count in enumerate(counts)
                for _ in range(count)
            ]
            await asyncio.gather(*sent)

    async def commit(self, topic: str, group: str, offsets: Mapping[int, int]) -> None:
        """Commit an offset in each of these partitions, without joining the group."""
        consumer = AIOKafkaConsumer(bootstrap_servers=list(self.bootstrap), group_id=group, enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign([TopicPartition(topic, partition) for partition in offsets])
            await consumer.commit({TopicPartition(topic, partition): at for partition, at in offsets.items()})
        finally:
            await consumer.stop()

    @asynccontextmanager
    async def source(
        self, names: str, patience: float = 5.0, now: Callable[[], float] = time.time
    ) -> AsyncIterator[KafkaSource]:
        """The exporter's view of the topics and groups whose names begin with `names`; `now` gives it Unix time."""
        named = Filter(include=f"{names}.*")
        cluster = Cluster(bootstrap_servers=self.bootstrap, topics=named, groups=named)
        source = KafkaSource(cluster, patience, INTERVAL, now)
        try:
            yield source
        finally:
            await source.close()

    async def read(self, names: str) -> Snapshot:
        """What an exporter finds that has just started."""
        async with self.source(names) as source:
            return await source.read()


@pytest.fixture(name="until", scope="session")
def until_() -> Callable[..., Awaitable[Any]]:
    """`await until(read, wanted)`: read again and again until it is as wanted; gives what was found."""
    return until


def _running(
    parts: Sequence[Part], tmp_path_factory: pytest.TempPathFactory, port_base: Callable[[], int]
) -> Iterator[Brokers]:
    home = tmp_path_factory.mktemp("cluster")
    stack = Stack(home, clusters.book(home, port_base()), parts)
    try:
        stack.start()
        for _ in stack.wait():
            pass
        yield Brokers(stack)
    except StackError as error:
        pytest.fail(str(error))
    finally:
        stack.stop()


@pytest.fixture(scope="session")
def three(tmp_path_factory: pytest.TempPathFactory, port_base: Callable[[], int]) -> Iterator[Brokers]:
    """Three brokers of the current Kafka, for all tests of the session; who breaks one mends it."""
    yield from _running(clusters.three_brokers(QUICK), tmp_path_factory, port_base)


@pytest.fixture(scope="session")
def old(tmp_path_factory: pytest.TempPathFactory, port_base: Callable[[], int]) -> Iterator[Brokers]:
    """One broker of the last Kafka that runs with ZooKeeper."""
    yield from _running(clusters.with_zookeeper(), tmp_path_factory, port_base)
