"""How much detail is told: of partitions, or of topics or groups only, so that series stay within their budget."""

from collections.abc import Iterable, Iterator
from enum import StrEnum

from exporters.family import Family, gauge


class Level(StrEnum):
    """The smallest thing that has series of its own."""

    GROUP = "group"
    TOPIC = "topic"
    PARTITION = "partition"


LEVELS = tuple(Level)
"""From the coarsest to the finest."""


def level(family: Family) -> Level:
    """What a family's series are told of: its labels say it."""
    return next((level for level in reversed(LEVELS) if level in family.labels), Level.GROUP)


def fit(families: Iterable[Family], finest: Level, budget: int) -> Iterator[Family]:
    """Leave out what is finer than `finest`, then as many levels as it takes to have `budget` series at most.

    The coarsest level stays whatever it takes: filters and shards bound the number of groups.
    """
    counted = [(LEVELS.index(level(family)), family, family.count()) for family in families]
    allowed = LEVELS.index(finest)
    wanted = sum(count for rank, _, count in counted if rank <= allowed)
    kept = wanted
    while kept > budget and allowed > 0:
        kept -= sum(count for rank, _, count in counted if rank == allowed)
        allowed -= 1
    yield from (family for rank, family, _ in counted if rank <= allowed)
    dropped = gauge(
        "kafka_lag_dropped_series",
        "Series that are left out because there would be more than max_series; their sums by topic or group are there.",
    )
    dropped.add((), wanted - kept)
    yield dropped
