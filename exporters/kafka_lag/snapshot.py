"""What one read of a Kafka cluster found, and the arithmetic of lag."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from math import inf
from typing import NamedTuple, TypeVar

from exporters.errors import SourceError
from exporters.kafka_lag.config import Isolation
from exporters.kafka_lag.placement import Node, Placement

NumberT = TypeVar("NumberT", int, float)


class Partition(NamedTuple):
    """A partition of a topic."""

    topic: str
    number: int


class GroupState(StrEnum):
    """Kafka's states of groups: https://kafka.apache.org/43/javadoc/org/apache/kafka/common/GroupState.html."""

    PREPARING_REBALANCE = "PreparingRebalance"
    COMPLETING_REBALANCE = "CompletingRebalance"
    STABLE = "Stable"
    EMPTY = "Empty"
    DEAD = "Dead"
    ASSIGNING = "Assigning"
    RECONCILING = "Reconciling"
    NOT_READY = "NotReady"
    """Of Streams groups (KIP-1071)."""
    UNKNOWN = "Unknown"

    @classmethod
    def _missing_(cls, value: object) -> "GroupState":
        """Take any word: one in other letters (brokers differ), the one of Kafka 0.11, or one that is not known."""
        known = {state.lower(): state for state in cls} | {"awaitingsync": cls.COMPLETING_REBALANCE}
        return known.get(str(value).lower(), cls.UNKNOWN)


class Member(NamedTuple):
    """A member of a group: a consumer, and the numbers of the partitions that it reads, by topic."""

    name: str
    client: str
    host: str
    assigned: Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Group:
    """A consumer group and its committed offsets: of each partition, the offset of the next record to read.

    Partitions without a commit are not among them.
    """

    name: str
    members: int | None
    """None when the broker does not tell: one before Kafka 3.8 of a group of the new protocol (KIP-848)."""
    committed: Mapping[Partition, int]
    state: GroupState = GroupState.UNKNOWN
    readers: tuple[Member, ...] | None = None
    """The members; None unless it is known of all of them what they read, which it is not during a rebalance."""


@dataclass
class Faults:
    """What is wrong between a group and a topic, of the partitions where it is known."""

    without_commit: int = 0
    """Partitions in which the group has committed nothing, though it has in others of the topic."""
    past_end: int = 0
    """Partitions whose end lies before the commit: the topic was made anew or truncated, or the commit is wrong.

    Says nothing where the ends are last stable offsets: who reads uncommitted records passes them in good order."""
    lost_records: int = 0
    """Records that were deleted between the commit and the oldest that is kept: the group can't read them any more."""


class TopicStatus(IntEnum):
    """How a group fares in a topic, in Burrow's words and from good to worst; trend.py has the rules."""

    OK = 0
    WARN = 1
    STOP = 2
    STALL = 3
    REWIND = 4


class Trend(NamedTuple):
    """How a group fares, by topic; topics of which it is not known are missing."""

    statuses: dict[str, TopicStatus]
    slopes: dict[str, float]
    """Records a second that the lag grows by, negative when it shrinks."""
    catch_up: dict[str, float]
    """Seconds until the lag is 0 at this slope; a topic whose lag does not shrink is missing, too."""


class Limits(NamedTuple):
    """What retention may delete of a topic."""

    seconds: float | None
    """Records are kept for so long; None when for ever."""
    by_size: bool
    """Whether the oldest are deleted when a partition is too large."""


