"""A count that is the difference of two."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.gateway_limits.difference import Difference, Differences

READINGS = [
    ([(10, 4)], 6),
    # read in the middle of a request: one is in the whole, and not yet in the part
    ([(11, 4), (12, 6)], 7),
    ([(10, 4), (30, 14)], 16),
    # the part read later than the whole
    ([(3, 4)], 0),
    # restarted
    ([(10, 4), (2, 2)], 0),
    ([(10, 4), (10, 3)], 7),
]


@pytest.mark.parametrize(("readings", "value"), READINGS)
def test_it_never_falls_unless_a_count_does(readings: list[tuple[int, int]], value: int) -> None:
    """A smaller difference of counts that rose is a matter of when each was read."""
    differences: Differences[str] = Differences()
    for reading in readings:
        found = differences.update({"orders": reading})
    assert found == {"orders": value}


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50))))
def test_it_rises_as_its_counts_do(steps: list[tuple[int, int]]) -> None:
    """Whatever order the two are read in."""
    before = None
    whole = part = 0
    for more, of_these in steps:
        whole, part = whole + more, part + of_these
        after = Difference.after(before, whole, part)
        assert after.value >= (before.value if before else 0)
        before = after
