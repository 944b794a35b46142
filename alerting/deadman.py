"""The dead-man's switch: while no Watchdog comes, a message says which part of the pipeline is silent.

The message is an episode in the store like every other: it is kept true while the finding changes, outlives a restart
of the router, and is cleared by the first Watchdog that comes after it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from alerting.alertmanager import Alertmanager
from alerting.bell import Bell
from alerting.errors import StoreError
from alerting.lead import Lead
from alerting.people import WatchdogSettings
from alerting.prometheus import Prometheus
from alerting.store import Store, watch
from alerting.store.leases import Lease, LeaseLost
from alerting.store.watch import Alarm, Vigil
from alerting.watchdog import back, diagnose, silence, silent, unwatched

log = structlog.get_logger("alerting.deadman")

INTERVAL = 5.0
"""Seconds between two looks: how late the switch may be."""

SPAN = timedelta(seconds=30)
"""Of the lease: several looks, each with what it asks others."""


@dataclass
class DeadMansSwitch:
    """Looks whether the Watchdog comes; ``run`` ends only by being cancelled."""

    settings: WatchdogSettings
    channel: str
    runbook: str | None
    prometheus: Prometheus
    alertmanager: Alertmanager
    store: Store
    wake: Callable[[], None]
    clock: Callable[[], datetime]
    interval: float = INTERVAL
    _began: datetime = field(init=False)
    _lead: Lead = field(init=False)
    _bell: Bell = field(default_factory=Bell)

    def __post_init__(self) -> None:
        """Begin to wait."""
        self._began = self.clock()
        self._lead = Lead(self.store, "watchdog", SPAN, self.clock)

    def hear(self) -> None:
        """A Watchdog has come."""
        self._bell.ring()

    async def run(self) -> None:
        """Look until cancelled; without a delay in the settings once, for a message of earlier settings."""
        while True:
            try:
                await self.look()
                if self.settings.after is None:
                    return
            except StoreError as error:
                log.error("the dead-man's switch waits for the store", error=str(error))
            except LeaseLost:
                log.warning("another router watches for the Watchdog now")
            await self._bell.wait(self.interval)

    async def look(self) -> None:
        """Trip, keep the message true, or clear it. Raises StoreError or LeaseLost."""
        now = self.clock()
        vigil = await self.store.run(watch.vigil, now)
        if not (vigil.alarm or self._silent(vigil, now)):
            return
        lease = await self._lead.lease()
        if lease is None:
            return
        if vigil.alarm and (self.settings.after is None or vigil.expected_at > vigil.alarm.tripped_at):
            await self._clear(lease, vigil, vigil.alarm, now)
        else:
            await self._tell(lease, vigil, now)

    def _silent(self, vigil: Vigil, now: datetime) -> bool:
        after = self.settings.after
        return after is not None and silent(vigil.expected_at, self._began, timedelta(seconds=after), now)

    async def _tell(self, lease: Lease, vigil: Vigil, now: datetime) -> None:
        prometheus, alertmanager = await asyncio.gather(self.prometheus.watchdog(), self.alertmanager.watchdog())
        finding = diagnose(prometheus, alertmanager)
        heard_at = vigil.expected_at if vigil.heard else None
        notice = silence(prometheus, alertmanager, heard_at, vigil.expected_at, self.runbook, self.settings.mention)
        if await self.store.run(watch.tell, lease, vigil, self.channel, finding, notice, now):
            log.error("the Watchdog is silent", finding=finding, since=vigil.expected_at.isoformat())
            self.wake()

    async def _clear(self, lease: Lease, vigil: Vigil, alarm: Alarm, now: datetime) -> None:
        came = vigil.expected_at > alarm.tripped_at
        notice = back(alarm.first, alarm.since, vigil.expected_at) if came else unwatched(alarm.first)
        if await self.store.run(watch.clear, lease, vigil, alarm, notice, now):
            log.info("the dead-man's switch is cleared", finding=alarm.first, came=came)
            self.wake()
