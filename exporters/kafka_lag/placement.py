"""Where the partitions of topics are: the nodes that lead them and hold their replicas."""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

NO_LEADER = -1


class Node(NamedTuple):
    """A broker, and how many partitions of all topics it leads and holds."""

    number: int
    address: str | None
    """``host:port``; None while it is not there, though partitions have replicas on it."""
    leaders: int
    replicas: int


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a topic's partitions are, column by column, by their numbers.

    Twenty bytes a partition, and nothing for the garbage collector to walk through.
    """

    numbers: Sequence[int]
    leaders: Sequence[int]
    """Node that leads the partition, NO_LEADER when there is none."""
    preferred: Sequence[int]
    """1 where it is led by the first of its replicas, as Kafka has it when all is well, else 0."""
    replicas: Sequence[int]
    """How many nodes hold it."""
    in_sync: Sequence[int]
    """How many of them hold all of it."""

    @classmethod
    def of(cls, partitions: Iterable[tuple[int, int, int, int, int]]) -> Self:
        """Take a row a partition, in any order."""
        rows = sorted(partitions)
        return cls(*(array("i", [row[column] for row in rows]) for column in range(5)))

    def __len__(self) -> int:
        """Count the partitions."""
        return len(self.numbers)

    @property
    def under_replicated(self) -> Sequence[int]:
        """1 where a replica is behind, or gone, else 0."""
        return [int(in_sync < replicas) for in_sync, replicas in zip(self.in_sync, self.replicas, strict=True)]
