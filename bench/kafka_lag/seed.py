"""What the cluster holds: topics with records, and groups that have committed; written once."""

import asyncio
import json
import random
import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.coordination import FindCoordinatorRequest

GROUPS_AT_ONCE = 20
TRIES = 200


@dataclass(frozen=True)
class Size:
    """How much there is."""

    topics: int = 50
    partitions: int = 20
    """Of each topic."""
    records: int = 50
    """In each partition."""
    groups: int = 1000
    topics_a_group: int = 5

    @property
    def commits(self) -> int:
        """Pairs of group and partition: that many series of lag."""
        return self.groups * self.topics_a_group * self.partitions

    def topic(self, number: int) -> str:
        """Name of a topic."""
        return f"orders-{number % self.topics:02d}"

    def reads(self, group: int) -> list[str]:
        """Topics that a group has commits in: neighbours, so that each topic has as many groups."""
        return [self.topic(group + step) for step in range(self.topics_a_group)]


def prepare(home: Path, size: Size) -> bool:
    """Tell whether `home` holds a cluster of this size already; if not, what is there is removed."""
    mark = home / "seeded.json"
    if mark.exists() and json.loads(mark.read_text(encoding="utf-8")) == asdict(size):
        return True
    shutil.rmtree(home, ignore_errors=True)
    return False


async def write(home: Path, size: Size, bootstrap: tuple[str, ...], say: Callable[[str], None]) -> None:
    """Write topics, records and commits, and then the mark that all is there."""
    say(f"writing {size.topics} topics with {size.partitions} partitions each")
    await _topics(size, bootstrap)
    say(f"writing {size.records} records to each partition")
    await _records(size, bootstrap)
    say(f"committing {size.commits} offsets for {size.groups} groups")
    await _commits(size, bootstrap)
    (home / "seeded.json").write_text(json.dumps(asdict(size)), encoding="utf-8")


async def _topics(size: Size, bootstrap: tuple[str, ...]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=list(bootstrap), request_timeout_ms=60_000)
    await admin.start()
    try:
        for number in range(size.topics):
            await admin.create_topics([NewTopic(size.topic(number), size.partitions, 1)])
    finally:
        await admin.close()


async def _records(size: Size, bootstrap: tuple[str, ...]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=list(bootstrap), linger_ms=20)
    await producer.start()
    try:
        for number in range(size.topics):
            sent = [
                await producer.send(size.topic(number), b"order", partition=partition)
                for _ in range(size.records)
                for partition in range(size.partitions)
            ]
            await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def _commits(size: Size, bootstrap: tuple[str, ...]) -> None:
    client = AIOKafkaClient(bootstrap_servers=list(bootstrap))
    await client.bootstrap()
    dice = random.Random(1)
    try:
        for start in range(0, size.groups, GROUPS_AT_ONCE):
            numbers = range(start, min(start + GROUPS_AT_ONCE, size.groups))
            await asyncio.gather(*(_commit(client, size, number, dice) for number in numbers))
    finally:
        await client.close()


async def _commit(client: AIOKafkaClient, size: Size, number: int, dice: random.Random) -> None:
    """Commit for one group at its coordinator, without joining it."""
    group = f"billing-{number:04d}"
    topics = [
        (topic, [(partition, dice.randint(0, size.records), "") for partition in range(size.partitions)])
        for topic in size.reads(number)
    ]
    for _ in range(TRIES):
        found = await client.send(client.get_random_node(), FindCoordinatorRequest(group, CoordinationType.GROUP))
        if not found.error_code:
            answer = await client.send(found.coordinator_id, OffsetCommitRequest(group, -1, "", -1, topics))
            if not any(_errors(answer.topics)):
                return
        await asyncio.sleep(0.2)
    raise RuntimeError(f"the cluster does not take commits of group {group}")


def _errors(topics: Iterable[tuple[str, Iterable[tuple[int, int]]]]) -> Iterable[int]:
    return (code for _topic, partitions in topics for _partition, code in partitions)
