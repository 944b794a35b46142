"""What is asked of a cluster for retention, what is remembered from read to read, and what trouble with it costs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from exporters.errors import Reason
from exporters.kafka_lag.config import Cluster
from exporters.kafka_lag.retention import REFRESH_SECONDS
from exporters.kafka_lag.snapshot import Limits, Partition, TopicStatus
from exporters.kafka_lag.source import KafkaSource
from exporters.kafka_lag.trend import WINDOW_COLLECTIONS

INTERVAL = 12.0
TOPIC_REFUSED, NO_SUCH_TOPIC = 29, 3


@dataclass
class Clock:
    """Time that passes when a test says so."""

    now: float = 1_700_000_000.0


@pytest.fixture
def clock() -> Clock:
    """The source's time."""
    return Clock()


@pytest.fixture
async def cluster(make_cluster: Any, partition: Any, group: Any) -> AsyncIterator[Any]:
    """Two brokers, each leads a partition of `orders` and coordinates a group; nobody reads `payments`."""
    async with make_cluster([1, 2]) as cluster:
        cluster.topics["orders"] = [partition(1, oldest=0, end=100), partition(2, oldest=0, end=100)]
        cluster.topics["payments"] = [partition(2, oldest=0, end=100)]
        cluster.groups["billing"] = group(1, {("orders", 0): 90, ("orders", 1): 100})
        cluster.groups["audit"] = group(2, {("orders", 0): 50}, members=0, state="Empty")
        yield cluster


@asynccontextmanager
async def reading(cluster: Any, clock: Clock) -> AsyncIterator[KafkaSource]:
    settings = Cluster(bootstrap_servers=cluster.bootstrap)
    source = KafkaSource(settings, patience=0.4, interval=INTERVAL, now=lambda: clock.now)
    try:
        yield source
    finally:
        await source.close()


def asked(cluster: Any) -> list[list[str]]:
    """Topics whose settings were asked for, one list for each request."""
    return [topics for _, what, topics in cluster.asked if what == "settings"]


@pytest.mark.parametrize("generation", ["new", "old"])
async def test_settings_of_topics_that_are_read_are_asked_for_now_and_then(
    cluster: Any, clock: Clock, old: Any, generation: str
) -> None:
    """One request to one broker for all, in each version of it."""
    if generation == "old":
        cluster.spoken = old
    cluster.settings["orders"] = {"retention.ms": "60000", "retention.bytes": "1000"}
    async with reading(cluster, clock) as source:
        snapshot = await source.read()
        assert snapshot.problems == ()
        assert snapshot.limits == {"orders": Limits(60.0, by_size=True)}
        cluster.groups["billing"].committed["payments", 0] = 5
        assert (await source.read()).limits["payments"] == Limits(604_800.0, by_size=False)
        cluster.settings["orders"]["retention.ms"] = "-1"
        assert (await source.read()).limits["orders"] == Limits(60.0, by_size=True)
        clock.now += REFRESH_SECONDS
        assert (await source.read()).limits["orders"] == Limits(None, by_size=True)
    assert asked(cluster) == [["orders"], ["payments"], ["orders", "payments"]]


async def test_settings_that_may_not_be_seen_are_a_problem_once(cluster: Any, clock: Clock) -> None:
    """Then what moves the oldest offset is what there is to go by."""
    cluster.settings_error = TOPIC_REFUSED
    orders = cluster.topics["orders"][0]
    async with reading(cluster, clock) as source:
        (problem,) = (await source.read()).problems
        assert problem.reason is Reason.REFUSED
        for _ in range(2):
            clock.now += REFRESH_SECONDS
            orders.oldest += 10
            snapshot = await source.read()
            assert (snapshot.problems, snapshot.limits) == ((), {})
        assert snapshot.deleted == {Partition("orders", 0): 10 / REFRESH_SECONDS}
        cluster.settings_error = 0
        clock.now += REFRESH_SECONDS
        assert "orders" in (await source.read()).limits


async def test_a_topic_that_was_deleted_meanwhile_is_no_problem(cluster: Any, clock: Clock) -> None:
    """Its settings are not there, and not missed."""
    cluster.settings_error = NO_SUCH_TOPIC
    async with reading(cluster, clock) as source:
        snapshot = await source.read()
    assert (snapshot.problems, snapshot.limits) == ((), {})


async def test_a_setting_that_is_no_number_costs_only_itself(cluster: Any, clock: Clock) -> None:
    """The other topics have their limits."""
    cluster.groups["billing"].committed["payments", 0] = 5
    cluster.settings["orders"] = {"retention.ms": "a week"}
    async with reading(cluster, clock) as source:
        snapshot = await source.read()
    assert [(problem.reason, "orders" in problem.message) for problem in snapshot.problems] == [
        (Reason.INVALID_ANSWER, True)
    ]
    assert snapshot.limits.keys() == {"payments"}


