"""Quiet hours end: what they held back is told in one message a channel, and what still fires gets its own."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from alerting.config import LinkSettings
from alerting.errors import StoreError
from alerting.store import Store, nights

log = structlog.get_logger("alerting.mornings")

INTERVAL = 5.0
"""Seconds between two looks: how late a morning may be."""


@dataclass
class Mornings:
    """Looks whether a night is over; ``run`` ends only by being cancelled."""

    links: LinkSettings
    store: Store
    wake: Callable[[], None]
    clock: Callable[[], datetime]
    interval: float = INTERVAL

    async def run(self) -> None:
        """Look until cancelled: nights of earlier settings end too."""
        while True:
            try:
                await self.look()
            except StoreError as error:
                log.error("the digest of the night waits for the store", error=str(error))
            await asyncio.sleep(self.interval)

    async def look(self) -> None:
        """End the nights that are over. Raises StoreError."""
        for channel in await self.store.run(nights.end, self.clock(), self.links):
            log.info("quiet hours are over", channel=channel)
            self.wake()
