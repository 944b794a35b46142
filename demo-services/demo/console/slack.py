"""Whether the page of the demo's workspace answers: an iframe of a server that is down shows the browser's own."""

import asyncio
import time
from collections.abc import Callable

import httpx

from demo.console.timerange import GRID


class Slack:
    """Asks ``/-/healthy``, at most once in GRID seconds however many pages are open."""

    def __init__(self, http: httpx.AsyncClient, clock: Callable[[], float] = time.monotonic) -> None:
        """`http` has the address of Slack's page as base_url."""
        self._http = http
        self._clock = clock
        self._asked = -GRID
        self._answers = False
        self._lock = asyncio.Lock()

    async def answers(self) -> bool:
        """Whether the page can be shown."""
        async with self._lock:
            if self._clock() - self._asked >= GRID:
                self._answers = await self._ask()
                self._asked = self._clock()
            return self._answers

    async def _ask(self) -> bool:
        try:
            return (await self._http.get("/-/healthy")).is_success
        except httpx.HTTPError:
            return False
