"""One source on its own clock: what is known after it worked, failed, hung, and came back."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from structlog.testing import capture_logs

from exporters.collection import Collection
from exporters.errors import Reason, SourceError


@dataclass(frozen=True)
class Found:
    problems: tuple[SourceError, ...] = ()


class Scripted:
    """A source that does, read by read, what it is told, and then the last of it for ever."""

    def __init__(self, *script: Callable[[], Found] | None) -> None:
        self.script = list(script)
        self.reads = 0
        self.cancelled = 0
        self.closed = False

    async def read(self) -> Found:
        step = self.script[min(self.reads, len(self.script) - 1)]
        self.reads += 1
        if step is None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        assert step is not None
        return step()

    async def close(self) -> None:
        self.closed = True


def works() -> Found:
    return Found()


PARTLY = Found((SourceError(Reason.REFUSED, "group a"), SourceError(Reason.TIMEOUT, "broker 2")))


def partly() -> Found:
    return PARTLY


def down() -> Found:
    raise SourceError(Reason.UNREACHABLE, "a:1: connection refused")


def breaks() -> Found:
    raise KeyError("surprise")


hangs = None


def collection(source: Scripted, timeout: float = 0.02) -> Collection[Found]:
    return Collection("a", source, interval=0.01, timeout=timeout, now=lambda: 1000.0)


async def test_a_read_that_works_is_kept_with_its_time() -> None:
    """After a success there is a snapshot, no error, and the time of it."""
    watched = collection(Scripted(works))
    await watched.collect()
    status = watched.status
    assert (status.snapshot, status.error, status.attempts, status.last_success) == (Found(), None, 1, 1000.0)
    assert status.failures == {}


@pytest.mark.parametrize(
    ("step", "reason", "message"),
    [
        (down, Reason.UNREACHABLE, "a:1: connection refused"),
        (hangs, Reason.TIMEOUT, "not read within 0.02 s"),
        (breaks, Reason.INTERNAL, "KeyError: 'surprise'"),
    ],
)
async def test_a_read_that_fails_takes_the_snapshot_along(
    step: Callable[[], Found] | None, reason: Reason, message: str
) -> None:
    """No value outlives the read that failed; the time of the last success stays."""
    watched = collection(Scripted(works, step))
    await watched.collect()
    with capture_logs():
        await watched.collect()
    status = watched.status
    assert status.snapshot is None
    assert status.error is not None
    assert (status.error.reason, status.error.message) == (reason, message)
    assert status.last_success == 1000.0
    assert status.failures == {reason: 1}


async def test_a_hanging_read_is_cancelled() -> None:
    """The deadline ends the read itself; nothing is left running."""
    source = Scripted(hangs)
    with capture_logs():
        await collection(source).collect()
    assert source.cancelled == 1


async def test_missing_parts_are_counted_and_leave_the_source_up() -> None:
    """Problems inside a snapshot count as failures by reason, yet the snapshot holds."""
    watched = collection(Scripted(partly))
    with capture_logs():
        await watched.collect()
    assert watched.status.error is None
    assert watched.status.snapshot is PARTLY
    assert watched.status.failures == {Reason.REFUSED: 1, Reason.TIMEOUT: 1}


async def test_only_changes_of_state_are_logged() -> None:
    """A source that stays as it is says nothing more; each change is one line with its reason."""
    watched = collection(Scripted(works, works, down, down, down, partly, partly, works))
    with capture_logs() as logs:
        for _ in range(8):
            await watched.collect()
    assert [(entry["event"], entry.get("reason")) for entry in logs] == [
        ("source up", None),
        ("source down", "unreachable"),
        ("source partly read", None),
        ("source up", None),
    ]


async def test_an_unexpected_exception_is_logged_with_its_traceback() -> None:
    """What a source must not raise is a mistake of ours: the log holds the traceback."""
    with capture_logs() as logs:
        await collection(Scripted(breaks)).collect()
    assert logs[0]["event"] == "source raised what it must not raise"
    assert logs[0]["exc_info"]


async def test_a_mistake_that_stays_has_one_traceback() -> None:
    """Another one, or the same after a success, has its own."""

    def breaks_otherwise() -> Found:
        raise KeyError("another")

    watched = collection(Scripted(breaks, breaks, breaks_otherwise, works, breaks))
    with capture_logs() as logs:
        for _ in range(5):
            await watched.collect()
    assert [entry["event"] for entry in logs if entry.get("exc_info")] == ["source raised what it must not raise"] * 3
    assert watched.status.failures == {Reason.INTERNAL: 4}


async def test_the_loop_goes_on_through_every_kind_of_failure() -> None:
    """Hang, failure and bug in a row do not end the loop: it recovers by itself."""
    source = Scripted(hangs, down, breaks, works)
    watched = collection(source)
    with capture_logs():
        running = asyncio.create_task(watched.run())
        async with asyncio.timeout(5):
            while watched.status.snapshot is None:
                await asyncio.sleep(0.005)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert watched.status.attempts >= 4
    assert watched.status.failures == {Reason.TIMEOUT: 1, Reason.UNREACHABLE: 1, Reason.INTERNAL: 1}


async def test_a_source_that_will_not_close_does_not_hold_up_the_end() -> None:
    """Closing has the same deadline as reading."""

    class Stuck(Scripted):
        async def close(self) -> None:
            await asyncio.Event().wait()

    with capture_logs() as logs:
        async with asyncio.timeout(1):
            await collection(Stuck(works)).close()
    assert logs[0]["event"] == "source did not close"
