"""How fast lag grows: the slope of the least-squares line through POINTS sums of it, spread over a window.

Lag is counted, not measured: there are no outliers that the median of all slopes (Theil and Sen) would have to keep
out, at 28 slopes a topic; what has to be evened out is that commits come in steps. Where the lag jumps for another
reason (a rewind, a topic made anew) the line begins again. It is computed in whole numbers: a lag that stands still has
the slope 0, however large it is.
"""

from collections.abc import Sequence
from math import nan
from operator import mul

POINTS, FEWEST_POINTS = 8, 3
"""Points of a line, and how many it needs. Each takes 8 bytes of a group and topic."""

UNKNOWN = -1
"""In place of a sum of the lag."""


class Line:
    """Through the lags of each topic at the same times: the newest takes the slot of the oldest."""

    def __init__(self, every: int) -> None:
        """Have no times yet; `every` so many collections there is one."""
        self.adds = False
        """Whether this collection is one of them."""
        self.slot = -1
        self._every = every
        self._collections = 0
        self._times: list[int] = []
        self._weights: Sequence[int] = ()
        self._divisor = 0

    def begin(self, at: float) -> None:
        """Begin a collection at `at` (Unix seconds)."""
        self.adds = self._collections % self._every == 0
        self._collections += 1
        if self.adds:
            self.slot = (self.slot + 1) % POINTS
            self._times[self.slot : self.slot + 1] = [round(at * 1000)]
            self._weights, self._divisor = _least_squares(self._times)

    def slope(self, lags: Sequence[int]) -> float:
        """Records a second, NaN while there are too few points; of `lags`, each slot has a sum or UNKNOWN."""
        known, weights, divisor = lags[: len(self._times)], self._weights, self._divisor
        if UNKNOWN in known:
            there = [slot for slot, lag in enumerate(known) if lag != UNKNOWN]
            weights, divisor = _least_squares([self._times[slot] for slot in there])
            known = [known[slot] for slot in there]
        if len(known) < FEWEST_POINTS or not divisor:
            return nan
        slope: float = 1000 * sum(map(mul, weights, known)) / divisor
        return slope


def _least_squares(times: Sequence[int]) -> tuple[Sequence[int], int]:
    """Weights and a divisor, so that the slope is the sum of weight times value by the divisor; 0 of equal times.

    https://en.wikipedia.org/wiki/Simple_linear_regression, both fractions expanded with the number of points.
    """
    count, total = len(times), sum(times)
    return [count * time - total for time in times], count * sum(map(mul, times, times)) - total * total
