"""Several processes share the groups of a cluster: each group is read by one, each series told by one."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.kafka_lag.config import Cluster, KafkaLagSettings
from exporters.kafka_lag.metrics import families
from exporters.kafka_lag.source import sources
from exporters.shard import WHOLE, Shard

OWN = (
    "kafka_lag_requests_total",
    "kafka_lag_received_bytes",
    "kafka_lag_dropped_series",
    "kafka_consumergroup_poll_time_ms",
)
"""What each process tells of itself."""


@given(st.text(), st.integers(1, 50))
def test_each_group_has_one_shard(group: str, of: int) -> None:
    """Whatever its name."""
    assert sum(Shard(number, of).owns(group) for number in range(of)) == 1


@pytest.mark.parametrize(("group", "number"), [("billing", 1), ("audit", 1), ("answers", 2), ("주문", 0)])
def test_a_group_stays_where_it_is(group: str, number: int) -> None:
    """In every process, on every machine, in every version: a group that moves would be missing, or there twice."""
    assert [Shard(shard, 5).owns(group) for shard in range(5)] == [shard == number for shard in range(5)]


def test_the_settings_name_the_shard() -> None:
    """Without the key a process reads all groups."""
    clusters = ({"bootstrap_servers": ("kafka:9092",)},)
    read = KafkaLagSettings.model_validate
    assert read({"listen": "a:1", "clusters": clusters}).shard == WHOLE
    assert read({"listen": "a:1", "clusters": clusters, "shard": "2/3"}).shard == Shard(2, 3)


@pytest.fixture
async def cluster(make_cluster: Any, partition: Any, group: Any) -> AsyncIterator[Any]:
    """Two brokers with ten groups on one topic."""
    async with make_cluster([1, 2]) as cluster:
        cluster.topics["orders"] = [partition(1, oldest=0, end=100), partition(2, oldest=0, end=50)]
        for number in range(10):
            cluster.groups[f"group-{number}"] = group(1 + number % 2, {("orders", 0): 90, ("orders", 1): 50})
        yield cluster


async def series(cluster: Any, shard: str) -> Counter[tuple[Any, ...]]:
    """What a process with that setting tells of the cluster: name, labels and value."""
    settings = KafkaLagSettings.model_validate(
        {
            "listen": "a:1",
            "shard": shard,
            "compat": "seglo",
            "clusters": (Cluster(bootstrap_servers=cluster.bootstrap),),
        }
    )
    (source,) = sources(settings).values()
    try:
        snapshot = await source.read()
    finally:
        await source.close()
    return Counter(
        (family.name, *zip(family.labels, labels, strict=True), value)
        for family in families([snapshot], settings)
        if family.name not in OWN and "seconds" not in family.name
        for keys, values in family.blocks()
        for labels, value in zip(keys, values, strict=True)
    )


async def test_the_shards_together_tell_what_one_process_would(cluster: Any) -> None:
    """Every series once: sums over all shards are those of the cluster."""
    together: Counter[Any] = Counter()
    for shard in ("0/3", "1/3", "2/3"):
        together += await series(cluster, shard)
    assert together == await series(cluster, "0/1")
    assert set(together.values()) == {1}


async def test_groups_of_other_shards_are_not_asked_for(cluster: Any) -> None:
    """Neither their commits nor their members."""
    told = await series(cluster, "1/3")
    mine = {f"group-{number}" for number in range(10) if Shard(1, 3).owns(f"group-{number}")}
    assert 0 < len(mine) < 10
    asked = [name for _node, what, names in cluster.asked if what in ("fetch", "describe") for name in names]
    labels = [dict(labels) for _name, *labels, _value in told]
    assert set(asked) == mine == {found.get("consumergroup") or found["group"] for found in labels}
