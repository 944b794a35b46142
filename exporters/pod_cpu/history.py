"""Two readings of a counter make a rate; the one before is kept here."""

from collections.abc import Callable, Mapping
from math import inf
from typing import Generic, NamedTuple, Protocol, TypeVar

MIN_AGE = 10.0
"""Seconds after which the start of a container serves as its reading before the first, as in metrics-server
(https://github.com/kubernetes-sigs/metrics-server/blob/master/pkg/storage/pod.go): less is mostly the start itself."""


class Usage(NamedTuple):
    """CPU seconds that a container has used. Times are seconds of one clock."""

    at: float
    used: float
    started: float | None = None


class Stalls(NamedTuple):
    """How often a container was held up. ``periods`` are those of its quota in which it ran at all."""

    at: float
    periods: float | None = None
    throttled: float | None = None
    """Periods in which the quota was used up."""
    waited: float | None = None
    """Seconds in which some task waited for a processor (PSI)."""


class Stalled(NamedTuple):
    """Shares, 0 to 1, between two readings."""

    throttled: float | None
    pressure: float | None


NOT_STALLED = Stalled(None, None)


class Reading(Protocol):
    """What a counter said at one moment."""

    @property
    def at(self) -> float:
        """Seconds of the clock of whoever measured."""


Key = TypeVar("Key")
ReadingT = TypeVar("ReadingT", bound=Reading)
Rate = TypeVar("Rate")


class History(Generic[Key, ReadingT, Rate]):
    """The last reading of each thing. What is not read again is forgotten."""

    def __init__(self, rate: Callable[[ReadingT | None, ReadingT, float | None], Rate]) -> None:
        """`rate` is given the reading before, the reading, and the time since which everything was watched."""
        self._rate = rate
        self._kept: dict[Key, tuple[ReadingT, Rate]] = {}
        self._newest: float | None = None

    def rates(self, readings: Mapping[Key, ReadingT]) -> dict[Key, Rate]:
        """Compare with the readings before and keep these.

        A reading that is no newer is the same one, read again (a kubelet measures each 10 s or so, however often it is
        asked): its rate holds until there is another.
        """
        before, kept = self._kept, {}
        for key, reading in readings.items():
            known = before.get(key)
            if known is None:
                kept[key] = (reading, self._rate(None, reading, self._newest))
            elif known[0].at == reading.at:
                kept[key] = known
            else:
                kept[key] = (reading, self._rate(known[0], reading, self._newest))
        self._kept = kept
        if readings:
            self._newest = max([reading.at for reading in readings.values()])
        return {key: rate for key, (_, rate) in kept.items()}


def cores(before: Usage | None, now: Usage, since: float | None) -> float | None:
    """Cores in use between two readings, None when that can't be said.

    A container that was not there at `since`, or started again, is counted from its start once it is MIN_AGE old. A
    counter that fell without a new start says nothing.
    """
    if before is not None and before.started == now.started:
        # a number that is none is not greater either
        grew = now.at > before.at and before.used <= now.used < inf
        return (now.used - before.used) / (now.at - before.at) if grew else None
    if now.started is None or since is None:
        return None
    age = now.at - now.started
    return now.used / age if now.started >= since and age >= MIN_AGE and 0 <= now.used < inf else None


def stalled(before: Stalls | None, now: Stalls, _since: float | None = None) -> Stalled:
    """Shares between two readings. A container with a quota that did not run at all was not throttled either."""
    if before is None or now.at <= before.at:
        return NOT_STALLED
    return Stalled(_throttled(before, now), _share(before.waited, now.waited, now.at - before.at))


def _throttled(before: Stalls, now: Stalls) -> float | None:
    if before.periods is None or now.periods is None:
        return None
    periods = now.periods - before.periods
    return 0.0 if periods == 0 else _share(before.throttled, now.throttled, periods)


def _share(before: float | None, now: float | None, whole: float) -> float | None:
    if before is None or now is None or not (now >= before and whole > 0):
        return None
    return min(1.0, (now - before) / whole)
