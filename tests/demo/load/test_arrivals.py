"""When requests are due."""

from collections import Counter
from itertools import pairwise, takewhile
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.load.arrivals import arrivals
from demo.load.scenario import Stream

STREAMS = (
    Stream(client="alice", request="order", rate=20),
    Stream(client="bob", request="order", rate=5),
    Stream(client="bob", request="me", rate=1),
)


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_each_stream_arrives_at_its_own_rate(factor: float) -> None:
    """In a thousand seconds each stream's count is within five standard deviations of rate x time."""
    due = takewhile(lambda arrival: arrival.at < 1000, arrivals(STREAMS, factor, Random(1)))
    counts = Counter(arrival.stream for arrival in due)
    for stream in STREAMS:
        expected = 1000 * factor * stream.rate
        assert abs(counts[stream] - expected) < 5 * expected**0.5


def test_gaps_are_spread_as_a_poisson_process_spreads_them() -> None:
    """The gaps of one stream have a standard deviation equal to their mean, as exponential ones do."""
    source = arrivals(STREAMS[:1], 1.0, Random(2))
    times = [next(source).at for _ in range(20_000)]
    gaps = [later - sooner for sooner, later in pairwise(times)]
    mean = sum(gaps) / len(gaps)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert deviation / mean == pytest.approx(1, rel=0.05)


@given(st.integers(), st.lists(st.floats(0.01, 1000), min_size=1, max_size=6))
def test_arrivals_never_go_back_in_time(seed: int, rates: list[float]) -> None:
    """Whatever the streams, the merged arrivals are in order."""
    streams = [Stream(client="alice", request="me", rate=rate) for rate in rates]
    source = arrivals(streams, 1.0, Random(seed))
    times = [next(source).at for _ in range(100)]
    assert times == sorted(times)
