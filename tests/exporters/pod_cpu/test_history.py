"""The arithmetic of two readings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.pod_cpu.history import MIN_AGE, NOT_STALLED, History, Stalled, Stalls, Usage, cores, stalled

OLD = MIN_AGE + 5


@pytest.mark.parametrize(
    ("before", "now", "since", "rate"),
    [
        (None, Usage(5, 3.0), None, None),
        (Usage(0, 3.0), Usage(5, 4.0), 0, 0.2),
        (Usage(0, 3.0), Usage(5, 3.0), 0, 0.0),
        (Usage(0, 3.0, started=-90), Usage(5, 4.0, started=-90), 0, 0.2),
        # a counter that fell, a clock that went back, two readings at once
        (Usage(0, 3.0), Usage(5, 2.0), 0, None),
        (Usage(5, 3.0), Usage(0, 4.0), 5, None),
        (Usage(5, 3.0), Usage(5, 4.0), 5, None),
        (Usage(0, 3.0), Usage(5, float("nan")), 0, None),
        (Usage(0, 3.0), Usage(5, float("inf")), 0, None),
        (None, Usage(OLD, float("inf"), started=OLD - 10), 0, None),
        # restarted: counted from its start, not from what the one before had used, be that more or less
        (Usage(0, 3.0, started=-90), Usage(OLD, 3.5, started=OLD - 10), 0, 0.35),
        (Usage(0, 90.0, started=-90), Usage(OLD, 3.5, started=OLD - 10), 0, 0.35),
        # new since everything was last read: counted from its start, once that says more than how it started
        (None, Usage(OLD, 3.5, started=OLD - 10), 0, 0.35),
        (None, Usage(OLD, 3.5, started=OLD - 9), 0, None),
        # new to us only: its life so far is no interval
        (None, Usage(OLD, 3.5, started=-90), 0, None),
        (None, Usage(OLD, 3.5, started=OLD - 10), None, None),
    ],
)
def test_cores(before: Usage | None, now: Usage, since: float | None, rate: float | None) -> None:
    """CPU seconds a second."""
    assert cores(before, now, since) == rate


numbers = st.floats(0, 1e9) | st.sampled_from([float("nan"), float("inf")])
readings = st.builds(Usage, numbers, numbers, st.none() | numbers)


@given(st.none() | readings, readings, st.none() | numbers)
def test_usage_is_a_number_and_never_negative(before: Usage | None, now: Usage, since: float | None) -> None:
    """Whatever a counter does."""
    rate = cores(before, now, since)
    assert rate is None or 0 <= rate < float("inf")


@pytest.mark.parametrize(
    ("before", "now", "shares"),
    [
        (None, Stalls(5, 10, 9, 1.0), NOT_STALLED),
        (Stalls(0, 10, 2, 1.0), Stalls(5, 60, 12, 2.0), Stalled(0.2, 0.2)),
        # it did not run at all
        (Stalls(0, 10, 2, 1.0), Stalls(5, 10, 2, 1.0), Stalled(0.0, 0.0)),
        # no quota, no PSI
        (Stalls(0), Stalls(5), NOT_STALLED),
        (Stalls(0, None, None, 1.0), Stalls(5, None, None, 2.0), Stalled(None, 0.2)),
        # the counters began again
        (Stalls(0, 10, 2, 1.0), Stalls(5, 6, 1, 0.5), NOT_STALLED),
        # counters are not read at the same instant
        (Stalls(0, 10, 2, 1.0), Stalls(5, 20, 13, 6.5), Stalled(1.0, 1.0)),
    ],
)
def test_stalled(before: Stalls | None, now: Stalls, shares: Stalled) -> None:
    """Shares of periods and of time."""
    assert stalled(before, now) == shares


def test_the_same_reading_again_keeps_its_rate() -> None:
    """Who is asked more often than it measures says the same twice: that is no usage of 0, and none that is unknown."""
    history: History[str, Usage, float | None] = History(cores)
    history.rates({"app": Usage(0, 1.0)})
    assert history.rates({"app": Usage(10, 3.0)}) == {"app": 0.2}
    assert history.rates({"app": Usage(10, 3.0)}) == {"app": 0.2}
    assert history.rates({"app": Usage(20, 8.0)}) == {"app": 0.5}


def test_what_is_gone_is_forgotten() -> None:
    """And is new when it comes again."""
    history: History[str, Usage, float | None] = History(cores)
    history.rates({"app": Usage(0, 1.0), "other": Usage(0, 1.0)})
    assert history.rates({"other": Usage(10, 2.0)}) == {"other": 0.1}
    assert history.rates({"app": Usage(20, 9.0), "other": Usage(20, 3.0)}) == {"app": None, "other": 0.1}


def test_what_started_since_the_last_reading_of_all_counts_from_its_start() -> None:
    """A new pod is seen at once, a pod that is only new to us is not."""
    history: History[str, Usage, float | None] = History(cores)
    history.rates({"old": Usage(0, 1.0, started=-500)})
    found = history.rates({"new": Usage(30, 6.0, started=18), "late": Usage(30, 6.0, started=-1)})
    assert found == {"new": 0.5, "late": None}
