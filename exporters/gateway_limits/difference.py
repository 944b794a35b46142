"""What a gateway's counts say together: the difference of two, and whether one has risen."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)


@dataclass(frozen=True)
class Difference:
    """How many of `whole` are not in `part`.

    The two are not read at the same instant, so their difference can fall by one or two. Prometheus would take that for
    a restart and count all of it once more; hence the value only falls when one of the counts does.
    """

    whole: int
    part: int
    value: int

    @classmethod
    def after(cls, before: "Difference | None", whole: int, part: int) -> "Difference":
        """Take the next reading of both counts."""
        value = max(0, whole - part)
        if before and whole >= before.whole and part >= before.part:
            value = max(value, before.value)
        return cls(whole, part, value)


class Differences(Generic[KeyT]):
    """Differences of one gateway, from read to read."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._known: Mapping[KeyT, Difference] = {}

    def update(self, counts: Mapping[KeyT, tuple[int, int]]) -> dict[KeyT, int]:
        """Values by key, from ``(whole, part)``; what is no longer counted is forgotten."""
        known = self._known
        self._known = {key: Difference.after(known.get(key), *pair) for key, pair in counts.items()}
        return {key: difference.value for key, difference in self._known.items()}


class Rise:
    """Whether a count has risen since it was read before."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._before: int | None = None

    def update(self, count: int) -> bool:
        """Take the next reading; the first, and one after a restart, tell nothing."""
        before, self._before = self._before, count
        return before is not None and count > before
