"""When retention will delete records that a group has not read.

Two things delete the oldest records of a partition. Which of them can is told by the topic's settings:

- time: a record may go `retention.ms` after it was written, so that is less the age of the oldest unread one;
- size (`retention.bytes`): how many records fit is not known, so what counts is how fast the oldest offset has moved,
  and how far it has to go to the oldest unread one.

The sooner is told. How exact it is: brokers delete whole segments (by time the active one too, by size never), and look
for them every `log.retention.check.interval.ms` (5 minutes unless set otherwise). So by time a record is kept for at
least as long as said, and up to a segment (its newest record decides) and a check longer. By size it is an estimate: it
takes the next deletions to be like the last ones, and can be wrong by one of them.

A topic whose `cleanup.policy` has no `delete` loses nothing that way, nor does one without limits. Where the brokers do
not let us see the settings, whatever moves the oldest offset counts: it may be DeleteRecords, or a limit of time.
"""

from array import array
from collections.abc import Mapping, Set

from exporters.kafka_lag.snapshot import Limits, Partition

SETTINGS = ("cleanup.policy", "retention.ms", "retention.bytes")

MOVES = 8
"""Moves of an oldest offset that are remembered. A partition in which it moves takes 600 bytes at most, others none."""

REFRESH_SECONDS = 300.0
"""Settings of topics seldom change: they are asked for so often."""

UNLIMITED = -1


class TopicLimits:
    """Limits of the topics, as far as they are known, and which to ask for."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.known: dict[str, Limits] = {}
        self._asked: set[str] = set()
        self._refreshed = 0.0
        self._told: set[str] = set()

    def wanted(self, topics: Set[str], at: float) -> list[str]:
        """Those of `topics` that have to be asked for at `at` (Unix seconds). Other topics are forgotten.

        Whatever comes of it, they count as asked.
        """
        if not 0 <= at - self._refreshed < REFRESH_SECONDS:
            self._refreshed = at
            self._asked.clear()
        for gone in self.known.keys() - topics:
            del self.known[gone]
        wanted = topics - self._asked
        self._asked = set(topics)
        return sorted(wanted)

    def learn(self, topic: str, settings: Mapping[str, str]) -> None:
        """Take a topic's settings. Raises ValueError when a number among them is none."""
        self.known[topic] = limits(settings)

    def forget(self, topic: str) -> None:
        """The topic's settings may not be seen any more."""
        self.known.pop(topic, None)

    def forget_topics(self, topics: Set[str]) -> None:
        """Forget these topics: they are gone, and others of the same names are to be asked for."""
        self._asked -= topics
        for topic in topics:
            self.forget(topic)

    def is_news(self, trouble: str) -> bool:
        """Tell whether this trouble is there for the first time."""
        news = trouble not in self._told
        self._told.add(trouble)
        return news


def limits(settings: Mapping[str, str]) -> Limits:
    """What a topic's SETTINGS limit.

    Raises ValueError when a number is none.
    """
    if "delete" not in settings.get("cleanup.policy", "delete").split(","):
        return Limits(None, by_size=False)
    kept, size = int(settings.get("retention.ms", UNLIMITED)), int(settings.get("retention.bytes", UNLIMITED))
    return Limits(None if kept < 0 else kept / 1000, by_size=size >= 0)


class Deletions:
    """How the oldest offsets of a cluster's partitions have moved."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._oldest: dict[Partition, int] = {}
        self._moves: dict[Partition, Moves] = {}

    def forget_topics(self, topics: Set[str]) -> None:
        """Forget these topics: they are gone."""
        for gone in [partition for partition in self._oldest if partition.topic in topics]:
            del self._oldest[gone]
            self._moves.pop(gone, None)

    def observe(self, oldest: Mapping[Partition, int], at: float) -> dict[Partition, float]:
        """Take the oldest offsets that were read at `at` (Unix seconds), and tell where and how fast they move.

        In records per second. Partitions that are not among them, for their leader does not answer, are remembered.
        """
        for partition, offset in oldest.items():
            before = self._oldest.get(partition, offset)
            if offset < before:
                self._moves.pop(partition, None)
            elif offset > before:
                self._moves.setdefault(partition, Moves()).add(offset, at)
        self._oldest.update(oldest)
        rates = {partition: moves.rate(at) for partition, moves in self._moves.items() if partition in oldest}
        return {partition: rate for partition, rate in rates.items() if rate > 0}


class Moves:
    """The last moves of one oldest offset."""

    __slots__ = ("_offsets", "_times")

    def __init__(self) -> None:
        """It has not moved yet."""
        self._offsets = array("q")
        self._times = array("d")

    def add(self, offset: int, at: float) -> None:
        """It has moved to `offset`."""
        self._offsets.append(offset)
        self._times.append(at)
        del self._offsets[:-MOVES], self._times[:-MOVES]

    def rate(self, at: float) -> float:
        """Records per second since the first move, which only begins to count; the longer none comes, the fewer."""
        seconds = at - self._times[0]
        return (self._offsets[-1] - self._offsets[0]) / seconds if seconds > 0 else 0.0
