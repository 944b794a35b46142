"""What a history holds, and what it costs."""

import sys
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.kafka_lag.history import KNOTS, History

STATED_BYTES = 2_700


def size(history: History) -> int:
    """Bytes of the history and of what it holds."""
    return sys.getsizeof(history) + sum(
        sys.getsizeof(getattr(history, slot)) for slot in History.__slots__ if slot not in ("timeless",)
    )


def test_an_idle_producer_adds_nothing() -> None:
    """However long the end stays, two knots say so."""
    history = History()
    history.observe(7, 90.0)
    for time in range(100, 10_000):
        history.observe(10, time)
    assert len(history) == 3
    assert history.bracket(8) == (7, 90.0, 10, 100.0)
    history.observe(11, 10_000.0)
    assert history.bracket(10) == (10, 9_999.0, 11, 10_000.0)


def test_it_never_takes_more_than_is_stated() -> None:
    """A group that has stopped for good makes its partition remember, and no more than so much."""
    history, largest = History(), 0
    for number in range(5_000):
        history.observe(number, float(number))
        largest = max(largest, size(history))
        assert len(history) <= KNOTS
    assert largest <= STATED_BYTES


def test_what_every_group_has_read_is_forgotten() -> None:
    """Only what brackets offsets that may still be asked about is kept."""
    history = History()
    for number in range(100):
        history.observe(number * 10, float(number))
    history.forget(975)
    assert len(history) == 3
    assert history.bracket(975) == (970, 97.0, 980, 98.0)


reads = st.tuples(st.just("read"), st.integers(0, 30), st.integers(-5, 30))
answers = st.tuples(st.just("answer"), st.integers(0, 2_000), st.integers(-1, 4_000))


@settings(deadline=None)
@given(st.lists(st.one_of(reads, answers), max_size=400))
def test_knots_rise_in_offset_and_time_whatever_clocks_and_brokers_say(steps: list[tuple[str, int, int]]) -> None:
    """No order of ends and answers, true or not, makes a bracket that ends before it begins, or takes more room."""
    history, end, now = History(), 0, 1_000.0
    history.observe(end, now)
    for kind, first, second in steps:
        if kind == "read":
            end, now = end + first, now + second
            assert history.observe(end, now)
        else:
            history.learn(asked=first * 1_000, offset=second, timestamp=(first + abs(second)) * 1_000)
    brackets = [history.bracket(offset) for offset in range(end)]
    assert all(bracket.after <= bracket.before for bracket in brackets)
    assert all(one.before <= other.before and one.after <= other.after for one, other in pairwise(brackets))
