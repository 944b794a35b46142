"""Statuses, slopes and forecasts against courses whose truth is known."""

from collections.abc import Mapping, Sequence
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.kafka_lag.slope import FEWEST_POINTS
from exporters.kafka_lag.snapshot import Group, Partition, TopicStatus, Trend
from exporters.kafka_lag.trend import WINDOW_COLLECTIONS, Trends

INTERVAL = 12.0
"""With which the window is WINDOW_COLLECTIONS."""

START = 1_700_000_000.0
P0, P1, Q0 = Partition("p", 0), Partition("p", 1), Partition("q", 0)
W = WINDOW_COLLECTIONS
OK, WARN, STOP, STALL, REWIND = TopicStatus


class Watched:
    """A cluster with one group, collection after collection."""

    def __init__(self, interval: float = INTERVAL) -> None:
        self.trends = Trends(interval)
        self.interval = interval
        self.at = START

    def collect(self, committed: Mapping[Partition, int], ends: Mapping[Partition, int], members: int | None) -> Trend:
        """One collection, an interval after the one before."""
        self.at += self.interval
        self.trends.begin(ends, self.at)
        return self.trends.observe(Group("billing", members, committed))

    def follow(self, committed: Sequence[int], ends: Sequence[int], members: int | None = 1) -> TopicStatus | None:
        """Collections that find these offsets and ends of one partition; the status in the last."""
        for offset, end in zip(committed, ends, strict=True):
            trend = self.collect({P0: offset}, {P0: end}, members)
        return trend.statuses.get("p")


def line(start: int, step: int, count: int = 2 * W) -> list[int]:
    return [start + step * number for number in range(count)]


STILL, GROWING = line(1_000, 0), line(1_000, 10)


@pytest.mark.parametrize(
    ("committed", "ends", "members", "status"),
    [
        pytest.param(STILL, STILL, 1, OK, id="idle, and all is read"),
        pytest.param(STILL, STILL, 0, OK, id="stopped, and all is read"),
        pytest.param(line(500, 20), GROWING, 1, OK, id="catches up"),
        pytest.param(line(500, 5), GROWING, 1, WARN, id="falls behind"),
        pytest.param(line(900, 10), GROWING, 1, WARN, id="reads, and stays as far behind"),
        pytest.param(line(900, 0), GROWING, 1, STALL, id="stands still while records come"),
        pytest.param(line(900, 0), STILL, 1, STALL, id="stands still while none come"),
        pytest.param(line(900, 0), GROWING, None, STALL, id="stands still, members not known"),
        pytest.param(line(900, 0), GROWING, 0, STOP, id="has gone while records come"),
        pytest.param(line(900, 0), STILL, 0, STOP, id="has gone while none come"),
        pytest.param([*line(900, 0, W), *line(901, 0, W)], STILL, 1, OK, id="moved just within the window"),
        pytest.param([*STILL[:-3], 1_000, 1_000, 1_000], [*STILL[:-3], 1_010, 1_020, 1_030], 1, OK, id="read all"),
        pytest.param([*line(1_000, 10, 2 * W - 3), 7, 7, 7], GROWING, 1, REWIND, id="reset, after all was read"),
        pytest.param([*line(500, 5, 2 * W - 3), 7, 7, 7], GROWING, 1, REWIND, id="reset, from behind"),
        pytest.param([*line(500, 5, W), *line(7, 20, W)], GROWING, 1, REWIND, id="reset, a window ago"),
        pytest.param([*line(500, 5, W - 1), *line(7, 20, W + 1)], GROWING, 1, OK, id="reset, before the window"),
        pytest.param([*line(500, 5, W), *[1_180] * W], GROWING, 1, OK, id="moved ahead by hand"),
        pytest.param([*GROWING[:-3], 7, 1_180, 1_190], GROWING, 1, OK, id="reset, and all was read since"),
        pytest.param([*STILL[:-2], 0, 2], [*STILL[:-4], 1, 2, 3, 4], 1, OK, id="made anew, and starts over"),
        pytest.param([*STILL[:-2], 0, 2], [*STILL[:-2], 3, 4], 1, OK, id="made anew, and starts over at once"),
        pytest.param(STILL, [*STILL[:W], *line(1, 1, W)], 1, OK, id="made anew, and nobody noticed"),
    ],
)
def test_status(committed: list[int], ends: list[int], members: int | None, status: TopicStatus) -> None:
    """Burrow's rules, and what they become where we see less, or want more, than Burrow."""
    assert Watched().follow(committed, ends, members) is status


