"""Lag in seconds against schedules whose truth is known."""

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.kafka_lag.history import KNOTS
from exporters.kafka_lag.seconds import STEPS, Ages, unread
from exporters.kafka_lag.snapshot import Group, Partition, Snapshot

P = Partition("orders", 0)
INTERVAL = 5.0
START = 1_700_000_000.0


@dataclass
class Log:
    """A partition: the times of its records in Unix milliseconds, rising; and what was asked of it."""

    times: list[int] = field(default_factory=list)
    oldest: int = 0
    lookups: int = 0

    def end(self, at: float) -> int:
        """Offset after the last record that was written by `at`."""
        return bisect_left(self.times, round(at * 1000) + 1)

    def first(self, time: int, at: float) -> tuple[int, int]:
        """Answer a look-up as a broker does."""
        self.lookups += 1
        offset = max(self.oldest, bisect_left(self.times, time))
        return (offset, self.times[offset]) if offset < self.end(at) else (-1, -1)


def look_up(ages: Ages, log: Log, at: float) -> None:
    """Answer all questions of a collection."""
    for step in range(STEPS):
        for partition, time in ages.questions(ages.waiting(), step, most=1).items():
            ages.learn(partition, time, log.first(time, at))


def collect(ages: Ages, log: Log, committed: int, at: float) -> Snapshot:
    """One collection at `at`, with a group that has committed `committed`."""
    group = Group("billing", 1, {P: committed})
    ends, oldest = {P: log.end(at)}, {P: log.oldest}
    ages.begin(ends.keys(), at)
    ages.observe(P, ends[P], {offset for _, offset in unread(group, ends, oldest)}, at)
    look_up(ages, log, at)
    return Snapshot(
        cluster=None, brokers=1, topics={}, oldest=oldest, ends=ends, groups=(group,), at=at, written=ages.written(at)
    )


def seconds(snapshot: Snapshot) -> float | None:
    """Lag in seconds of the one group in the one partition."""
    return snapshot.lag_seconds(snapshot.groups[0]).get(P)


def truth(log: Log, committed: int, at: float) -> float:
    """Age of the oldest record that is not read."""
    offset = max(committed, log.oldest)
    return at - log.times[offset] / 1000 if offset < log.end(at) else 0.0


schedules = st.lists(
    st.tuples(
        st.lists(st.integers(1, 5_000), max_size=6),  # when in the interval records are written
        st.integers(0, 8),  # how many the group reads in it
    ),
    min_size=1,
    max_size=60,
)


@given(schedules)
def test_while_the_history_covers_it_the_error_is_within_an_interval(schedule: list[tuple[list[int], int]]) -> None:
    """Whatever is produced and consumed when: no broker is asked, and 0 is said when and only when all is read."""
    log, ages, committed = Log(), Ages(INTERVAL), 0
    collect(ages, log, committed, START)
    for number, (writes, reads) in enumerate(schedule):
        log.times += sorted(round((START + number * INTERVAL) * 1000) + write for write in writes)
        at = START + (number + 1) * INTERVAL
        committed = min(committed + reads, log.end(at))
        found, true = seconds(collect(ages, log, committed, at)), truth(log, committed, at)
        assert found is not None
        assert (found == 0) == (committed == log.end(at))
        assert abs(found - true) <= INTERVAL + 0.001
    assert log.lookups == 0


gaps = st.one_of(st.integers(0, 50), st.integers(0, 20_000), st.integers(0, 50_000_000))


@settings(max_examples=200, deadline=None)
@given(st.lists(gaps, min_size=1, max_size=80), st.integers(0, 86_400_000), st.data())
def test_what_was_written_before_the_start_is_found_in_few_collections(
    between: list[int], idle: int, data: st.DataObject
) -> None:
    """A log of any shape, then silence: what is said is never far off, and soon within an interval."""
    log = Log()
    for gap in between:
        log.times.append((log.times[-1] if log.times else round(START * 1000)) + gap)
    log.oldest = data.draw(st.integers(0, len(between) - 1))
    committed = data.draw(st.integers(0, len(between) - 1))
    now, ages = (log.times[-1] + idle) / 1000, Ages(INTERVAL)
    for number in range(30):
        at = now + number * INTERVAL
        found, true = seconds(collect(ages, log, committed, at)), truth(log, committed, at)
        assert found is None or abs(found - true) <= max(INTERVAL, true / 10) + 0.001
    assert found is not None
    assert abs(found - true) <= INTERVAL + 0.001
    before = log.lookups
    collect(ages, log, committed, at + INTERVAL)
    assert log.lookups == before, "what is known is not asked for again"


