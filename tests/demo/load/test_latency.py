"""Percentiles within their stated error."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.load.latency import ERROR, LEAST, MOST, Latencies

SECONDS = st.floats(LEAST, MOST)


def counted(values: list[float]) -> Latencies:
    latencies = Latencies()
    for value in values:
        latencies.add(value)
    return latencies


@given(st.lists(SECONDS, min_size=1, max_size=300), st.floats(0, 1))
def test_every_quantile_is_within_the_error(values: list[float], q: float) -> None:
    """Any quantile of any latencies is no further from the exact nearest-rank one than the stated share of it."""
    exact = sorted(values)[max(1, math.ceil(q * len(values))) - 1]
    found = counted(values).quantile(q)
    assert found == pytest.approx(exact, rel=ERROR + 1e-9)


@given(st.lists(SECONDS, min_size=1))
def test_the_maximum_is_exact_and_bounds_every_quantile(values: list[float]) -> None:
    """The largest latency is kept as it was, and no quantile is above it."""
    latencies = counted(values)
    assert latencies.max == max(values)
    assert (latencies.quantile(1.0) or 0) <= latencies.max


def test_nothing_has_no_quantile() -> None:
    """Without a latency there is no percentile, not a zero."""
    assert Latencies().quantile(0.5) is None


def test_memory_is_bounded() -> None:
    """Latencies over the whole range, and outside it, fill no more buckets than stated."""
    latencies = counted([0.0, 1e9, *(LEAST * 1.001**step for step in range(22_100))])
    assert len(latencies._buckets) <= 1101
    assert latencies.quantile(0.0) == pytest.approx(LEAST, rel=ERROR + 1e-9)
