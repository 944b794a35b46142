"""A broker that is killed or hangs costs its own series, nobody else's, and never a wrong number."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import pytest
from aiokafka.client import AIOKafkaClient

from exporters.collection import Collection
from exporters.errors import Reason
from exporters.kafka_lag.snapshot import Partition, Snapshot

PATIENCE = 1.0
DEADLINE = 6 * PATIENCE
"""What a collection may take, as the exporter shares it out."""

COUNTS = (30, 20, 10)
GROUPS = 9


class Scene(NamedTuple):
    """A topic with a partition on each broker, groups all over the cluster, and an exporter that watches them."""

    topic: str
    collection: Collection[Snapshot]
    leaders: dict[int, int]
    """Partition by the node that leads it."""

    async def collect(self) -> Snapshot:
        """Collect once: in time, not down, and of what is told nothing is wrong."""
        await self.collection.collect()
        status = self.collection.status
        assert status.error is None
        assert status.snapshot is not None
        assert status.duration is not None
        assert status.duration < DEADLINE
        self.nothing_is_wrong(status.snapshot)
        return status.snapshot

    def nothing_is_wrong(self, snapshot: Snapshot) -> None:
        """Each end, commit, lag and sum that is told is the true one."""
        ends = {Partition(self.topic, number): count for number, count in enumerate(COUNTS)}
        assert snapshot.ends.items() <= ends.items()
        assert snapshot.brokers <= 3
        for group in snapshot.groups:
            behind = int(group.name.rpartition("-")[2])
            true = {partition: end - behind for partition, end in ends.items()}
            assert group.committed == true
            lag = snapshot.lag(group)
            assert lag == dict.fromkeys(snapshot.ends, behind)
            assert snapshot.lag_sums(group) in ({}, {self.topic: 3 * behind})

    async def collected(self, wanted: Callable[[Snapshot], bool]) -> Snapshot:
        """Collect until it is as wanted."""
        async with asyncio.timeout(60):
            while not wanted(snapshot := await self.collect()):
                await asyncio.sleep(0.1)
        return snapshot

    async def whole(self) -> Snapshot:
        """Collect until all is told."""
        return await self.collected(
            lambda found: len(found.ends) == 3 and len(found.groups) == GROUPS and not found.problems
        )


@pytest.fixture
async def scene(three: Any) -> AsyncIterator[Scene]:
    """Nine groups, the nth n records behind in each partition."""
    topic = f"steady-{uuid.uuid4().hex[:8]}"
    await three.create(topic, partitions=3)
    await three.produce(topic, COUNTS)
    for behind in range(GROUPS):
        offsets = {number: count - behind for number, count in enumerate(COUNTS)}
        await three.commit(topic, f"{topic}-{behind}", offsets)
    await three.whole()
    async with three.source(topic, PATIENCE) as source:
        collection = Collection("kafka", source, interval=DEADLINE, timeout=DEADLINE)
        async with three.admin() as admin:
            (found,) = await admin.describe_topics([topic])
        leaders = {partition["leader"]: partition["partition"] for partition in found["partitions"]}
        scene = Scene(topic, collection, leaders)
        await scene.whole()
        yield scene


def others(scene: Scene, node: int) -> set[Partition]:
    """Partitions that other brokers lead."""
    return {Partition(scene.topic, number) for leader, number in scene.leaders.items() if leader != node}


async def controller(three: Any) -> int:
    """Node that has a say now; another one, if it is killed."""
    client = AIOKafkaClient(bootstrap_servers=list(three.bootstrap))
    await client.bootstrap()
    try:
        return int(client.cluster.controller.nodeId)
    finally:
        await client.close()


async def test_three_brokers_cost_as_many_requests_as_they_are(scene: Scene) -> None:
    """Lag is right, each group has an owner, and nine groups cost three requests a kind."""
    before = (await scene.collect()).requests
    after = await scene.collect()
    assert (len(after.groups), len(after.ends), after.problems) == (GROUPS, 3, ())
    cost = {api: after.requests[api] - before[api] for api in after.requests}
    assert cost["Metadata"] == 1
    assert cost["ListGroups"] == 3
    assert 1 <= cost["OffsetFetch"] <= 3
    assert cost["ListOffsets"] == 6
    assert cost["DescribeGroups"] == cost["ConsumerGroupDescribe"] == 0, "nobody is a member"


@pytest.mark.parametrize("node", [1, 2])
async def test_a_broker_that_is_killed_during_collections(three: Any, scene: Scene, until: Any, node: int) -> None:
    """What the others lead is told in each collection; its groups move to them; it comes back with its own.

    Meanwhile its copies of what they lead are missing.
    """
    copied = f"copied-{uuid.uuid4().hex[:8]}"
    await three.create(copied, replicas=3)
    collecting = asyncio.create_task(scene.collect())
    await asyncio.sleep(0)
    three.kill(node)
    try:
        await collecting
        for _ in range(5):
            snapshot = await scene.collect()
            assert snapshot.ends.keys() == others(scene, node)
            assert snapshot.problems
        moved = await scene.collected(lambda found: len(found.groups) == GROUPS)
        assert moved.ends.keys() == others(scene, node)
        assert all(moved.lag_sums(group) == {} for group in moved.groups), "no sum without a partition"
        await until(lambda: three.read(copied), lambda found: found.placements[copied].under_replicated == [1])
    finally:
        await three.start(node)
    await scene.whole()
    await until(lambda: three.read(copied), lambda found: found.placements[copied].under_replicated == [0])
    assert scene.collection.status.failures[Reason.UNREACHABLE] > 0


async def test_a_broker_that_hangs_and_goes_on(three: Any, scene: Scene) -> None:
    """It is waited for within its own deadline; the others' series are in each collection."""
    node = await controller(three)
    three.freeze(node)
    try:
        for _ in range(3):
            snapshot = await scene.collect()
            assert snapshot.ends.keys() >= others(scene, node)
            assert Partition(scene.topic, scene.leaders[node]) not in snapshot.ends
        assert scene.collection.status.failures[Reason.TIMEOUT] > 0
    finally:
        three.thaw(node)
    await scene.whole()


async def test_all_brokers_are_killed_and_started_again(three: Any, scene: Scene) -> None:
    """Down with a reason and without a snapshot, then the same numbers as before."""
    for node in (1, 2, 3):
        three.kill(node)
    try:
        await scene.collection.collect()
        assert scene.collection.status.snapshot is None
        assert scene.collection.status.problems[0].reason == Reason.UNREACHABLE
    finally:
        await asyncio.gather(*(three.start(node) for node in (1, 2, 3)))

    async def up() -> bool:
        await scene.collection.collect()
        return scene.collection.status.error is None

    async with asyncio.timeout(60):
        while not await up():
            await asyncio.sleep(0.1)
    await scene.whole()
