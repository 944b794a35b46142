"""When each offset of a partition was written, as far as it is known: a bounded list of (end offset, time) knots.

A knot says: at this time the partition ended there. So what lies before its offset had been written by then, and what
lies at its offset or after it had not. A knot comes from each collection, and from each answer of ListOffsets by time.
"""

import math
from array import array
from bisect import bisect_left, bisect_right
from typing import NamedTuple

KNOTS = 128
"""Most knots of a partition. A knot takes 16 bytes, the rest of a history about 400: at most 2,700 bytes a partition,
and under 800 where every group keeps up."""

FIRST_RECORD = 0
"""Timestamp to look up, in Unix milliseconds, for the oldest record that is kept."""


class Bracket(NamedTuple):
    """The two knots around an offset, in Unix seconds: it was written after one and not after the other."""

    first: int
    after: float
    """Minus infinity while nothing is known of the time before."""
    beyond: int
    before: float

    @property
    def width(self) -> float:
        """Seconds between the two."""
        return self.before - self.after

    def estimate(self, offset: int) -> float:
        """Time at which `offset` was written, if records came evenly: the middle of its share of the time between."""
        return self.after + self.width * (offset - self.first + 0.5) / (self.beyond - self.first)


class History:
    """What is known of one partition; knots rise in offset and in time.

    Two knots may have the same offset: nothing was written from the one to the other, however long that was.
    """

    __slots__ = ("_offsets", "_times", "looked_up", "timeless")

    def __init__(self) -> None:
        """Know nothing yet."""
        self._offsets = array("q")
        self._times = array("d")
        self.looked_up = 0
        """Number of the collection that last asked for it; the caller's to set."""
        self.timeless = False
        """Whether the broker found no record with a timestamp: there is nothing to look up."""

    def __len__(self) -> int:
        """Count the knots."""
        return len(self._offsets)

    def observe(self, end: int, time: float) -> bool:
        """Take the `end` that a collection read at `time` (Unix seconds), and tell whether it continues the history.

        An end before the last one means another log under the same name (the topic was made anew, or truncated): all
        that was known is forgotten.
        """
        continues = not self._offsets or end >= self._offsets[-1]
        if not continues:
            del self._offsets[:], self._times[:]
            self.timeless = False
        self._place(end, time)
        return continues

    def learn(self, asked: int, offset: int, timestamp: int) -> None:
        """Take the answer to a look-up: `offset` is the first record at or after `asked`, and `timestamp` its time.

        Both times in Unix milliseconds; `offset` is negative when all records are older than `asked`.
        """
        last = self._offsets[-1]
        if asked == FIRST_RECORD:
            self.timeless = offset < 0
            if not self.timeless and offset < last:
                self._place(0, timestamp / 1000)
                self._place(offset + 1, timestamp / 1000)
        elif 0 <= offset < last:
            self._place(offset, asked / 1000)
            self._place(offset, timestamp / 1000)
            self._place(offset + 1, timestamp / 1000)
        else:
            self._place(last, asked / 1000)

    def forget(self, before: int) -> None:
        """Drop what is only of use for offsets before this one."""
        useless = bisect_right(self._offsets, before) - 1
        if useless > 0:
            del self._offsets[:useless], self._times[:useless]

    def bracket(self, offset: int) -> Bracket:
        """Find the knots around `offset`, which must lie before the last end."""
        after = bisect_right(self._offsets, offset)
        beyond = self._offsets[after], self._times[after]
        if not after:
            return Bracket(offset, -math.inf, *beyond)
        return Bracket(self._offsets[after - 1], self._times[after - 1], *beyond)

    def _place(self, offset: int, time: float) -> None:
        """Add a knot. Clocks differ; where `time` contradicts a neighbour, the order of the offsets is what holds."""
        left, right = bisect_left(self._offsets, offset), bisect_right(self._offsets, offset)
        if left:
            time = max(time, self._times[left - 1])
        if right < len(self._times):
            time = min(time, self._times[right])
        if right - left == 2:
            self._times[left] = min(self._times[left], time)
            self._times[right - 1] = max(self._times[right - 1], time)
            return
        place = bisect_right(self._times, time, left, right)
        self._offsets.insert(place, offset)
        self._times.insert(place, time)
        if len(self._offsets) > KNOTS:
            self._thin()

    def _thin(self) -> None:
        """Drop every other knot but of the newest quarter: the older, the wider apart."""
        older = slice(1, KNOTS * 3 // 4, 2)
        del self._offsets[older], self._times[older]
