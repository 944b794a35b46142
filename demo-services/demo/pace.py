"""How long a worker pretends to work on one record, and the routes that change it while it works."""

import asyncio
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

DelayMs = Annotated[int, Field(ge=0, le=60_000)]


class Speed(BaseModel):
    """The body of ``/speed``."""

    model_config = ConfigDict(extra="forbid")

    delay_ms: DelayMs


class Pace:
    """The pretended work of one record: `delay_ms` milliseconds, also for a record that is already in hand."""

    def __init__(self, delay_ms: int) -> None:
        """Start with `delay_ms`; `reset` comes back to it."""
        self.delay_ms = self._configured = delay_ms
        self._changed = asyncio.Event()

    def change(self, delay_ms: int) -> None:
        """Use `delay_ms` from now on; a wait that has lasted as long already ends at once."""
        self.delay_ms = delay_ms
        self._changed.set()
        self._changed = asyncio.Event()

    def reset(self) -> None:
        """Use the delay of the start from now on."""
        self.change(self._configured)

    async def work(self) -> None:
        """Return `delay_ms` after the call, whatever `delay_ms` becomes meanwhile."""
        now = asyncio.get_running_loop().time
        started = now()
        while (left := started + self.delay_ms / 1000 - now()) > 0:
            try:
                async with asyncio.timeout(left):
                    await self._changed.wait()
            except TimeoutError:
                pass


def routes(pace: Pace) -> APIRouter:
    """GET, PUT and DELETE /speed."""
    router = APIRouter()

    @router.get("/speed")
    async def read() -> Speed:
        """Milliseconds of pretended work for each record."""
        return Speed(delay_ms=pace.delay_ms)

    @router.put("/speed")
    async def change(speed: Speed) -> Speed:
        """Change it at once, also for the record in hand."""
        pace.change(speed.delay_ms)
        return speed

    @router.delete("/speed")
    async def reset() -> Speed:
        """Back to the configured delay, whoever changed it."""
        pace.reset()
        return Speed(delay_ms=pace.delay_ms)

    return router
