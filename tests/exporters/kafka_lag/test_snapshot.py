"""The arithmetic of lag."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.kafka_lag.snapshot import Faults, Group, GroupState, Member, Partition, Snapshot, by_topic

P0, P1, Q0 = Partition("p", 0), Partition("p", 1), Partition("q", 0)


def snapshot(ends: dict[Partition, int], *groups: Group) -> Snapshot:
    return Snapshot(cluster=None, brokers=1, topics={}, oldest={}, ends=ends, groups=groups)


@pytest.mark.parametrize(
    ("committed", "ends", "lag", "sums"),
    [
        ({P0: 3}, {P0: 10}, {P0: 7}, {"p": 7}),
        ({P0: 10}, {P0: 10}, {P0: 0}, {"p": 0}),
        ({P0: 0, P1: 4}, {P0: 2, P1: 9}, {P0: 2, P1: 5}, {"p": 7}),
        # a partition without a commit is not in the sum
        ({P0: 3}, {P0: 10, P1: 99}, {P0: 7}, {"p": 7}),
        # the topic was made anew
        ({P0: 500}, {P0: 2}, {P0: 0}, {"p": 0}),
        # one end is not known: the sum would be too small
        ({P0: 3, P1: 4}, {P0: 10}, {P0: 7}, {}),
        ({P0: 3, Q0: 1}, {P0: 10}, {P0: 7}, {"p": 7}),
        # the topic is gone
        ({P0: 3}, {}, {}, {}),
        ({}, {P0: 10}, {}, {}),
    ],
)
def test_lag(
    committed: dict[Partition, int], ends: dict[Partition, int], lag: dict[Partition, int], sums: dict[str, int]
) -> None:
    """Lag is end - committed where both are known; a sum is there only when it is whole."""
    group = Group("g", 1, committed)
    taken = snapshot(ends, group)
    assert taken.lag(group) == lag
    assert taken.lag_sums(group) == sums


@pytest.mark.parametrize(
    ("committed", "expected"),
    [
        ({P0: 5, P1: 8}, Faults()),
        ({P0: 5}, Faults(without_commit=1)),
        ({P0: 11, P1: 8}, Faults(past_end=1)),
        ({P0: 10, P1: 8}, Faults()),
        ({P0: 1, P1: 0}, Faults(lost_records=3 + 2)),
        # recreated topic: nothing of what was committed before is in it
        ({P0: 500, P1: 500}, Faults(past_end=2)),
        ({P0: 5, P1: 8, Partition("p", 2): 500}, Faults()),
    ],
)
def test_what_is_wrong(committed: dict[Partition, int], expected: Faults) -> None:
    """Commits that are missing, lie past the end, or lie before what is kept."""
    group = Group("g", 1, committed)
    taken = replace(snapshot({P0: 10, P1: 9}, group), topics={"p": 2}, oldest={P0: 4, P1: 2})
    assert taken.faults(group) == {"p": expected}


def test_what_is_not_known_is_not_called_wrong() -> None:
    """A topic that is gone has no faults; a partition whose leader is silent adds none."""
    group = Group("g", 1, {P0: 5, Q0: 5})
    assert replace(snapshot({}, group), topics={"p": 1}).faults(group) == {"p": Faults()}


def readers(*assigned: dict[str, tuple[int, ...]]) -> tuple[Member, ...]:
    return tuple(Member(f"m{number}", "c", "h", topics) for number, topics in enumerate(assigned))


@pytest.mark.parametrize(
    ("state", "members", "expected"),
    [
        (GroupState.STABLE, readers({"p": (0,)}, {"q": (0,)}), {"p": False, "q": False}),
        (GroupState.STABLE, readers({"p": (0, 1)}, {}), {"p": False, "q": True}),
        (GroupState.STABLE, readers({"other": (0,)}), {"p": True, "q": True}),
        # a topic without a partition is not read
        (GroupState.STABLE, readers({"p": (0,), "q": ()}), {"p": False, "q": True}),
        # nobody is there to read anything
        (GroupState.STABLE, readers(), {"p": False, "q": False}),
        (GroupState.EMPTY, None, {"p": False, "q": False}),
        (GroupState.PREPARING_REBALANCE, None, {}),
        (GroupState.STABLE, None, {}),
        (GroupState.UNKNOWN, None, {}),
    ],
)
def test_a_topic_is_abandoned_when_a_living_group_no_longer_reads_it(
    state: GroupState, members: tuple[Member, ...] | None, expected: dict[str, bool]
) -> None:
    """Known only of a stable group whose members all tell what they read; a topic that is gone is not told of."""
    group = Group("g", None, {P0: 5, P1: 5, Q0: 5, Partition("gone", 0): 5}, state, members)
    assert replace(snapshot({}, group), topics={"p": 2, "q": 1, "other": 1}).abandoned(group) == expected


@pytest.mark.parametrize(
    ("committed", "age"),
    [(10, {P0: 0.0}), (500, {P0: 0.0}), (7, {P0: 30.0}), (1, {P0: 60.0}), (8, {P0: 0.001}), (6, {})],
)
def test_lag_in_seconds(committed: int, age: dict[Partition, float]) -> None:
    """From when the oldest unread record was written; 0 at the end and past it; none while not known."""
    group = Group("g", 1, {P0: committed})
    taken = replace(
        snapshot({P0: 10}, group), at=1_000.0, oldest={P0: 4}, written={P0: {7: 970.0, 4: 940.0, 8: 1_000.0}}
    )
    assert taken.lag_seconds(group) == age


partitions = st.builds(Partition, st.sampled_from("pqr"), st.integers(0, 3))
offsets = st.dictionaries(partitions, st.integers(0, 2**62))


@given(offsets, offsets)
def test_lag_is_never_negative_and_sums_are_those_of_their_partitions(
    committed: dict[Partition, int], ends: dict[Partition, int]
) -> None:
    """Whatever a cluster says, a sum equals the sum of the partitions that are shown."""
    group = Group("g", None, committed)
    taken = snapshot(ends, group)
    lag = taken.lag(group)
    assert all(value >= 0 for value in lag.values())
    for topic, total in taken.lag_sums(group).items():
        assert total == by_topic(lag)[topic]
        assert {part for part in committed if part.topic == topic} == {part for part in lag if part.topic == topic}
