"""One of several routers does a job that only one may do: the one that holds the job's lease."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from alerting.store import Store, leases
from alerting.store.leases import Busy, Lease, LeaseLost


@dataclass
class Lead:
    """Holds the lease of one `job` from look to look; another router takes it over `span` after the last."""

    store: Store
    job: str
    span: timedelta
    clock: Callable[[], datetime]
    _lease: Lease | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def lease(self) -> Lease | None:
        """Return the lease, None while another router has it. Raises StoreError."""
        async with self._turn:
            now = self.clock()
            self._lease = await self._renewed(now) or await self._claimed(now)
            return self._lease

    async def _renewed(self, now: datetime) -> Lease | None:
        if self._lease is None:
            return None
        try:
            return await self.store.run(leases.renew, self._lease, now + self.span)
        except LeaseLost:
            return None

    async def _claimed(self, now: datetime) -> Lease | None:
        found = await self.store.run(leases.claim, self.job, now, now + self.span, self.span, to_post=False)
        return None if isinstance(found, Busy) else found
