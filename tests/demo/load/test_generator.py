"""The open loop: arrivals hold their rate, and latency counts from when a request was due."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import takewhile
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.load.arrivals import Arrival, arrivals
from demo.load.generator import ABANDONED, DROPPED, TIMEOUT, Clock, Generator, Result, result
from demo.load.scenario import Stream

STREAMS = (Stream(client="alice", request="order", rate=20), Stream(client="bob", request="me", rate=10))
ORDER = STREAMS[0]


class FakeTime:
    """Time that passes only by sleeping; `stall` seconds are added to the first sleep after `stall_at`."""

    def __init__(self, stall_at: float = float("inf"), stall: float = 0.0) -> None:
        self.seconds = 100.0
        self.stall_at = 100.0 + stall_at
        self.stall = stall
        self.clock = Clock(lambda: self.seconds, self.sleep)

    async def sleep(self, seconds: float) -> None:
        # what was started runs in one turn of the loop, its callbacks in the next; neither takes time
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.seconds += seconds
        if self.seconds >= self.stall_at:
            self.seconds, self.stall_at = self.seconds + self.stall, float("inf")


def due_within(seconds: float, seed: int = 1) -> list[Arrival]:
    return list(takewhile(lambda arrival: arrival.at < seconds, arrivals(STREAMS, 1.0, Random(seed))))


def every(gap: float, count: int) -> Iterator[Arrival]:
    return iter([Arrival(gap * number, ORDER) for number in range(1, count + 1)])


async def hang(_stream: Stream) -> str:
    await asyncio.Event().wait()
    return "never"


async def answer(_stream: Stream) -> str:
    return "202"


async def test_arrivals_hold_their_rate_while_nothing_answers() -> None:
    """With a server that hangs, every arrival of ten seconds is sent or counted as dropped; none waits its turn."""
    results: list[Result] = []
    generator = Generator(hang, results.append, FakeTime().clock, max_in_flight=50)
    await generator.run(arrivals(STREAMS, 1.0, Random(1)), 10)
    due = due_within(10)
    assert len(due) > 250
    assert generator.in_flight == 50
    dropped = Counter(one.kind for one in results)
    assert dropped == Counter(arrival.stream.request for arrival in due[50:])
    assert {one.outcome for one in results} == {DROPPED}
    await generator.drain(0)


async def test_the_rate_is_the_same_whether_the_server_answers_or_hangs() -> None:
    """The number of arrivals depends on the clock alone."""
    totals = []
    for send in (answer, hang):
        results: list[Result] = []
        generator = Generator(send, results.append, FakeTime().clock, max_in_flight=7)
        await generator.run(arrivals(STREAMS, 1.0, Random(3)), 5)
        await generator.drain(0)
        totals.append(len(results))
    assert totals[0] == totals[1] == len(due_within(5, seed=3))


async def test_latency_counts_from_the_intended_start() -> None:
    """When the process itself stalls for 3 s, the latency of what was due meanwhile says so."""
    results: list[Result] = []
    generator = Generator(answer, results.append, FakeTime(stall_at=1.0, stall=3.0).clock)
    await generator.run(every(0.5, 10), None)
    await generator.drain(0)
    # due at 0.5, 1.0 … 5.0; the clock jumps from 1.0 to 4.0
    assert [one.seconds for one in results] == [0.0, 3.0, 2.5, 2.0, 1.5, 1.0, 0.5, 0.0, 0.0, 0.0]


async def test_a_run_lasts_its_whole_duration() -> None:
    """The run ends at its duration, not at the last arrival before it, and starts nothing after it."""
    time, results = FakeTime(), list[Result]()
    generator = Generator(answer, results.append, time.clock)
    await generator.run(every(0.4, 10), 1.0)
    assert time.seconds == 101.0
    assert len(results) == 2


async def test_drain_waits_for_open_answers() -> None:
    """An answer that comes within the grace is counted as it came."""
    results: list[Result] = []
    gate = asyncio.Event()

    async def wait(_stream: Stream) -> str:
        await gate.wait()
        return "202"

    generator = Generator(wait, results.append, FakeTime().clock)
    await generator.run(every(0.1, 3), None)
    asyncio.get_running_loop().call_soon(gate.set)
    await generator.drain(10)
    assert [one.outcome for one in results] == ["202"] * 3
    assert generator.in_flight == 0


@given(
    st.lists(st.sampled_from(["202", "429", TIMEOUT, "hang"]), max_size=60),
    st.integers(1, 20),
)
def test_every_arrival_has_exactly_one_result(fates: list[str], bound: int) -> None:
    """Whatever becomes of them, as many results come out as arrivals went in."""
    waiting = iter(fates)
    results: list[Result] = []

    async def send(stream: Stream) -> str:
        fate = next(waiting)
        return await hang(stream) if fate == "hang" else fate

    async def play() -> None:
        generator = Generator(send, results.append, FakeTime().clock, max_in_flight=bound)
        await generator.run(every(0.1, len(fates)), None)
        await generator.drain(0)

    asyncio.run(play())
    assert len(results) == len(fates)


async def test_what_is_cut_off_is_said_to_be() -> None:
    """Requests that are open when the run is ended in a hurry are abandoned, also those that had no turn yet."""
    results: list[Result] = []
    generator = Generator(hang, results.append, Clock(lambda: 0.0, lambda _: asyncio.sleep(0)))
    await generator.run(every(0.0, 3), None)
    await generator.drain(0)
    assert [one.outcome for one in results] == [ABANDONED] * 3


async def test_nothing_is_started_after_what_was_cut_off() -> None:
    """Two signals in one turn of the loop come before whoever runs it could stop: an arrival due just then is none."""
    results: list[Result] = []
    turns = 0

    async def sleep(_: float) -> None:
        nonlocal turns
        turns += 1
        if turns == 3:
            generator.abandon()
        await asyncio.sleep(0)

    generator = Generator(hang, results.append, Clock(lambda: 0.0, sleep))
    await generator.run(every(0.0, 5), None)
    await generator.drain(0)
    assert [one.outcome for one in results] == [ABANDONED] * 2


@pytest.mark.parametrize(
    ("outcome", "timed"),
    [
        ("202", True),
        ("404", True),
        ("503", True),
        ("timeout", True),
        ("429", False),
        ("dropped", False),
        ("no_token", False),
        ("connection_error", False),
        ("abandoned", False),
    ],
)
def test_only_waiting_is_timed(outcome: str, timed: bool) -> None:
    """Answers and timeouts have a latency; what was refused at once or never sent has none."""
    assert (result("order", outcome, 1.5).seconds == 1.5) is timed
