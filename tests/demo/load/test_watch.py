"""What the log says of failing requests: a line when it begins, a line when it ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from demo.load.generator import Result
from demo.load.watch import WINDOW, Watch


def said(outcomes: list[str], gap: float) -> list[str]:
    """Events in the log after results that are `gap` seconds apart."""
    clock = [0.0]
    watch = Watch(lambda: clock[0])
    with capture_logs() as lines:
        for outcome in outcomes:
            clock[0] += gap
            watch.record(Result("order", outcome, None))
    return [line["event"] for line in lines]


FAIL, BACK = "requests fail", "requests are served again"


@pytest.mark.parametrize(
    ("outcomes", "events"),
    [
        (["202"] * 60, []),
        (["503"] * 60, [FAIL]),
        (["timeout"] * 60, [FAIL]),
        (["202"] * 20 + ["connection_error"] * 60 + ["202"] * 60, [FAIL, BACK]),
        (["429"] * 60, []),
        (["404"] * 60, []),
        (["202", "503"] * 60, []),
        (["abandoned"] * 60, []),
    ],
)
def test_one_line_a_change(outcomes: list[str], events: list[str]) -> None:
    """However long a kind of request fails, its beginning and its end are one line each; a 4xx is no failure."""
    assert said(outcomes, gap=1.0) == events


@given(st.lists(st.sampled_from(["202", "503"]), max_size=400))
def test_flapping_is_no_flood(outcomes: list[str]) -> None:
    """Whatever comes, there is at most one line a window, and the two lines take turns."""
    events = said(outcomes, gap=0.5)
    assert len(events) <= len(outcomes) * 0.5 / WINDOW + 1
    assert events == [FAIL, BACK] * (len(events) // 2) + [FAIL] * (len(events) % 2)