async def test_settings_that_do_not_come_cost_only_themselves(cluster: Any, clock: Clock) -> None:
    """Lag is whole, the collection ends in time, and they are asked for again a few minutes later."""
    for broker in cluster.brokers.values():
        broker.stuck_on = "settings"
    async with reading(cluster, clock) as source:
        snapshot = await source.read()
        assert [problem.reason for problem in snapshot.problems] == [Reason.TIMEOUT]
        assert {group.name: sum(snapshot.lag(group).values()) for group in snapshot.groups} == {
            "billing": 10,
            "audit": 50,
        }
        for broker in cluster.brokers.values():
            broker.stuck_on = ""
        clock.now += REFRESH_SECONDS
        snapshot = await source.read()
        assert snapshot.problems == ()
        assert snapshot.limits.keys() == {"orders"}


async def test_a_group_whose_coordinator_is_away_is_not_forgotten(cluster: Any, clock: Clock) -> None:
    """And one that is gone is: under its name a new one begins."""
    async with reading(cluster, clock) as source:
        for _ in range(WINDOW_COLLECTIONS + 1):
            snapshot = await source.read()
        assert snapshot.trends["audit"].statuses == {"orders": TopicStatus.STOP}
        assert snapshot.trends["billing"].statuses == {"orders": TopicStatus.STALL}
        cluster.brokers[2].mood = "hangs"
        assert "audit" not in (await source.read()).trends
        cluster.brokers[2].mood = "answers"
        assert (await source.read()).trends["audit"].statuses == {"orders": TopicStatus.STOP}
        audit = cluster.groups.pop("audit")
        assert "audit" not in (await source.read()).trends
        cluster.groups["audit"] = audit
        assert (await source.read()).trends["audit"].statuses == {}


async def test_a_topic_that_was_made_anew_is_another_topic(cluster: Any, clock: Clock) -> None:
    """Though it has more records than the one before: its offsets are no rewind, its settings and deletions its own."""
    orders = cluster.topics["orders"]
    cluster.settings["orders"] = {"retention.bytes": "1000"}
    async with reading(cluster, clock) as source:
        for _ in range(WINDOW_COLLECTIONS + 1):
            clock.now += INTERVAL
            orders[0].oldest += 1
            snapshot = await source.read()
        assert snapshot.trends["billing"].statuses == {"orders": TopicStatus.STALL}
        assert Partition("orders", 0) in snapshot.deleted
        cluster.ids["orders"] = 2
        cluster.settings["orders"] = {"retention.ms": "60000"}
        orders[0].end = orders[1].end = 5_000
        cluster.groups["billing"].committed = {("orders", 0): 40, ("orders", 1): 3}
        clock.now += INTERVAL
        snapshot = await source.read()
    assert snapshot.trends["billing"].statuses == {"orders": TopicStatus.OK}
    assert snapshot.trends["billing"].slopes == {}
    assert snapshot.deleted == {}
    assert snapshot.limits == {"orders": Limits(60.0, by_size=False)}


async def test_a_group_that_was_away_while_its_topic_was_made_anew_has_not_gone_back(
    cluster: Any, clock: Clock
) -> None:
    """Its coordinator did not answer in the read that saw the topic change."""
    async with reading(cluster, clock) as source:
        await source.read()
        cluster.brokers[2].mood = "hangs"
        cluster.ids["orders"] = 2
        assert "audit" not in (await source.read()).trends
        cluster.brokers[2].mood = "answers"
        cluster.groups["audit"].committed = {("orders", 0): 10}
        assert (await source.read()).trends["audit"].statuses == {}
        cluster.groups["audit"].committed = {("orders", 0): 5}
        assert (await source.read()).trends["audit"].statuses == {"orders": TopicStatus.REWIND}


@pytest.mark.parametrize("ids", [(0, 1), (1, 0)])
async def test_a_broker_that_tells_no_ids_makes_no_topic_another(
    cluster: Any, clock: Clock, ids: tuple[int, int]
) -> None:
    """During an upgrade some brokers tell them, and others don't yet."""
    cluster.ids["orders"], later = ids
    async with reading(cluster, clock) as source:
        await source.read()
        cluster.ids["orders"] = later
        cluster.groups["billing"].committed["orders", 0] = 10
        assert (await source.read()).trends["billing"].statuses == {"orders": TopicStatus.REWIND}
