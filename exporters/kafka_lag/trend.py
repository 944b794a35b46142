"""How each group has fared over the last collections: its status, how fast its lag grows (slope.py), when it is gone.

The statuses are those of LinkedIn's Burrow
(https://github.com/linkedin/Burrow/wiki/Consumer-Lag-Evaluation-Rules, core/internal/evaluator/caching.go). The first
rule that holds gives a partition's status; a topic has the worst of its partitions', in the order of `TopicStatus`:

    OK      nothing is unread, or at some time in the window nothing was
    REWIND  the committed offset went back in the window, and not all was read since
    STOP    the committed offset has not moved in the window, and the group has no members
    STALL   it has not moved either, and the group has members, or it is not known whether it has
    WARN    it has moved, and after no move was the lag less than after the one before
    OK      otherwise

Burrow sees each commit, we see what is committed at each collection. So where Burrow says STOP when the last commit is
long ago, and STALL when the same offset is committed again and again, here the members tell the two apart. Burrow's
window is ten commits, ours the time in which ten should come. Burrow forgives a rewind when all had been read before
it, which is when people reset offsets; here what was read since counts. A commit past the end (the topic was made
anew) that is then corrected is no rewind, nor is one in a partition whose end went back with it, or in a topic that has
another id.

The window counts collections that read all of the group's partitions in the topic: one that failed is not among them,
so that no group looks as if it had stopped when it was us. Until the window is full (the exporter has just started, the
group is new, or commits in a partition more) there is no status, unless nothing is unread or a rewind was seen.
"""

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from math import ceil, nan
from operator import sub
from typing import NamedTuple, TypeGuard, cast

from exporters.kafka_lag.slope import POINTS, UNKNOWN, Line
from exporters.kafka_lag.snapshot import Group, Partition, TopicStatus, Trend

WINDOW_SECONDS = 120.0
"""Consumers commit every 5 s unless told otherwise, connectors every 60 s; the window holds two commits of the slow."""

WINDOW_COLLECTIONS = 10
"""Burrow's window, for who collects less often."""

MOST = 2**63 - 1
"""An offset is no larger, and no lag; a sum is cut off there."""

NEVER = 0
"""In place of the turn in which something happened."""

STATUSES = tuple(TopicStatus)


class Trends:
    """What is remembered of a cluster's groups.

    It takes 44 bytes of each partition that a group has committed in, about 160 of each of its topics, 1,200 of itself.
    """

    def __init__(self, interval: float) -> None:
        """Know nothing yet; `interval` is the seconds from a collection to the next."""
        self._window = max(WINDOW_COLLECTIONS, ceil(WINDOW_SECONDS / interval))
        self._line = Line(every=ceil(self._window / POINTS))
        self._courses: dict[str, Course] = {}
        self._ends: Mapping[Partition, int] = {}

    def forget_topics(self, topics: Collection[str]) -> None:
        """Forget these topics: they are gone, though groups may have commits in others of the same names."""
        for course in self._courses.values():
            course.remake({partition for partition in course.partitions if partition.topic in topics})

    def begin(self, ends: Mapping[Partition, int], at: float) -> None:
        """Begin a collection that read these `ends` at `at` (Unix seconds)."""
        if remade := {partition for partition, end in ends.items() if end < self._ends.get(partition, 0)}:
            for course in self._courses.values():
                course.remake(remade)
        self._ends = ends
        self._line.begin(at)
        if self._line.adds:
            for course in self._courses.values():
                course.skip_point(self._line.slot)

    def observe(self, group: Group) -> Trend:
        """Take what a group has committed, and tell its trend in each topic whose ends are all known."""
        course = self._courses.get(group.name)
        offsets = course.aligned(group.committed) if course else None
        if course is None or offsets is None:
            course = self._courses[group.name] = Course(group.committed, self._window, course)
            offsets = [group.committed[partition] for partition in course.partitions]
        ends = [*map(self._ends.get, course.partitions)]
        return course.follow(offsets, ends, TopicStatus.STOP if group.members == 0 else TopicStatus.STALL, self._line)

    def forget_others(self, groups: Collection[str]) -> None:
        """Forget all groups but these."""
        for gone in self._courses.keys() - groups:
            del self._courses[gone]


