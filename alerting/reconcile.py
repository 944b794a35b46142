"""Alertmanager's list of alerts, read again and again, puts right what its notifications never told.

It is asked in an interval, and soon after each notification: an alert has to be seen in the list once before its
absence means that it has resolved.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from alerting.alertmanager import Alertmanager
from alerting.errors import StoreError
from alerting.metrics import Metrics
from alerting.routes import Routes
from alerting.store import Store, ledger

log = structlog.get_logger("alerting.reconcile")

SOON = 1.0
"""Seconds from a notification to the next look, so that a storm is one look."""

LEISURE = 4
"""After a look, so many times its length without one: a long list takes a fifth of the time."""


@dataclass
class Reconciliation:
    """Reads the list and corrects the store; ``run`` ends only by being cancelled."""

    alertmanager: Alertmanager
    store: Store
    wake: Callable[[], None]
    metrics: Metrics
    clock: Callable[[], datetime]
    interval: float
    routes: Routes
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self) -> None:
        """A notification has come: look soon."""
        self._bell.set()

    async def run(self) -> None:
        """Look until cancelled; nobody is asked when there is nobody to ask."""
        while self.alertmanager.clients:
            begun = asyncio.get_running_loop().time()
            await self.look()
            await self._wait(LEISURE * (asyncio.get_running_loop().time() - begun))

    async def look(self) -> bool:
        """Read the list once and put right what it tells; say whether it could."""
        self._bell.clear()
        listing = await self.alertmanager.list(self.clock())
        if listing is None:
            self.metrics.reconciliations.labels("unreachable").inc()
            return False
        try:
            for key in await self.store.run(ledger.doubtful, listing):
                if await self.store.run(ledger.correct, key, listing, self.clock(), self.routes):
                    self.metrics.corrections.inc()
                    self.wake()
        except StoreError as error:
            log.error("reconciliation waits for the store", error=str(error))
            self.metrics.reconciliations.labels("store_failed").inc()
            return False
        self.metrics.reconciliations.labels("whole" if listing.whole else "partial").inc()
        return True

    async def _wait(self, least: float) -> None:
        """Wait for the interval; a notification shortens it to SOON, or to `least`."""
        soon = max(min(SOON, self.interval), least)
        await asyncio.sleep(soon)
        try:
            async with asyncio.timeout(max(0.0, self.interval - soon)):
                await self._bell.wait()
                await asyncio.sleep(soon)
        except TimeoutError:
            return
