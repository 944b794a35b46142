"""Who comes most often, in bounded memory, whoever comes: the space-saving sketch.

Metwally, Agrawal, El Abbadi: "Efficient computation of frequent and top-k elements in data streams" (ICDT 2005).

With `size` counters, one that came more than n / size times of n is certainly counted, and no count is more than n /
size too high. A newcomer takes the place, and the count, of the one that came least; that count is how much too high
its own can be.
"""

from collections.abc import Iterator
from typing import NamedTuple


class Count(NamedTuple):
    """How often one came: between ``most - error`` and ``most`` times."""

    most: int
    error: int


class Sketch:
    """Counts of those that came most often."""

    def __init__(self, size: int) -> None:
        """Begin with nobody; `size` counters are all there ever are."""
        self._size = size
        self.total = 0
        """How often anyone came."""
        self._counts: dict[str, Count] = {}
        # by count, so that the one that came least is found at once; dicts keep the order of arrival
        self._ranks: dict[int, dict[str, None]] = {}
        self._least = 0

    def __iter__(self) -> Iterator[tuple[str, Count]]:
        """Give all that are counted, in no order."""
        return iter(self._counts.items())

    def add(self, who: str) -> None:
        """Count `who` once more."""
        self.total += 1
        before = self._counts.get(who) or self._place()
        self._leave(who, before.most)
        self._enter(who, Count(before.most + 1, before.error))

    def age(self) -> None:
        """Halve every count: what came long ago matters less and less, and at last not at all."""
        self.total //= 2
        counts, self._counts, self._ranks = self._counts, {}, {}
        for who, (most, error) in counts.items():
            if most // 2:
                self._enter(who, Count(most // 2, error // 2))
        self._least = min(self._ranks, default=0)

    def _place(self) -> Count:
        """Make room for a newcomer, and say with what count it begins."""
        if len(self._counts) < self._size:
            self._least = 0
            return Count(0, 0)
        while self._least not in self._ranks:
            self._least += 1
        longest_here = next(iter(self._ranks[self._least]))
        count = self._counts.pop(longest_here).most
        self._leave(longest_here, count)
        return Count(count, count)

    def _enter(self, who: str, count: Count) -> None:
        self._counts[who] = count
        self._ranks.setdefault(count.most, {})[who] = None

    def _leave(self, who: str, count: int) -> None:
        rank = self._ranks.get(count)
        if rank is not None and who in rank:
            del rank[who]
            if not rank:
                del self._ranks[count]
