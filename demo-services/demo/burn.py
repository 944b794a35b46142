"""Burns CPU on purpose: a share of one core for some seconds, in a thread, while the service still answers."""

import hashlib
import threading
import time
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

WINDOW = 0.1
"""Seconds of one duty cycle unless asked otherwise: an average over a second is steady then."""

BUFFER = bytes(256 * 1024)
"""hashlib gives up the GIL for data over 2047 bytes (Python docs, hashlib), here for some 0.2 ms at a time."""


class Burn(BaseModel):
    """The body of POST /burn.

    The share of a core is used up as early in each `window` (seconds) as it can be; nothing is burnt in what is left of
    it. Long windows make bursts, which a CPU limit throttles although the average is below it.
    """

    model_config = ConfigDict(extra="forbid")

    cores: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    seconds: Annotated[float, Field(ge=1, le=600, allow_inf_nan=False)]
    window: Annotated[float, Field(ge=0.1, le=10, allow_inf_nan=False)] = WINDOW


class Burning(BaseModel):
    """What burns now: a share of one core and how long it still will; zeros when nothing does."""

    cores: float
    remaining_seconds: float


class Burner:
    """At most one burning thread."""

    def __init__(self) -> None:
        """Burn nothing yet."""
        self._burn = Burn(cores=0, seconds=1)
        self._ends = 0.0
        self._stop = threading.Event()

    def start(self, burn: Burn) -> None:
        """Burn as asked, instead of what burned before."""
        self.stop()
        self._burn, self._ends, self._stop = burn, time.monotonic() + burn.seconds, threading.Event()
        threading.Thread(target=_work, args=(burn, self._ends, self._stop), name="burn", daemon=True).start()

    def stop(self) -> None:
        """Burn no more; the thread ends within a millisecond or so."""
        self._stop.set()
        self._ends = 0.0

    def state(self) -> Burning:
        """What burns now."""
        left = max(0.0, self._ends - time.monotonic())
        return Burning(cores=self._burn.cores if left else 0.0, remaining_seconds=round(left, 1))


def _work(burn: Burn, ends: float, stop: threading.Event) -> None:
    """Use the share of each window's CPU time: measured by the thread's own clock, so a busy machine is no excuse."""
    while not stop.is_set() and (opened := time.monotonic()) < ends:
        closes, used_up = min(opened + burn.window, ends), time.thread_time() + burn.cores * burn.window
        while time.thread_time() < used_up and time.monotonic() < closes and not stop.is_set():
            hashlib.sha256(BUFFER)
        stop.wait(closes - time.monotonic())


def routes(burner: Burner) -> APIRouter:
    """GET, POST and DELETE /burn."""
    router = APIRouter()

    @router.get("/burn")
    async def read() -> Burning:
        """What burns now."""
        return burner.state()

    @router.post("/burn")
    async def start(burn: Burn) -> Burning:
        """Burn `cores` of one core for `seconds`; a second call replaces the first."""
        burner.start(burn)
        return burner.state()

    @router.delete("/burn")
    async def stop() -> Burning:
        """Stop burning."""
        burner.stop()
        return burner.state()

    return router
