"""A cluster of scripted brokers, and what stands in it."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from tests.exporters.kafka_lag.layouts import OLD
from tests.exporters.kafka_lag.scripted import Cluster, Group, Partition

MakeCluster = Callable[[Sequence[int]], AbstractAsyncContextManager[Cluster]]


@pytest.fixture
def make_cluster() -> MakeCluster:
    """`async with make_cluster([1, 2]) as cluster`: brokers 1 and 2, without topics and groups."""

    @asynccontextmanager
    async def made(nodes: Sequence[int]) -> AsyncIterator[Cluster]:
        cluster = Cluster()
        for node in nodes:
            await cluster.add(node)
        try:
            yield cluster
        finally:
            for broker in cluster.brokers.values():
                await broker.stop()

    return made


@pytest.fixture
def partition() -> type[Partition]:
    """A partition of the scripted cluster."""
    return Partition


@pytest.fixture
def group() -> type[Group]:
    """A group of the scripted cluster."""
    return Group


@pytest.fixture
def old() -> dict[int, int]:
    """Generation of brokers before Kafka 3.0, for `cluster.spoken`."""
    return OLD


@pytest.fixture
async def cluster(make_cluster: Any, partition: Any, group: Any) -> AsyncIterator[Any]:
    """Two brokers: each leads a partition of `orders` and coordinates a group."""
    async with make_cluster([1, 2]) as cluster:
        cluster.topics["orders"] = [partition(1, oldest=5, end=100), partition(2, oldest=0, end=50)]
        cluster.topics["payments"] = [partition(1, oldest=0, end=7)]
        cluster.topics["__consumer_offsets"] = [partition(1, oldest=0, end=9)]
        cluster.groups["billing"] = group(1, {("orders", 0): 90, ("orders", 1): 50})
        cluster.groups["audit"] = group(2, {("orders", 0): 0, ("payments", 0): 3}, members=0, state="Empty")
        yield cluster
