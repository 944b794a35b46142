"""One of several routers does a job that only one may do: the one that holds the job's lease."""

from collections.abc import Callable
from dataclasses import dataclass
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

    async def lease(self) -> Lease | None:
        """Return the lease, None while another router has it. Raises StoreError."""
        now = self.clock()
        if self._lease:
            try:
                self._lease = await self.store.run(leases.renew, self._lease, now + self.span)
            except LeaseLost:
                self._lease = None
        if self._lease is None:
            found = await self.store.run(leases.claim, self.job, now, now + self.span, self.span, to_post=False)
            self._lease = None if isinstance(found, Busy) else found
        return self._lease
