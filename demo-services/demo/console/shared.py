"""One answer for all open pages."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from demo.console.timerange import GRID

AnswerT = TypeVar("AnswerT")

FRESH = GRID - 1
"""Seconds. Less than GRID, or a page whose timer is a moment early would be shown the same twice."""


class Shared(Generic[AnswerT]):
    """Puts each question at most once in `fresh` seconds, and once while it is under way, however many pages are open.

    What goes wrong is shared like an answer. Treat answers as read-only.
    """

    def __init__(
        self,
        ask: Callable[..., Coroutine[Any, Any, AnswerT]],
        clock: Callable[[], float] = time.monotonic,
        fresh: float = FRESH,
    ) -> None:
        """`ask` is called with what is given to `get`."""
        self._ask = ask
        self._clock = clock
        self._fresh = fresh
        self._answers: dict[tuple[Hashable, ...], tuple[float, asyncio.Task[AnswerT]]] = {}

    async def get(self, *question: Hashable) -> AnswerT:
        """Give the answer of a moment ago, or wait for the one under way, or ask. Raises what asking raised."""
        now = self._clock()
        for old in [key for key, (at, task) in self._answers.items() if task.done() and now - at >= self._fresh]:
            del self._answers[old]
        if question not in self._answers:
            self._answers[question] = (now, asyncio.create_task(self._ask(*question)))
        # shielded: a page that closes must not take the answer away from the others
        return await asyncio.shield(self._answers[question][1])

    def forget(self) -> None:
        """Ask anew the next time: something was changed."""
        self._answers.clear()
