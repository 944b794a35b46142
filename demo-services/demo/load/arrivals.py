"""When each request is due: a Poisson process a stream, as independent clients make it."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from random import Random

from demo.load.scenario import Stream


@dataclass(frozen=True)
class Arrival:
    """One request that is due `at` seconds after the start."""

    at: float
    stream: Stream


def arrivals(streams: Sequence[Stream], factor: float, random: Random) -> Iterator[Arrival]:
    """Every arrival of all streams in order, without end; `factor` multiplies each rate."""
    return heapq.merge(*(_poisson(stream, factor * stream.rate, random) for stream in streams), key=attrgetter("at"))


def _poisson(stream: Stream, rate: float, random: Random) -> Iterator[Arrival]:
    at = 0.0
    while True:
        at += random.expovariate(rate)
        yield Arrival(at, stream)
