"""Open loop: each request starts when it is due, whatever became of the ones before it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from demo.load.arrivals import Arrival
from demo.load.scenario import Stream

MAX_IN_FLIGHT = 256
"""Three seconds of the heaviest shipped scenario; past it the generator, not the gateway, would be what is measured."""

DROPPED = "dropped"
"""Not sent: as many requests as allowed were in flight."""

NO_TOKEN = "no_token"
"""Not sent: the client could not log in."""

TIMEOUT = "timeout"
CONNECTION_ERROR = "connection_error"

ABANDONED = "abandoned"
"""Sent, and cut off by us before its answer, because the run was ended in a hurry."""

REJECTED = "429"
"""HTTP's Too Many Requests: what a rate limit answers."""

NOT_SENT = frozenset({DROPPED, NO_TOKEN})


@dataclass(frozen=True)
class Result:
    """What became of one request.

    `outcome` is an HTTP status code or one of the words above. `seconds` runs from the intended start to the end of
    the answer. It is None where the time says nothing of the service: not sent, abandoned, no connection, and rejected
    by a limit (those are quick, and thousands of them would make a struggling service look quick). A timeout has one,
    its least possible latency; without it a stall would go unseen.
    """

    kind: str
    outcome: str
    seconds: float | None


Record = Callable[[Result], None]
"""Takes each result, once; what counts and measures is behind it."""

UNTIMED = NOT_SENT | {ABANDONED, CONNECTION_ERROR, REJECTED}


def result(kind: str, outcome: str, seconds: float) -> Result:
    """Make a result, without the time where the time says nothing."""
    return Result(kind, outcome, None if outcome in UNTIMED else seconds)


@dataclass(frozen=True)
class Clock:
    """Seconds that never go back, and a way to wait for some of them."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Generator:
    """Starts a request for every arrival, and keeps those that are open."""

    def __init__(
        self,
        send: Callable[[Stream], Coroutine[Any, Any, str]],
        record: Record,
        clock: Clock | None = None,
        max_in_flight: int = MAX_IN_FLIGHT,
    ) -> None:
        """`send` makes one request and returns its outcome; it must not raise."""
        self._send = send
        self._record = record
        self._clock = clock or Clock()
        self._max = max_in_flight
        self._open: set[asyncio.Task[str]] = set()
        self._abandoned = False

    @property
    def in_flight(self) -> int:
        """Requests that have no answer yet."""
        return len(self._open)

    async def run(self, arrivals: Iterator[Arrival], duration: float | None) -> None:
        """Start every arrival of the next `duration` seconds, for ever when None; answers may still be open then.

        After a pause of the process itself the arrivals that were due meanwhile start at once, late by their own clock.
        """
        start = self._clock.now()
        end = start + duration if duration is not None else float("inf")
        for arrival in arrivals:
            due = start + arrival.at
            await self._clock.sleep(max(0.0, min(due, end) - self._clock.now()))
            if due >= end or self._abandoned:
                return
            self._start(arrival.stream, due)

    async def drain(self, seconds: float) -> None:
        """Give open requests `seconds` to end, then cut them off."""
        if self._open:
            await asyncio.wait(self._open, timeout=seconds)
        self.abandon()
        await asyncio.gather(*self._open, return_exceptions=True)

    def abandon(self) -> None:
        """Cut off what is open, and start nothing more."""
        self._abandoned = True
        for task in self._open:
            task.cancel()

    def _start(self, stream: Stream, due: float) -> None:
        if len(self._open) >= self._max:
            self._record(result(stream.request, DROPPED, 0.0))
            return
        task = asyncio.create_task(self._send(stream))
        self._open.add(task)
        task.add_done_callback(partial(self._ended, stream, due))

    def _ended(self, stream: Stream, due: float, task: asyncio.Task[str]) -> None:
        self._open.discard(task)
        outcome = ABANDONED if task.cancelled() else task.result()
        self._record(result(stream.request, outcome, self._clock.now() - due))
