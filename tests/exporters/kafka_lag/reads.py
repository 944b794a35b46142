"""Reads of a cluster with the source that is tested."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from exporters.kafka_lag.config import Cluster
from exporters.kafka_lag.snapshot import Group, Snapshot
from exporters.kafka_lag.source import KafkaSource

HASTE = 0.3
"""Seconds that a request may take where a test waits for one that takes longer."""


@asynccontextmanager
async def reading(servers: tuple[str, ...], patience: float = 5.0, **settings: Any) -> AsyncIterator[KafkaSource]:
    source = KafkaSource(Cluster(bootstrap_servers=servers, **settings), patience)
    try:
        yield source
    finally:
        await source.close()


async def read(cluster: Any, **settings: Any) -> Snapshot:
    async with reading(cluster.bootstrap, **settings) as source:
        return await source.read()


def named(snapshot: Snapshot) -> dict[str, Group]:
    return {group.name: group for group in snapshot.groups}
