"""What a scenario breaks in the services, and mends again.

Level-triggered: what should be broken is compared with what was tried, again and again. A service that was down when
the scenario began is broken once it is back, and one that restarted is broken anew. Mending needs no memory of how a
service was before, so a new process can mend what a killed one left.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import httpx

from demo.load.reason import reason
from demo.load.scenario import Burn, Fault

AGAIN_SECONDS = 10.0
TIMEOUT_SECONDS = 2.0


class FaultError(Exception):
    """A service did not do as it was told; the message says what was asked and what it answered."""


class Faults:
    """Keeps the services of `services` (name -> base URL) as broken as the scenario wants them.

    `problems` says, for each fault that is not as it should be, why.
    """

    def __init__(
        self,
        services: Mapping[str, str],
        now: Callable[[], float] = time.monotonic,
        timeout: float = TIMEOUT_SECONDS,
        owed: Iterable[Fault] = (),
    ) -> None:
        """Break nothing yet; `owed` is what somebody else may have broken, to be undone as if it were our own.

        Of those that one order undoes the first stands for all.
        """
        self.problems: dict[Fault, str] = {}
        self._services = services
        self._now = now
        self._http = httpx.AsyncClient(timeout=timeout, trust_env=False)
        self._wanted: tuple[Fault, ...] = ()
        self._wanted_since = now()
        self._owed = _one_for_each_order(owed)
        self._changed = asyncio.Event()
        self._settled = asyncio.Event()
        self._lock = asyncio.Lock()

    def want(self, faults: Sequence[Fault]) -> None:
        """Say what should be broken from now on; `keep` sees to it."""
        self._wanted, self._wanted_since = tuple(faults), self._now()
        self._settled.clear()
        self._changed.set()

    async def keep(self, again: float = AGAIN_SECONDS) -> None:
        """See to what is wanted: at each change at once, and every `again` seconds."""
        while True:
            self._changed.clear()
            # an order under way is never cut off: the service could get it after the one that undoes it
            await asyncio.shield(self.settle())
            try:
                async with asyncio.timeout(again):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def settled(self, seconds: float) -> None:
        """Wait until the last `want` was seen to, or tried, at most `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._settled.wait()
        except TimeoutError:
            return

    async def settle(self) -> None:
        """Undo what is no longer wanted, then bring about what is; each failure goes to `problems`."""
        async with self._lock:
            wanted = self._wanted
            self.problems = {fault: text for fault, text in self.problems.items() if fault in wanted}
            for fault in [fault for fault in self._owed if fault not in wanted]:
                await self._attempt(fault, self._undo)
            for fault in wanted:
                await self._attempt(fault, self._apply)
            if wanted == self._wanted:
                self._settled.set()

    async def release(self, tries: int = 2, pause: float = 0.5) -> None:
        """Undo everything; a service that can't be reached is tried again. What is left is in `problems`."""
        self.want(())
        await self.settle()
        for _ in range(tries - 1):
            if not self._owed:
                return
            await asyncio.sleep(pause)
            await self.settle()

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def _attempt(self, fault: Fault, step: Callable[[Fault], Any]) -> None:
        try:
            await step(fault)
        except FaultError as error:
            self.problems[fault] = str(error)
        else:
            self.problems.pop(fault, None)

    async def _apply(self, fault: Fault) -> None:
        if fault not in self._owed:
            self._owed.append(fault)  # before the order: it must be undone also when its answer is lost
        if fault.burn:
            await self._burn(fault.burn)
        else:
            await self._call("PUT", fault.service, "/speed", {"delay_ms": round(1000 * (fault.billing_delay or 0))})

    async def _undo(self, fault: Fault) -> None:
        await self._call("DELETE", fault.service, _undone_by(fault))
        self._owed.remove(fault)

    async def _burn(self, burn: Burn) -> None:
        """Ask for what is left of the burn, so that a service that restarted goes on with it."""
        left = round(burn.seconds - (self._now() - self._wanted_since))
        if left >= 1:
            body = {"cores": burn.cores, "seconds": left, "window": burn.window}
            await self._call("POST", burn.service, "/burn", body)

    async def _call(self, method: str, service: str, path: str, body: dict[str, Any] | None = None) -> None:
        if service not in self._services:
            raise FaultError(f"the address of {service} is not known")
        url = f"{self._services[service]}{path}"
        try:
            response = await self._http.request(method, url, json=body)
            response.raise_for_status()
        except httpx.HTTPStatusError as error:
            raise FaultError(f"{method} {url} answered {error.response.status_code}") from error
        except httpx.HTTPError as error:
            raise FaultError(f"{method} {url}: {reason(error)}") from error


def _one_for_each_order(faults: Iterable[Fault]) -> list[Fault]:
    found: dict[tuple[str, str], Fault] = {}
    for fault in faults:
        found.setdefault((fault.service, _undone_by(fault)), fault)
    return list(found.values())


def _undone_by(fault: Fault) -> str:
    """Path whose DELETE undoes it: a service has one speed and burns once."""
    return "/burn" if fault.burn else "/speed"