@dataclass(frozen=True)
class Snapshot:
    """A cluster at one moment. Committed offsets were read before the ends."""

    cluster: str | None
    brokers: int
    topics: Mapping[str, int]
    """Number of partitions of each topic."""
    oldest: Mapping[Partition, int]
    """Offset of the first record that is still kept."""
    ends: Mapping[Partition, int]
    """Offset that the next record will have; partitions whose leader did not answer are missing."""
    groups: tuple[Group, ...]
    problems: tuple[SourceError, ...] = ()
    requests: Mapping[str, int] = field(default_factory=dict)
    """Requests that the exporter has sent since its start, by the name of their API."""
    at: float = 0.0
    """Unix time at which the ends were read."""
    written: Mapping[Partition, Mapping[int, float]] = field(default_factory=dict)
    """Unix time at which the record at an offset was written, for the records that groups read next (seconds.py)."""
    received: int = 0
    """Bytes of the answers since the collection before."""
    took: float = 0.0
    """Seconds that the collection took."""
    placements: Mapping[str, Placement] = field(default_factory=dict)
    """Where the partitions of each topic are."""
    nodes: tuple[Node, ...] = ()
    """By number; `brokers` counts those that are there."""
    isolation: Isolation = "read_uncommitted"
    """Which ends were asked for."""
    trends: Mapping[str, Trend] = field(default_factory=dict)
    """How the groups have fared, by name (trend.py)."""
    limits: Mapping[str, Limits] = field(default_factory=dict)
    """Limits of topics; those that are not known are missing (retention.py)."""
    deleted: Mapping[Partition, float] = field(default_factory=dict)
    """Records a second by which the oldest offset of a partition has moved, where it has (retention.py)."""

    def lag(self, group: Group) -> dict[Partition, int]:
        """Records between the committed offset and the end, for each partition where both are known.

        Never negative: a commit beyond the end (the topic was deleted and made anew) counts as no lag.
        """
        ends = self.ends
        return {
            partition: end - offset if end > offset else 0
            for partition, offset in group.committed.items()
            if (end := ends.get(partition)) is not None
        }

    def lag_sums(self, group: Group) -> dict[str, int]:
        """Lag by topic; a topic is left out when the end of one of its committed partitions is not known."""
        lag = self.lag(group)
        sums = by_topic(lag)
        if len(lag) == len(group.committed):
            return sums
        unknown = {partition.topic for partition in group.committed if partition not in lag}
        return {topic: total for topic, total in sums.items() if topic not in unknown}

    def lag_seconds(self, group: Group) -> dict[Partition, float]:
        """Age of the oldest record that the group has not read and that is still kept, for each partition where known.

        0 when there is no such record, else at least a millisecond, which is what Kafka counts time in.
        """
        ages = {}
        ends, oldest, written = self.ends, self.oldest, self.written
        for partition, committed in group.committed.items():
            end = ends.get(partition)
            if end is None:
                continue
            kept = oldest.get(partition, 0)
            offset = committed if committed > kept else kept
            if offset >= end:
                ages[partition] = 0.0
            elif (times := written.get(partition)) and offset in times:
                ages[partition] = max(0.001, self.at - times[offset])
        return ages

    def abandoned(self, group: Group) -> dict[str, bool]:
        """Tell of each topic with a commit and that exists whether the group lives and no member reads it.

        Empty when that can't be known: what members read is not told, or is about to change.
        """
        topics = {partition.topic for partition in group.committed} & self.topics.keys()
        if group.state == GroupState.EMPTY:
            return dict.fromkeys(topics, False)
        if group.readers is None:
            return {}
        read = {topic for member in group.readers for topic, partitions in member.assigned.items() if partitions}
        return {topic: bool(group.readers) and topic not in read for topic in topics}

    def retention_seconds(
        self, group: Group, ages: Mapping[str, float], faults: Mapping[str, Faults]
    ) -> dict[str, float]:
        """Seconds until retention deletes the oldest record that the group has not read, by topic where that threatens.

        0 from when it may, and when unread records have been deleted. `ages` are the group's largest lags in seconds.
        """
        soonest = {topic: 0.0 for topic, found in faults.items() if found.lost_records}
        for topic, age in ages.items():
            limits = self.limits.get(topic)
            if age and limits and limits.seconds is not None:
                soonest[topic] = min(soonest.get(topic, inf), max(0.0, limits.seconds - age))
        for partition in self.deleted.keys() & group.committed.keys():
            topic, committed, limits = partition.topic, group.committed[partition], self.limits.get(partition.topic)
            if committed < self.ends.get(partition, 0) and (limits is None or limits.by_size):
                records = max(0, committed - self.oldest[partition])
                soonest[topic] = min(soonest.get(topic, inf), records / self.deleted[partition])
        return dict(sorted(soonest.items()))

    def faults(self, group: Group) -> dict[str, Faults]:
        """What is wrong in each topic that the group has a commit in and that exists."""
        topics = {partition.topic for partition in group.committed} & self.topics.keys()
        found = {topic: Faults(without_commit=self.topics[topic]) for topic in topics}
        ends, oldest = self.ends, self.oldest
        for partition, offset in group.committed.items():
            topic, number = partition
            # a topic that was made anew may have fewer partitions
            if topic in topics and number < self.topics[topic]:
                faults = found[topic]
                faults.without_commit -= 1
                if offset > ends.get(partition, offset):
                    faults.past_end += 1
                if (kept := oldest.get(partition, offset)) > offset:
                    faults.lost_records += kept - offset
        return found


def by_topic(
    values: Mapping[Partition, NumberT], join: Callable[[Iterable[NumberT]], NumberT] = sum
) -> dict[str, NumberT]:
    """Join the values of each topic's partitions into one: their sum, unless told otherwise. Sorted by topic."""
    gathered: defaultdict[str, list[NumberT]] = defaultdict(list)
    for (topic, _), value in values.items():
        gathered[topic].append(value)
    return {topic: join(gathered[topic]) for topic in sorted(gathered)}
