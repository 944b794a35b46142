"""Where the partitions of topics are: the nodes that lead them and hold their replicas."""

from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple

NO_LEADER = -1


class Node(NamedTuple):
    """A broker, and how many partitions of all topics it leads and holds."""

    number: int
    address: str | None
    """``host:port``; None while it is not there, though partitions have replicas on it."""
    leaders: int
    replicas: int


class Place(NamedTuple):
    """Where one partition is."""

    number: int
    leader: int
    """Node, NO_LEADER when there is none."""
    preferred: bool
    """Whether it is led by the first of its replicas, where Kafka has it led when all is well."""
    replicas: int
    in_sync: int


class Placement:
    """Where a topic's partitions are: 17 bytes each, and nothing for the garbage collector to walk through."""

    __slots__ = ("_in_sync", "_leaders", "_numbers", "_preferred", "_replicas")

    def __init__(self) -> None:
        """No partition yet."""
        self._numbers, self._leaders, self._replicas, self._in_sync = (array("i") for _ in range(4))
        self._preferred = array("b")

    def __len__(self) -> int:
        """Count the partitions."""
        return len(self._numbers)

    def __iter__(self) -> Iterator[Place]:
        """Give one partition after the other, as they were added."""
        columns = self._numbers, self._leaders, map(bool, self._preferred), self._replicas, self._in_sync
        return map(Place._make, zip(*columns, strict=True))

    def add(self, number: int, leader: int, replicas: Sequence[int], in_sync: Sequence[int]) -> None:
        """Add a partition: the node that leads it, those that hold it, and those that are up to date with it."""
        self._numbers.append(number)
        self._leaders.append(leader)
        self._preferred.append(bool(replicas) and replicas[0] == leader)
        self._replicas.append(len(replicas))
        self._in_sync.append(len(in_sync))

    @property
    def leaders(self) -> Sequence[int]:
        """The node that leads each partition."""
        return self._leaders