class Span(NamedTuple):
    """A topic in a course: from which partition on, to before which, are its own."""

    topic: str
    first: int
    last: int


class Course:
    """What is remembered of a group, by partition and by topic.

    What happened is kept as the turn in which it last did; a turn is a collection that read the group.
    """

    def __init__(self, committed: Iterable[Partition], window: int, before: "Course | None") -> None:
        """Begin with what was known `before` of each topic in which the group had committed in the same partitions."""
        self.partitions = sorted(committed)
        self._spans = tuple(_spans(self.partitions))
        self._window = window
        self._turn: int = before._turn if before else window
        """It begins where NEVER lies before the window."""
        now, none = array("I", [self._turn + 1]), array("q", [0])
        partitions, topics = len(self.partitions), len(self._spans)
        self._topics = array("I", (number for number, span in enumerate(self._spans) for _ in range(*span[1:])))
        self._committed, self._lags = none * partitions, none * partitions
        """Offsets in the last turn, 0 when past the end; lags after they last moved."""
        self._moved, self._shrunk, self._read = now * partitions, now * partitions, now * partitions
        self._rewound = array("I", [NEVER]) * partitions
        self._since = now * topics
        self._points = array("q", [UNKNOWN]) * (POINTS * topics)
        """Sums of the lag, POINTS for each topic."""
        self._slopes = array("d", [nan]) * topics
        if before:
            self._inherit(before)

    def aligned(self, committed: Mapping[Partition, int]) -> list[int] | None:
        """Offsets in the order of the partitions; None when others are committed."""
        offsets = [*map(committed.get, self.partitions)]
        return offsets if len(offsets) == len(committed) and _all_known(offsets) else None

    def skip_point(self, slot: int) -> None:
        """Have no point in this slot yet."""
        self._points[slot::POINTS] = array("q", [UNKNOWN]) * len(self._spans)

    def remake(self, partitions: Collection[Partition]) -> None:
        """Forget what was known of partitions that were made anew."""
        for place, partition in enumerate(self.partitions):
            if partition in partitions:
                self._committed[place], self._rewound[place] = 0, NEVER
                self._moved[place] = self._shrunk[place] = self._read[place] = self._turn + 1
                self._break_line(place)

    def follow(self, offsets: list[int], ends: list[int | None], standing: TopicStatus, line: Line) -> Trend:
        """Take a turn; the status of a partition that should move and does not is `standing`."""
        self._turn += 1
        partly = {self._topics[place] for place, end in enumerate(ends) if end is None} if None in ends else set()
        lags = [*map(sub, self._hold(partly, offsets, ends) if partly else cast(list[int], ends), offsets)]
        worst = self._statuses(offsets, lags, standing)
        if min(lags, default=0) < 0:
            lags = [max(0, lag) for lag in lags]
        sums = [sum(lags[first:last]) for _, first, last in self._spans]
        if line.adds:
            self._add_points(sums, partly, line)
        return self._trend(worst, sums, partly)

    def _hold(self, topics: Collection[int], offsets: list[int], ends: Sequence[int | None]) -> list[int]:
        """Give ends with which nothing happens in `topics`, and let no time pass there."""
        held = list(ends)
        for place, number in enumerate(self._topics):
            if number in topics:
                offsets[place] = self._committed[place]
                held[place] = offsets[place] + 1
                for stamps in (self._moved, self._shrunk, self._read, self._rewound):
                    stamps[place] += 1
        for number in topics:
            self._since[number] += 1
        return cast(list[int], held)

    def _statuses(self, offsets: Sequence[int], lags: Sequence[int], standing: TopicStatus) -> bytearray:
        """Take each partition's turn and give the worst status of each topic; lags are negative past the end."""
        turn, horizon = self._turn, self._turn - self._window
        read, rewound, worst = self._read, self._rewound, bytearray(len(self._spans))
        for place, (offset, lag, before, was_read) in enumerate(zip(offsets, lags, self._committed, read, strict=True)):
            if offset != before or lag < 0:
                self._move(place, offset, lag)
            if lag <= 0:
                read[place] = turn
            elif was_read <= horizon or rewound[place] > was_read:
                status = self._unread(place, horizon, standing)
                if status > worst[self._topics[place]]:
                    worst[self._topics[place]] = status
        return worst

    def _move(self, place: int, offset: int, lag: int) -> None:
        if offset < self._committed[place]:
            self._rewound[place] = self._turn
            self._break_line(place)
        if lag < self._lags[place]:
            self._shrunk[place] = self._turn
        self._moved[place], self._lags[place] = self._turn, lag
        self._committed[place] = offset if lag >= 0 else 0

    def _unread(self, place: int, horizon: int, standing: TopicStatus) -> TopicStatus:
        """Status of a partition in which something was unread in the whole window, or since its offset went back."""
        if self._rewound[place] > horizon:
            return TopicStatus.REWIND
        if self._moved[place] <= horizon:
            return standing
        return TopicStatus.WARN if self._shrunk[place] <= horizon else TopicStatus.OK

    def _add_points(self, sums: Sequence[int], partly: Collection[int], line: Line) -> None:
        points = self._points
        for number, lag in enumerate(sums):
            if number not in partly:
                points[number * POINTS + line.slot] = min(lag, MOST)
                self._slopes[number] = line.slope(points[number * POINTS : (number + 1) * POINTS])

    def _trend(self, worst: Sequence[int], sums: Sequence[int], partly: Collection[int]) -> Trend:
        full = self._turn - self._window
        trend = Trend({}, {}, {})
        for number, (span, status, lag, slope) in enumerate(zip(self._spans, worst, sums, self._slopes, strict=True)):
            if number in partly:
                continue
            if self._since[number] <= full or not lag or status == TopicStatus.REWIND:
                trend.statuses[span.topic] = STATUSES[status]
            if slope == slope:
                trend.slopes[span.topic] = slope
            if not lag:
                trend.catch_up[span.topic] = 0.0
            elif slope < 0:
                trend.catch_up[span.topic] = lag / -slope
        return trend

    def _break_line(self, place: int) -> None:
        """Begin the line of the partition's topic anew: its lag has jumped."""
        number = self._topics[place]
        self._points[number * POINTS : (number + 1) * POINTS] = array("q", [UNKNOWN]) * POINTS
        self._slopes[number] = nan

    def _inherit(self, before: "Course") -> None:
        earlier = {span.topic: (number, span) for number, span in enumerate(before._spans)}
        for number, span in enumerate(self._spans):
            old_number, old = earlier.get(span.topic, (0, Span(span.topic, 0, 0)))
            if before.partitions[old.first : old.last] == self.partitions[span.first : span.last]:
                for mine, its in zip(self._by_partition(), before._by_partition(), strict=True):
                    mine[span.first : span.last] = its[old.first : old.last]
                self._since[number], self._slopes[number] = before._since[old_number], before._slopes[old_number]
                self._points[number * POINTS : (number + 1) * POINTS] = before._points[
                    old_number * POINTS : (old_number + 1) * POINTS
                ]

    def _by_partition(self) -> tuple["array[int]", ...]:
        return self._committed, self._lags, self._moved, self._shrunk, self._read, self._rewound


def _spans(partitions: Sequence[Partition]) -> Iterator[Span]:
    first = 0
    for topic, own in groupby(partitions, key=lambda partition: partition.topic):
        last = first + sum(1 for _ in own)
        yield Span(topic, first, last)
        first = last


def _all_known(values: list[int | None]) -> TypeGuard[list[int]]:
    return None not in values
