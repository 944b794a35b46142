"""What is asked of a cluster for the age of records, and what it costs when it is not answered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from exporters.kafka_lag.config import Cluster
from exporters.kafka_lag.seconds import STEPS
from exporters.kafka_lag.snapshot import Partition, Snapshot
from exporters.kafka_lag.source import KafkaSource

INTERVAL = 0.01
NOW = 3.0
ORDERS, PAYMENTS = Partition("orders", 0), Partition("payments", 0)


@pytest.fixture
async def cluster(make_cluster: Any, partition: Any, group: Any) -> AsyncIterator[Any]:
    """Two brokers, each leads a topic; record n was written in the millisecond n, and 1 ms to 2 s are kept."""
    async with make_cluster([1, 2]) as cluster:
        cluster.topics["orders"] = [partition(1, oldest=1, end=2_000)]
        cluster.topics["payments"] = [partition(2, oldest=1, end=2_000)]
        cluster.groups["billing"] = group(1, {("orders", 0): 500, ("payments", 0): 2_000})
        cluster.groups["audit"] = group(1, {("orders", 0): 0, ("payments", 0): 1_500})
        yield cluster


@asynccontextmanager
async def reading(cluster: Any) -> AsyncIterator[KafkaSource]:
    source = KafkaSource(Cluster(bootstrap_servers=cluster.bootstrap), patience=0.4, interval=INTERVAL, now=lambda: NOW)
    try:
        yield source
    finally:
        await source.close()


def ages(snapshot: Snapshot) -> dict[str, dict[Partition, float]]:
    return {group.name: snapshot.lag_seconds(group) for group in snapshot.groups}


def times(cluster: Any) -> list[int]:
    """Nodes that were asked for times, one for each request."""
    return [node for node, what, _ in cluster.asked if what == "times"]


TRUTH = {"billing": {ORDERS: NOW - 0.5, PAYMENTS: 0.0}, "audit": {ORDERS: NOW - 0.001, PAYMENTS: NOW - 1.5}}


async def test_an_exporter_that_has_just_started_asks_the_leaders_and_then_no_more(cluster: Any) -> None:
    """At most STEPS requests to each leader in a collection, and none once the ages are known."""
    async with reading(cluster) as source:
        for _ in range(3):
            cluster.asked.clear()
            snapshot = await source.read()
            assert max(times(cluster).count(node) for node in (1, 2)) <= STEPS
        assert times(cluster) == []
    for group, expected in TRUTH.items():
        assert ages(snapshot)[group] == pytest.approx(expected, abs=INTERVAL + 0.001)


async def test_a_topic_that_was_made_anew_is_asked_about_again(cluster: Any) -> None:
    """Another id under the same name is another topic, even where its offsets would fit."""
    async with reading(cluster) as source:
        for _ in range(3):
            cluster.asked.clear()
            await source.read()
        assert times(cluster) == []
        cluster.ids["orders"] = 2
        snapshot = await source.read()
        assert set(times(cluster)) == {1}, "the leader of orders, not that of payments"
        assert ages(snapshot)["audit"][PAYMENTS] == pytest.approx(NOW - 1.5, abs=INTERVAL + 0.001)


async def test_nothing_is_asked_while_all_is_read(cluster: Any) -> None:
    """Caught up is 0 without a look-up."""
    for group in cluster.groups.values():
        group.committed = dict.fromkeys(group.committed, 2_000)
    async with reading(cluster) as source:
        assert ages(await source.read()) == {group: {ORDERS: 0.0, PAYMENTS: 0.0} for group in TRUTH}
    assert times(cluster) == []


async def test_a_leader_that_does_not_look_up_costs_the_ages_of_its_partitions_alone(cluster: Any) -> None:
    """Lag in records is whole, the other leader's ages are there, and the collection keeps its deadline."""
    cluster.brokers[2].stuck_on = "times"
    async with reading(cluster) as source, asyncio.timeout(2):
        for _ in range(3):
            snapshot = await source.read()
            assert snapshot.problems == (), "what was not answered does not hold up the next read"
        assert {group.name: sum(snapshot.lag(group).values()) for group in snapshot.groups} == {
            "billing": 1_500,
            "audit": 2_000 + 500,
        }
        assert ages(snapshot)["billing"] == pytest.approx(TRUTH["billing"], abs=INTERVAL + 0.001)
        assert PAYMENTS not in ages(snapshot)["audit"]
        cluster.brokers[2].stuck_on = ""
        for _ in range(3):
            snapshot = await source.read()
        assert ages(snapshot)["audit"] == pytest.approx(TRUTH["audit"], abs=INTERVAL + 0.001)


async def test_a_topic_that_is_deleted_is_forgotten(cluster: Any) -> None:
    """Made anew under its name, what was known of the old one does not count."""
    async with reading(cluster) as source:
        for _ in range(3):
            await source.read()
        orders = cluster.topics.pop("orders")
        assert ORDERS not in (await source.read()).written
        cluster.topics["orders"] = orders
        cluster.asked.clear()
        await source.read()
        assert 1 in times(cluster)
