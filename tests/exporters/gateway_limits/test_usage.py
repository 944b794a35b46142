"""The share of a limit that is in use."""

from typing import Any

import pytest

from exporters.gateway_limits.snapshot import Bucket, Limit
from exporters.gateway_limits.usage import LATELY, MOST_BUCKETS, POINTS, Fullest, Usage

ORDERS = Bucket("orders", "orders")

READINGS: dict[str, tuple[Limit, list[tuple[float, int]], float | None]] = {
    "the first reading has none": (Limit(10, 1), [(0, 5)], None),
    "a window shorter than the interval: its average": (Limit(10, 1), [(0, 0), (5, 25)], 0.5),
    "a full one": (Limit(10, 1), [(0, 0), (5, 50)], 1.0),
    "a burst on top": (Limit(10, 1), [(0, 0), (5, 60)], 1.2),
    "idle": (Limit(10, 1), [(0, 7), (5, 7)], 0.0),
    "a long window fills": (Limit(100, 60), [(0, 0), (5, 10), (10, 30)], 0.3),
    "and forgets what is older than it": (Limit(100, 60), [(0, 0), (30, 90), (60, 90), (90, 90), (120, 90)], 0.0),
    "restarted: from there on": (Limit(100, 60), [(0, 90), (5, 3), (10, 13)], 0.1),
    "no window is known": (Limit(100), [(0, 0), (5, 50)], None),
}


@pytest.mark.parametrize("case", READINGS)
def test_from_how_a_count_grows(case: str) -> None:
    """Requests that passed in the last window, of those that may."""
    limit, readings, expected = READINGS[case]
    usage = Usage()
    for now, taken in readings:
        shares = usage.update(now, {ORDERS: taken}, {ORDERS: limit})
    assert shares == ({} if expected is None else {ORDERS: pytest.approx(expected)})


def test_a_window_of_a_day_is_remembered_in_few_points() -> None:
    """Two days at a reading each 5 s, one request each: the last day's are counted, within a step of the points."""
    usage, limit = Usage(), Limit(86_400 / 5, 86_400)
    for number in range(2 * 86_400 // 5):
        shares = usage.update(number * 5, {ORDERS: number}, {ORDERS: limit})
    assert shares[ORDERS] == pytest.approx(1.0, rel=1 / POINTS)


def test_a_limit_that_is_gone_is_forgotten() -> None:
    """And begins anew when it comes again."""
    usage = Usage()
    usage.update(0, {ORDERS: 1}, {ORDERS: Limit(10, 1)})
    assert usage.update(5, {ORDERS: 1}, {}) == {}
    assert usage.update(10, {ORDERS: 1}, {ORDERS: Limit(10, 1)}) == {}


HEADERS: list[tuple[object, object, float | None]] = [
    (20, 5, 0.75),
    ("20", "5", 0.75),
    ("20, 20;w=60", "0", 1.0),
    ("20", "20", 0.0),
    ("5", "20", 0.0),
    (0, 0, None),
    (None, None, None),
    ("-", "-", None),
    ("20", None, None),
    ("many", "few", None),
    ("9" * 5000, "1", None),
]


@pytest.mark.parametrize(("limit", "remaining", "share"), HEADERS)
def test_from_what_a_response_says(clock: Any, limit: object, remaining: object, share: float | None) -> None:
    """Headers as Envoy writes them; what is missing or no number says nothing."""
    fullest = Fullest(clock)
    fullest.met(ORDERS, limit, remaining)
    assert fullest.shares() == ({} if share is None else {ORDERS: pytest.approx(share)})


def test_the_fullest_of_the_last_minute_counts(clock: Any) -> None:
    """A route without a request since has no share."""
    fullest = Fullest(clock)
    found = []
    for remaining in (2, 5, 9):
        fullest.met(ORDERS, 10, remaining)
        clock.now += LATELY / 2
        found.append(fullest.shares().get(ORDERS))
    clock.now += LATELY
    assert [*found, fullest.shares().get(ORDERS)] == [pytest.approx(0.8), pytest.approx(0.8), pytest.approx(0.5), None]


def test_routes_of_callers_choosing_are_bounded(clock: Any) -> None:
    """Further ones are left out."""
    fullest = Fullest(clock)
    for number in range(10 * MOST_BUCKETS):
        fullest.met(Bucket(f"/orders/{number}", ""), 10, 5)
    assert len(fullest.shares()) == MOST_BUCKETS
