"""One answer for all open pages."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from demo.console.timerange import GRID

AnswerT = TypeVar("AnswerT")

FRESH = GRID - 1
"""Seconds. Less than GRID, or a page whose timer is a moment early would be shown the same twice."""


class Shared(Generic[AnswerT]):
    """Puts a question at most once in FRESH seconds, however many pages are open, and one at a time."""

    def __init__(self, ask: Callable[[], Awaitable[AnswerT]], clock: Callable[[], float] = time.monotonic) -> None:
        """`ask` gives what went wrong as an answer too: a failure is shared like any other."""
        self._ask = ask
        self._clock = clock
        self._answer: tuple[float, AnswerT] | None = None
        self._lock = asyncio.Lock()

    async def get(self) -> AnswerT:
        """Give the answer of a moment ago, or ask."""
        async with self._lock:
            if self._answer is None or self._clock() - self._answer[0] >= FRESH:
                self._answer = (self._clock(), await self._ask())
            return self._answer[1]

    def forget(self) -> None:
        """Ask anew the next time: something was changed."""
        self._answer = None
