"""Percentiles of latencies in bounded memory, each within 1 % of the true one.

DDSketch with a fixed range: Masson, Rim, Lee, "DDSketch: a fast and fully-mergeable quantile sketch with
relative-error guarantees", VLDB 2019 (arXiv:1908.10693). Bucket i counts the values in (g^(i-1), g^i] with
g = (1+a)/(1-a), and answers 2g^i/(g+1), which is no further than the share a from any of them.
"""

import math
from collections import Counter

ERROR = 0.01
"""The relative error a; it holds for latencies from LEAST to MOST."""

LEAST, MOST = 1e-6, 3600.0
"""Seconds; what lies outside counts as the nearer end. 1,101 buckets at most."""

_GAMMA = (1 + ERROR) / (1 - ERROR)
_LOG_GAMMA = math.log(_GAMMA)


class Latencies:
    """Counts latencies, in seconds, and answers their percentiles."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self.count = 0
        self.max = 0.0
        self._buckets: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """Count one."""
        self.count += 1
        self.max = max(self.max, seconds)
        self._buckets[math.ceil(math.log(min(max(seconds, LEAST), MOST)) / _LOG_GAMMA)] += 1

    def quantile(self, q: float) -> float | None:
        """Answer the value of rank ceil(q count) in ascending order, within ERROR; None when there is none.

        The nearest-rank definition, as HdrHistogram's: at least the share q of the values is no larger.
        """
        rank = max(1, math.ceil(q * self.count))
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= rank:
                return min(2 * _GAMMA**bucket / (_GAMMA + 1), self.max)
        return None