def test_a_consumer_that_commits_seldom_is_measured_after_its_commits() -> None:
    """Between them the lag rises and falls; what counts is whether it is less after one commit than after the other."""
    ends = line(1_000, 10, 3 * W)
    for gained, status in ((35, WARN), (45, OK)):
        committed = [500 + gained * (number // 4) for number in range(3 * W)]
        assert Watched().follow(committed, ends) is status


def test_a_connector_that_commits_once_a_minute_has_not_stalled() -> None:
    """At five seconds from a collection to the next."""
    watched = Watched(interval=5.0)
    for number in range(200):
        trend = watched.collect({P0: 600 * (number // 12)}, {P0: 600 + 50 * number}, 1)
        assert trend.statuses.get("p") in (None, OK, WARN)


def test_there_is_no_status_before_the_window_is_full() -> None:
    """But where all is read, and after a rewind."""
    watched = Watched()
    assert [watched.follow([900], [1_000 + number]) for number in range(W + 2)] == [None] * W + [STALL] * 2
    assert Watched().follow([1_000], [1_000]) is OK
    assert Watched().follow([900, 100], [1_000, 1_000]) is REWIND


def test_the_worst_partition_tells_the_status_of_its_topic() -> None:
    """Other topics have their own."""
    watched = Watched()
    for number in range(2 * W):
        ends = {P0: 1_000 + 10 * number, P1: 50, Q0: 7}
        trend = watched.collect({P0: 900 + 10 * number, P1: 49, Q0: 7}, ends, 1)
    assert trend.statuses == {"p": STALL, "q": OK}


def test_collections_that_failed_make_nobody_look_as_if_it_had_stopped() -> None:
    """An hour without us, in which a group that is well has read on."""
    watched = Watched()
    watched.follow(line(1_000, 10), line(1_000, 10))
    watched.at += 3_600
    assert watched.follow([9_000], [9_010]) is OK
    assert watched.follow([9_000] * (W - 2), [9_010] * (W - 2)) is OK
    assert watched.follow([9_000] * 2, [9_010] * 2) is STALL


def test_a_topic_that_is_partly_read_has_no_trend_and_no_time_passes_for_it() -> None:
    """Its leader is away for longer than the window; other topics go on."""
    watched = Watched()
    for number in range(2 * W):
        watched.collect({P0: number, P1: number, Q0: number}, {P0: number, P1: number, Q0: number + 9}, 1)
    for _ in range(2 * W):
        trend = watched.collect({P0: 90, P1: 90, Q0: 90}, {P0: 95, Q0: 99}, 1)
        assert trend.statuses.keys() == trend.slopes.keys() == {"q"}
        assert "p" not in trend.catch_up
    assert trend.statuses["q"] is STALL
    trend = watched.collect({P0: 90, P1: 90, Q0: 90}, {P0: 95, P1: 95, Q0: 99}, 1)
    assert trend.statuses["p"] is OK


def test_a_topic_in_which_a_group_begins_to_commit_leaves_the_others_as_they_were() -> None:
    """What was known of them is kept."""
    watched = Watched()
    for number in range(2 * W):
        trend = watched.collect({Q0: 5}, {Q0: 9, P0: number}, 1)
    before = trend
    trend = watched.collect({Q0: 5, P0: 3}, {Q0: 9, P0: 50}, 1)
    assert trend.statuses == before.statuses == {"q": STALL}
    assert trend.slopes == before.slopes
    trend = watched.collect({Q0: 5}, {Q0: 9, P0: 50}, 1)
    assert trend.statuses == before.statuses


def test_a_group_that_is_gone_is_forgotten() -> None:
    """And one that comes again under its name begins anew."""
    watched = Watched()
    assert watched.follow(line(900, 0), GROWING) is STALL
    watched.trends.forget_others({"answers"})
    assert watched.follow([900], [2_000]) is None


@pytest.mark.parametrize("step", [7, 0, -3])
def test_slope_and_time_to_catch_up(step: int) -> None:
    """Records per second; the time is there while the lag shrinks."""
    watched = Watched()
    for number in range(2 * W):
        trend = watched.collect({P0: 10 * number, P1: 0}, {P0: 500 + (10 + step) * number, P1: 500}, 1)
    assert trend.slopes["p"] == pytest.approx(step / INTERVAL)
    if step < 0:
        lag = 1_000 + step * (2 * W - 1)
        assert trend.catch_up["p"] == pytest.approx(lag / (3 / INTERVAL))
    else:
        assert trend.catch_up == {}


def test_a_lag_that_stands_still_has_no_slope_however_large_it_is() -> None:
    """Not a tiny one, by which it would shrink in a million years."""
    watched = Watched()
    for number in range(3 * W):
        watched.at += number / 7
        trend = watched.collect({P0: 1}, {P0: 2**60 + 1}, 1)
    assert trend.slopes == {"p": 0.0}
    assert trend.catch_up == {}


def test_who_has_read_all_has_caught_up_whatever_the_slope() -> None:
    """From the first collection on."""
    watched = Watched()
    assert watched.collect({P0: 9}, {P0: 9}, 1).catch_up == {"p": 0.0}
    for _ in range(W):
        watched.collect({P0: 9}, {P0: 5_000}, 1)
    assert watched.collect({P0: 5_000}, {P0: 5_000}, 1).catch_up == {"p": 0.0}


def test_a_line_begins_again_after_a_jump() -> None:
    """After a reset the group catches up, though over the window its lag has grown."""
    watched = Watched()
    watched.follow(GROWING, GROWING)
    slopes = []
    for number in range(W):
        trend = watched.collect({P0: 40 * number}, {P0: 1_200 + 10 * number}, 1)
        slopes.append(trend.slopes.get("p"))
    assert slopes[0] is None
    assert slopes[-1] == pytest.approx(-30 / INTERVAL)
    assert slopes.count(None) <= 2 * FEWEST_POINTS


def test_the_slope_evens_out_commits_in_steps() -> None:
    """A commit every 5th collection, and a group that falls behind by 2 records a collection."""
    watched = Watched(interval=5.0)
    for number in range(100):
        trend = watched.collect({P0: 40 * (number // 5)}, {P0: 100 + 10 * number}, 1)
    assert trend.slopes["p"] == pytest.approx(2 / 5, abs=0.4)


offsets = st.one_of(st.integers(0, 20), st.integers(0, 2**63 - 1))
collections = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from([P0, P1, Q0]), offsets),
        st.dictionaries(st.sampled_from([P0, P1, Q0]), offsets),
        st.sampled_from([None, 0, 1]),
        st.floats(-100, 100),
    ),
    max_size=40,
)


@given(collections)
def test_whatever_is_committed_and_whatever_ends_come_in_any_order(
    course: list[tuple[dict[Partition, int], dict[Partition, int], int | None, float]],
) -> None:
    """Nothing is NaN, infinite or negative, a clock that jumps included; nothing is told of what is not known."""
    watched = Watched()
    for committed, ends, members, jump in course:
        watched.at += jump
        trend = watched.collect(committed, ends, members)
        whole = {p.topic for p in committed} - {p.topic for p in committed if p not in ends}
        assert trend.statuses.keys() | trend.slopes.keys() | trend.catch_up.keys() <= whole
        assert all(isfinite(slope) for slope in trend.slopes.values())
        assert all(isfinite(seconds) and seconds >= 0 for seconds in trend.catch_up.values())
        for topic in whole:
            lags = [max(0, ends[p] - offset) for p, offset in committed.items() if p.topic == topic]
            assert (trend.catch_up.get(topic) == 0) == (sum(lags) == 0)
            if not sum(lags):
                assert trend.statuses[topic] is OK
