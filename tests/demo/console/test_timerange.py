"""Time ranges of the URL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.console.timerange import GRID, MAX_POINTS, TimeRangeError, Window, window

NOW = 1_766_448_003.7


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        ("now-5m", "now", Window(1_766_447_700, 1_766_448_000, 5, 1_766_448_000)),
        ("now-1h", "now", Window(1_766_444_400, 1_766_448_000, 15, 1_766_448_000)),
        ("now-2h", "now-1h", Window(1_766_440_800, 1_766_444_400, 15, 1_766_444_400)),
        ("1766440800000", "1766444400000", Window(1_766_440_800, 1_766_444_400, 15, 1_766_444_400)),
        ("now-2s", "now", Window(1_766_447_995, 1_766_448_000, 5, 1_766_448_000)),
    ],
)
def test_a_range_becomes_instants(begin: str, end: str, expected: Window) -> None:
    """Both ends are multiples of the step, which is never finer than Prometheus scrapes."""
    assert window(begin, end, NOW, scrape=5) == expected


@pytest.mark.parametrize(
    ("begin", "end", "message"),
    [
        ("now", "now-5m", "from=now is not before to=now-5m"),
        ("yesterday", "now", "'yesterday' is not a time such as now, now-15m or 1766448000000"),
        ("now-0m", "now", "'0m' is not a duration such as 30s, 15m or 1h"),
        ("now-5y", "now", "'5y' is not a duration"),
        ("<script>", "now", "'<script>' is not a time"),
        ("99999999999999999", "now", "is not a time"),
    ],
)
def test_a_range_that_makes_no_sense_is_named(begin: str, end: str, message: str) -> None:
    """The page shows the sentence; nothing is asked."""
    with pytest.raises(TimeRangeError) as caught:
        window(begin, end, NOW, scrape=5)
    assert message in str(caught.value)


@given(st.integers(1, 10**9), st.integers(0, 10**9), st.sampled_from([1.0, 5.0, 15.0, 60.0]))
def test_any_range_has_few_aligned_points(length: int, before: int, scrape: float) -> None:
    """However long the range: few points, on multiples of the step, none in the future."""
    end = 1_766_448_003_000 - before * 1000
    span = window(str(max(0, end - length * 1000 - 1000)), str(max(2000, end)), NOW, scrape)
    assert len(span.instants) <= MAX_POINTS + 1
    assert span.step >= scrape
    assert span.end % span.step == 0
    assert span.instants[-1] == pytest.approx(span.end)
    assert span.end <= NOW
    assert span.at % GRID == 0