@given(st.lists(gaps, min_size=2, max_size=60), st.integers(0, 10_000_000))
def test_who_is_further_behind_has_the_larger_lag(between: list[int], idle: int) -> None:
    """Of two offsets the lower is never younger."""
    log = Log()
    for gap in between:
        log.times.append((log.times[-1] if log.times else round(START * 1000)) + gap)
    at, ages = (log.times[-1] + idle) / 1000, Ages(INTERVAL)
    groups = [Group(str(offset), 1, {P: offset}) for offset in range(len(between) + 1)]
    ends = {P: log.end(at)}
    ages.begin(ends.keys(), at)
    ages.observe(P, ends[P], {offset for group in groups for _, offset in unread(group, ends, {})}, at)
    for _ in range(40):
        look_up(ages, log, at)
    written = ages.written(at)[P]
    known = [written[offset] for offset in sorted(written)]
    assert len(known) == len(between)
    assert all(later >= earlier - INTERVAL for earlier, later in pairwise(known))


def steady(hours: float, rate: int = 10) -> Log:
    """Log with `rate` records a second that has ended at START."""
    step = 1000 // rate
    end = round(START * 1000)
    return Log(list(range(end - round(hours * 3_600_000), end, step)))


def test_an_exporter_that_has_just_started_knows_the_age_in_its_first_collection() -> None:
    """Two questions around the place where an even production would have it."""
    log = steady(hours=2)
    found = seconds(collect(Ages(INTERVAL), log, len(log.times) // 3, START))
    assert found == pytest.approx(truth(log, len(log.times) // 3, START), abs=INTERVAL)
    assert log.lookups <= STEPS


def test_the_age_grows_by_the_clock_while_nothing_is_produced_and_read() -> None:
    """An idle producer changes nothing: what waits gets older."""
    log, ages = steady(hours=1), Ages(INTERVAL)
    first = seconds(collect(ages, log, 30_000, START))
    assert first is not None
    for number in range(1, 2_000):
        assert seconds(collect(ages, log, 30_000, START + number * INTERVAL)) == pytest.approx(
            first + number * INTERVAL
        )


def test_it_is_0_at_once_when_all_is_read_and_stays_so_while_idle() -> None:
    """Caught up is 0, whatever was before."""
    log, ages = steady(hours=1), Ages(INTERVAL)
    assert collect(ages, log, 30_000, START).lag_seconds
    for number in range(1, 5):
        assert seconds(collect(ages, log, len(log.times), START + number)) == 0


def test_a_record_after_a_long_silence_is_as_old_as_itself() -> None:
    """It is not taken to have come evenly since the one before it."""
    log, ages = steady(hours=1), Ages(INTERVAL)
    end = len(log.times)
    for number in range(720):
        collect(ages, log, end, START + number * INTERVAL)
    at = START + 720 * INTERVAL
    log.times.append(round(at * 1000) - 1_000)
    assert seconds(collect(ages, log, end, at)) == pytest.approx(1, abs=INTERVAL)
    assert log.lookups == 0


def test_collections_that_failed_are_filled_in_from_the_broker() -> None:
    """An outage of an hour does not make what was written in it an hour uncertain."""
    log, ages = steady(hours=2), Ages(INTERVAL)
    start = START - 3_600
    collect(ages, log, log.end(start), start)
    committed = log.end(start + 1_000)
    for number in range(3):
        found = seconds(collect(ages, log, committed, START + number * INTERVAL))
    assert found == pytest.approx(3_600 - 1_000 + 2 * INTERVAL, abs=INTERVAL)


def test_a_topic_that_was_made_anew_has_a_new_history() -> None:
    """An end that goes back forgets what was known of the offsets before it."""
    log, ages = steady(hours=2), Ages(INTERVAL)
    collect(ages, log, 100, START)
    anew = Log([round(START * 1000) + 10 * number for number in range(200)])
    for number in (1, 2):
        found = seconds(collect(ages, anew, 100, START + number * INTERVAL))
    assert found == pytest.approx(2 * INTERVAL - 1, abs=INTERVAL)


def test_records_that_retention_took_are_not_waited_for() -> None:
    """The oldest record that is unread and kept counts; when none is kept there is nothing to read."""
    log, ages = steady(hours=1), Ages(INTERVAL)
    log.oldest = 20_000
    assert seconds(collect(ages, log, 5, START)) == pytest.approx(truth(log, 5, START), abs=INTERVAL)
    log.oldest = len(log.times)
    assert seconds(collect(ages, log, 5, START + INTERVAL)) == 0


@pytest.mark.parametrize("skew", [-3_600_000, 3_600_000])
def test_a_producer_whose_clock_is_wrong_makes_no_lag_negative(skew: int) -> None:
    """Ahead: the age since the exporter has seen the record; behind: as the record says."""
    log, ages = steady(hours=1), Ages(INTERVAL)
    skewed = Log([time + skew for time in log.times])
    end = len(log.times)
    for number in range(10):
        at = START + number * INTERVAL
        ages.begin({P}, at)
        ages.observe(P, end, {end - 100}, at)
        look_up(ages, skewed, START + 10**6)
    written = ages.written(at)[P][end - 100]
    assert written == pytest.approx(START if skew > 0 else skewed.times[end - 100] / 1000, abs=INTERVAL)


def test_a_clock_that_was_an_hour_ahead_makes_no_lag_younger() -> None:
    """Set right, what was seen meanwhile is not taken to be still to come."""
    log, ages = steady(hours=1), Ages(INTERVAL)
    end = len(log.times)
    collect(ages, log, end, START + 3_600)
    log.times.append(round(START * 1000) + 4_000)
    assert seconds(collect(ages, log, end, START + 3_600 + INTERVAL)) == pytest.approx(INTERVAL / 2)
    for at in (START + 20, START + 25, START + 30):
        found = seconds(collect(ages, log, end, at))
        assert found is None or found == pytest.approx(truth(log, end, at), abs=INTERVAL)
    assert found is not None


def test_records_without_timestamps_have_no_age_and_are_not_asked_for_again() -> None:
    """The broker finds none at any time: nothing is claimed, until the history covers what is unread."""
    ages = Ages(INTERVAL)
    ages.begin({P}, START)
    ages.observe(P, 50, {20}, START)
    ages.learn(P, ages.questions([P], 0, most=1)[P], (-1, -1))
    assert ages.waiting() == []
    assert ages.questions([P], 1, most=1) == {}
    assert ages.written(START) == {P: {}}
    ages.begin({P}, START + INTERVAL)
    ages.observe(P, 60, {55}, START + INTERVAL)
    assert ages.written(START + INTERVAL)[P][55] == pytest.approx(START + INTERVAL / 2, abs=INTERVAL)


def test_partitions_take_turns() -> None:
    """No more are asked for than there is room, and who was not answered for waits until the others had their turn."""
    ages = Ages(INTERVAL)
    partitions = [Partition("orders", number) for number in range(100)]
    ages.begin(partitions, START)
    for partition in partitions:
        ages.observe(partition, 100, {50}, START)
    asked: list[Partition] = []
    for _ in range(4):
        questions = ages.questions(partitions, step=0, most=25)
        asked += questions
        for partition, time in questions.items():
            ages.learn(partition, time, None)
    assert sorted(asked) == partitions


def test_a_history_has_a_bounded_number_of_knots_and_thins_out_with_age() -> None:
    """A day of collections with a group that has stopped: the age stays right, and what is new needs no look-up."""
    log, ages = Log(), Ages(INTERVAL)
    for number in range(24 * 720):
        at = START + number * INTERVAL
        log.times.append(round(at * 1000) - 2_000)
        found = seconds(collect(ages, log, 1, at))
        if number > 1:
            assert found == pytest.approx(truth(log, 1, at), abs=INTERVAL)
    assert log.lookups == 0
    history = ages._histories[P]
    assert len(history) <= KNOTS
    lookups = log.lookups
    collect(ages, log, log.end(at - 100), at + INTERVAL)
    assert log.lookups == lookups


def test_who_stays_six_minutes_behind_needs_no_look_up() -> None:
    """Though a group that has stopped keeps the history long: it is thinned out where it is old."""
    ages = Ages(INTERVAL)
    for number in range(600):
        at = START + number * INTERVAL
        ages.begin({P}, at)
        ages.observe(P, number, {0, max(0, number - 72)} if number else (), at)
        assert ages.waiting() == []
