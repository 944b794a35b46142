"""Webhooks that come while a commit is under way are committed together in the next one: one write to disk for all."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from alerting.errors import StoreError
from alerting.model import Notification, Routed
from alerting.store import Store, inbox

TOGETHER = 50
"""Notifications in one transaction, at most."""


@dataclass(frozen=True)
class _Waiting:
    """One notification, and who waits for its commit."""

    notification: Notification
    routed: Sequence[Routed]
    kept: asyncio.Future[None]


@dataclass
class Intake:
    """Records notifications; each caller waits for the commit of its own."""

    store: Store
    clock: Callable[[], datetime]
    _waiting: list[_Waiting] = field(default_factory=list)
    _committing: asyncio.Task[None] | None = None

    async def record(self, notification: Notification, routed: Sequence[Routed]) -> None:
        """Keep what a notification adds; returns after a durable commit. Raises StoreError."""
        item = _Waiting(notification, routed, asyncio.get_running_loop().create_future())
        self._waiting.append(item)
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit(), name="intake")
        await item.kept

    async def _commit(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
            if not await self._keep(batch) and len(batch) > 1:
                for item in batch:  # what can't be kept takes no other with it
                    await self._keep([item])

    async def _keep(self, batch: Sequence[_Waiting]) -> bool:
        """Commit these together; tell those who wait, of a failure only one that was alone."""
        try:
            await self.store.run(inbox.record_all, [(item.notification, item.routed) for item in batch], self.clock())
        except StoreError as error:
            if len(batch) == 1 and not batch[0].kept.done():
                batch[0].kept.set_exception(error)
            return False
        except BaseException as error:  # a fault of ours: whoever waits hears of it, and does not wait for ever
            for item in batch:
                if not item.kept.done():
                    item.kept.set_exception(error)
            return True
        for item in batch:
            if not item.kept.done():  # its sender may have hung up
                item.kept.set_result(None)
        return True
