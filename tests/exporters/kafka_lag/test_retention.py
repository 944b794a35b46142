"""What retention limits, how fast it deletes, and when it will delete what is not read."""

from dataclasses import replace
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.kafka_lag.retention import REFRESH_SECONDS, Deletions, TopicLimits, limits
from exporters.kafka_lag.snapshot import Group, Limits, Partition, Snapshot, by_topic

P0, P1 = Partition("p", 0), Partition("p", 1)
START = 1_700_000_000.0
DAY = 86_400.0


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"cleanup.policy": "delete", "retention.ms": "604800000", "retention.bytes": "-1"}, Limits(7 * DAY, False)),
        ({"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}, Limits(None, False)),
        ({"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "1000"}, Limits(None, True)),
        ({"cleanup.policy": "compact", "retention.ms": "604800000", "retention.bytes": "1000"}, Limits(None, False)),
        ({"cleanup.policy": "compact,delete", "retention.ms": "1000", "retention.bytes": "-1"}, Limits(1.0, False)),
        ({"cleanup.policy": "", "retention.ms": "1000", "retention.bytes": "-1"}, Limits(None, False)),
        ({"cleanup.policy": "delete", "retention.ms": "0", "retention.bytes": "0"}, Limits(0.0, True)),
        ({}, Limits(None, False)),
    ],
)
def test_limits(settings: dict[str, str], expected: Limits) -> None:
    """A policy without `delete` limits nothing, nor does -1."""
    assert limits(settings) == expected


def test_a_limit_that_is_no_number() -> None:
    """It is the caller's to say of which topic."""
    with pytest.raises(ValueError, match="week"):
        limits({"retention.ms": "a week"})


def test_limits_are_asked_for_when_a_topic_is_new_and_every_few_minutes() -> None:
    """And not again because of an answer that did not come."""
    found = TopicLimits()
    assert found.wanted({"q", "p"}, START) == ["p", "q"]
    found.learn("p", {"retention.ms": "1000"})
    assert found.wanted({"p", "q"}, START + 5) == []
    assert found.wanted({"p", "q", "r"}, START + 10) == ["r"]
    assert found.wanted({"p", "r"}, START + REFRESH_SECONDS) == ["p", "r"]
    assert found.known == {"p": Limits(1.0, False)}
    assert found.wanted({"r"}, START + REFRESH_SECONDS + 5) == []
    assert found.known == {}


def test_limits_of_a_topic_that_is_gone_are_not_those_of_its_successor() -> None:
    """It may have others, so it is asked for at once."""
    found = TopicLimits()
    found.wanted({"p", "q"}, START)
    found.learn("p", {"retention.ms": "1000"})
    found.forget_topics({"p"})
    assert found.known == {}
    assert found.wanted({"p", "q"}, START + 5) == ["p"]


def test_limits_are_asked_for_again_when_the_clock_was_set_back() -> None:
    """Not only once it has come to where it was."""
    found = TopicLimits()
    found.wanted({"p"}, START)
    assert found.wanted({"p"}, START - 3_600) == ["p"]
    assert found.wanted({"p"}, START - 3_595) == []


def test_the_oldest_offset_moves_by_what_was_deleted_since_the_first_deletion() -> None:
    """One deletion begins to count; the longer none comes, the slower it is taken to move."""
    deletions = Deletions()
    rates = [deletions.observe({P0: oldest, P1: 5}, START + 100 * at) for at, oldest in enumerate((0, 0, 50, 50, 250))]
    assert rates == [{}, {}, {}, {}, {P0: 1.0}]
    assert deletions.observe({P0: 250, P1: 5}, START + 600) == {P0: 0.5}
    assert deletions.observe({P0: 10, P1: 5}, START + 700) == {}, "made anew"
    assert deletions.observe({P1: 5}, START + 800) == {}


def test_a_leader_that_is_away_does_not_make_deletions_forgotten() -> None:
    """Nothing is told of its partitions meanwhile, and what was known of them afterwards."""
    deletions = Deletions()
    for at, oldest in enumerate((0, 50, 250)):
        deletions.observe({P0: oldest, P1: 5}, START + 100 * at)
    assert deletions.observe({P1: 5}, START + 300) == {}
    assert deletions.observe({P0: 250, P1: 5}, START + 400) == {P0: 200 / 300}


def test_deletions_of_a_topic_that_is_gone_are_none_of_its_successor() -> None:
    """Though the oldest offset of that one is larger."""
    deletions = Deletions()
    for at, oldest in enumerate((0, 50, 250)):
        deletions.observe({P0: oldest}, START + 100 * at)
    deletions.forget_topics({"p"})
    assert deletions.observe({P0: 400}, START + 300) == {}
    assert deletions.observe({P0: 500}, START + 400) == {}
    assert deletions.observe({P0: 500}, START + 500) == {}
    assert deletions.observe({P0: 550}, START + 600) == {P0: 50 / 200}


def test_few_deletions_are_remembered() -> None:
    """What was long ago does not count."""
    deletions = Deletions()
    for number in range(20):
        deletions.observe({P0: 10_000 * number}, START + 300 * number)
    for number in range(1, 20):
        rates = deletions.observe({P0: 190_000 + 300 * number}, START + 5_700 + 300 * number)
    assert rates == {P0: pytest.approx(1.0)}
    assert len(deletions._moves[P0]._offsets) <= 8


def forecast(
    committed: dict[Partition, int],
    ages: dict[str, float],
    topics: dict[str, Limits],
    deleted: dict[Partition, float] | None = None,
) -> float | None:
    """Of a topic that holds the offsets from 100 to 1,000 in each partition."""
    group = Group("billing", 1, committed)
    taken = Snapshot(
        cluster=None,
        brokers=1,
        topics={"p": 2},
        oldest={P0: 100, P1: 100},
        ends={P0: 1_000, P1: 1_000},
        groups=(group,),
        limits=topics,
        deleted=deleted or {},
    )
    return taken.retention_seconds(group, ages, taken.faults(group)).get("p")


BY_TIME, BY_SIZE, BY_BOTH, BY_NONE = (
    {"p": Limits(seconds, size)} for seconds, size in ((DAY, False), (None, True), (DAY, True), (None, False))
)


@pytest.mark.parametrize(
    ("committed", "age", "topics", "deleted", "seconds"),
    [
        pytest.param(500, 3_600.0, BY_TIME, {}, DAY - 3_600, id="by time"),
        pytest.param(500, DAY + 60, BY_TIME, {}, 0.0, id="by time, overdue"),
        pytest.param(1_000, 0.0, BY_TIME, {P0: 2.0}, None, id="all is read"),
        pytest.param(500, 3_600.0, BY_TIME, {P0: 2.0}, DAY - 3_600, id="by time, and it deletes"),
        pytest.param(500, 3_600.0, BY_SIZE, {P0: 2.0}, 200.0, id="by size"),
        pytest.param(500, 3_600.0, BY_SIZE, {}, None, id="by size, nothing is deleted"),
        pytest.param(100, 3_600.0, BY_SIZE, {P0: 2.0}, 0.0, id="by size, the next is unread"),
        pytest.param(500, 3_600.0, BY_BOTH, {P0: 2.0}, 200.0, id="by both, size is sooner"),
        pytest.param(500, DAY - 60, BY_BOTH, {P0: 2.0}, 60.0, id="by both, time is sooner"),
        pytest.param(500, 3_600.0, BY_NONE, {P0: 2.0}, None, id="without limits"),
        pytest.param(500, 3_600.0, {}, {P0: 2.0}, 200.0, id="limits not known"),
        pytest.param(500, 3_600.0, {}, {}, None, id="limits not known, nothing is deleted"),
        pytest.param(50, 3_600.0, BY_TIME, {}, 0.0, id="already lost"),
        pytest.param(50, 3_600.0, {}, {}, 0.0, id="already lost, limits not known"),
        pytest.param(5_000, 0.0, BY_SIZE, {P0: 2.0}, None, id="past the end"),
    ],
)
def test_forecast(
    committed: int, age: float, topics: dict[str, Limits], deleted: dict[Partition, float], seconds: float | None
) -> None:
    """The sooner of time and size; absent when nothing threatens."""
    assert forecast({P0: committed}, {"p": age}, topics, deleted) == seconds


def test_the_first_partition_to_lose_something_counts() -> None:
    """A topic loses what its worst partition loses."""
    assert forecast({P0: 500, P1: 900}, {"p": 60.0}, BY_SIZE, {P0: 1.0, P1: 100.0}) == 8.0


def test_records_without_a_known_age_are_not_guessed_at() -> None:
    """Nor is a limit."""
    assert forecast({P0: 500}, {}, BY_TIME) is None


offsets = st.dictionaries(st.sampled_from([P0, P1]), st.integers(0, 2**62))
moments = st.lists(st.tuples(offsets, st.floats(-1_000, 1_000)), max_size=30)


@given(moments, offsets, offsets, st.sampled_from([BY_TIME, BY_SIZE, BY_BOTH, BY_NONE, {}]), st.floats(0, 1e9))
def test_whatever_was_deleted_when_no_forecast_is_negative_or_no_number(
    moved: list[tuple[dict[Partition, int], float]],
    committed: dict[Partition, int],
    ends: dict[Partition, int],
    topics: dict[str, Limits],
    written: float,
) -> None:
    """A clock that jumps included."""
    deletions, at, oldest, deleted = Deletions(), START, {}, {}
    for oldest, jump in moved:
        at += jump
        deleted = deletions.observe(oldest, at)
    group = Group("billing", 1, committed)
    taken = Snapshot(None, 1, {"p": 2}, oldest, ends, (group,), at=at, limits=topics, deleted=deleted)
    taken = replace(taken, written={p: {max(offset, oldest.get(p, 0)): written} for p, offset in committed.items()})
    ages = by_topic(taken.lag_seconds(group), max)
    found = taken.retention_seconds(group, ages, taken.faults(group))
    assert all(isfinite(seconds) and seconds >= 0 for seconds in found.values())
