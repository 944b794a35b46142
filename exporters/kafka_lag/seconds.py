"""Lag in seconds: the age of the oldest record that a group has not read.

The record is the one at offset c = max(committed, oldest that is kept). With c between two knots of the partition's
history, (E1, T1) and (E2, T2), E1 <= c < E2, it was written at

    t = T1 + (T2 - T1) * (c - E1 + 1/2) / (E2 - E1),   moved into T2 - interval ... T1 + interval

and its age is `now - t`, at least 1 ms; the age is 0 when c is the end, and only then. `interval` is the collections'.

How exact: t lies as the truth does from T1 to T2. A value is final when T2 - T1 is at most two intervals; by what it is
moved into, it is then at most one interval from the truth, however uneven the records came. That is so for each c
that came to be after the exporter's start and while collections worked, for an interval is what lies between knots
(the time that reading the ends takes comes on top).
For an older c (the exporter has just started, an outage was long, a history was thinned out) the broker is asked for
the first record at or after a time between T1 and T2: its offset and timestamp narrow the two. The times are by turns
just beyond where c is expected, on the side where more can be cut off, and the middle, which halves T2 - T1 at least.
The questions stop when the value is final. Until then there is a value when T2 - T1 is at most a tenth of the age
(which then is how exact it is), else none.

A record is as old as the time since its offset was seen to exist, and where the broker was asked, as its timestamp says
(CreateTime is the producer's clock, and its to set; out of order, the largest until then counts). A time after a
collection that saw the record is taken for that collection's. Where the end is the last stable offset, records exist
from when they can be read. In a compacted topic the record at c may be gone: the age is then between those of its
neighbours.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from heapq import nsmallest
from itertools import islice
from math import inf

from exporters.kafka_lag.history import FIRST_RECORD, Bracket, History
from exporters.kafka_lag.snapshot import Group, Partition

LOOKUPS_AT_ONCE = 500
"""Partitions that a leader looks up in one step at most; each costs it a search in an index and a read of the log."""

TENTH = 0.1
"""Share of its age by which an age that is not final may be wrong and is told nevertheless."""

FEW = 20
"""Offsets of a partition that are weighed for the next question; thousands of groups may wait in one."""

STEPS = 8
"""Look-ups that a leader does in a collection at most, one after the other: each is one request."""


class Ages:
    """Histories of a cluster's partitions, and when the offsets were written that groups have to read next.

    Such an offset takes 300 bytes at most, however many groups wait at it.
    """

    def __init__(self, interval: float) -> None:
        """Know nothing yet; `interval` is the seconds from a collection to the next."""
        self._interval = interval
        self._histories: dict[Partition, History] = {}
        self._final: dict[Partition, dict[int, float]] = {}
        self._open: dict[Partition, list[int]] = {}
        self._collections = 0
        self._at = -inf
        """Unix time of the last collection."""

    def forget_topics(self, topics: Collection[str]) -> None:
        """Forget these topics: they are gone."""
        self._keep([partition for partition in self._histories if partition.topic not in topics])

    def begin(self, partitions: Collection[Partition], at: float) -> None:
        """Begin a collection at `at` (Unix seconds); partitions that the cluster has no longer are forgotten.

        All of them are when the clock was set back: what was seen until now would seem to be still to come.
        """
        self._collections += 1
        self._open = {}
        self._keep(partitions if at >= self._at - self._interval else ())
        self._at = at

    def observe(self, partition: Partition, end: int, unread: Collection[int], at: float) -> None:
        """Take the `end` that was read at `at` (Unix seconds), and the offsets before it that groups read next."""
        history = self._histories.get(partition)
        if history is None:
            history = self._histories[partition] = History()
        known = self._final.pop(partition, {})
        if not history.observe(end, at):
            known = {}
        history.forget(min(unread, default=end))
        if unread:
            self._final[partition] = {offset: known[offset] for offset in unread if offset in known}
            self._settle(partition, [offset for offset in unread if offset not in known])

    def waiting(self) -> list[Partition]:
        """Partitions that have to be looked up."""
        return [partition for partition in self._open if not self._histories[partition].timeless]

    def questions(self, partitions: Iterable[Partition], step: int, most: int) -> dict[Partition, int]:
        """Times to look up (Unix milliseconds) in one of the STEPS, for so many that have waited longest."""
        histories, waiting = self._histories, (partition for partition in partitions if partition in self._open)
        askable = (partition for partition in waiting if not histories[partition].timeless)
        chosen = nsmallest(most, askable, key=lambda partition: histories[partition].looked_up)
        return {partition: self._question(partition, halve=step % 2 == 1) for partition in chosen}

    def learn(self, partition: Partition, asked: int, found: tuple[int, int] | None) -> None:
        """Take offset and timestamp (Unix milliseconds) of the first record at or after the time that was asked for.

        The offset is negative when there is none; `found` is None when the broker did not answer.
        """
        history = self._histories[partition]
        history.looked_up = self._collections
        if found is not None:
            history.learn(asked, *found)
            self._settle(partition, self._open.pop(partition))

    def written(self, at: float) -> Mapping[Partition, Mapping[int, float]]:
        """Time at which each offset was written (Unix seconds), by partition; of what is known well enough by now."""
        near = {partition: self._near(partition, offsets, at) for partition, offsets in self._open.items()}
        return self._final | {partition: self._final[partition] | times for partition, times in near.items()}

    def _keep(self, partitions: Collection[Partition]) -> None:
        for gone in self._histories.keys() - partitions:
            del self._histories[gone]
            self._final.pop(gone, None)

    def _settle(self, partition: Partition, offsets: Iterable[int]) -> None:
        """Keep the times that are final, and the offsets whose times are not."""
        history = self._histories[partition]
        waiting = []
        for offset in offsets:
            bracket = history.bracket(offset)
            if bracket.width <= 2 * self._interval:
                self._final[partition][offset] = self._time(bracket, offset)
            else:
                waiting.append(offset)
        if waiting:
            self._open[partition] = waiting

    def _time(self, bracket: Bracket, offset: int) -> float:
        earliest, latest = bracket.before - self._interval, bracket.after + self._interval
        return min(max(bracket.estimate(offset), earliest), latest)

    def _near(self, partition: Partition, offsets: Iterable[int], at: float) -> dict[int, float]:
        brackets = ((offset, self._histories[partition].bracket(offset)) for offset in offsets)
        return {
            offset: bracket.estimate(offset)
            for offset, bracket in brackets
            if bracket.width <= TENTH * (at - bracket.before)
        }

    def _question(self, partition: Partition, halve: bool) -> int:
        """Ask for the offset of which least is known, of the first few."""
        first = islice(self._open[partition], FEW)
        brackets = ((offset, self._histories[partition].bracket(offset)) for offset in first)
        offset, bracket = max(brackets, key=lambda found: found[1].width)
        if bracket.width == inf:
            return FIRST_RECORD
        middle, time = bracket.after + bracket.width / 2, bracket.estimate(offset)
        if halve:
            time = middle
        else:
            time += self._interval / 2 if time < middle else -self._interval / 2
        # a time between the knots always narrows them
        return max(min(round(time * 1000), round(bracket.before * 1000) - 1), round(bracket.after * 1000) + 1)


def unread(
    group: Group, ends: Mapping[Partition, int], oldest: Mapping[Partition, int]
) -> Iterator[tuple[Partition, int]]:
    """Offset of the oldest record that the group has not read, in each partition that it has not read to the end."""
    for partition, committed in group.committed.items():
        end = ends.get(partition)
        if end is not None and committed < end:
            kept = oldest.get(partition, 0)
            offset = committed if committed > kept else kept
            if offset < end:
                yield partition, offset
