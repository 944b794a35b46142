"""Nobody has acknowledged it: the next step of the settings is taken, each once, when its time has come."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from alerting.errors import StoreError
from alerting.handling import acknowledgement, escalations
from alerting.model import Act, Deed, Episode, Outcome, Person
from alerting.people import EscalationSettings
from alerting.routes import Policy, Routes
from alerting.store import Store, acts
from alerting.units import duration
from alerting.view import worst

log = structlog.get_logger("alerting.escalation")

INTERVAL = 5.0
"""Seconds between two looks: how late a step may be."""


def step(episode: Episode, policy: Policy, by: Person | None, now: datetime) -> Act | None:
    """Return the next step as an act, None when all were taken. Its key is the step's: nobody takes it twice."""
    taken = escalations(episode.acts)
    index = next((index for index in range(len(policy.escalation)) if index not in taken), None)
    if index is None:
        return None
    chosen = policy.escalation[index]
    channel = chosen.channel if chosen.channel != episode.channel else None
    note = "" if by else f"after {duration(timedelta(seconds=chosen.after))} without acknowledgement"
    outcome = Outcome.ASKED if channel else Outcome.DONE
    key = f"escalate {index}"
    return Act(0, key, Deed.ESCALATE, by, now, outcome, None, (), index, chosen.mention, channel, note)


def due(episode: Episode, routes: Routes, now: datetime) -> Act | None:
    """Return the step that is due: something is active, nobody has acknowledged it, and the time has come."""
    if acknowledgement(episode.acts) or not any(alert.active for alert in episode.alerts):
        return None
    policy = routes.policy(worst(episode).labels)
    act = step(episode, policy, None, now)
    if act is None or act.step is None:
        return None
    since = now - (episode.opened_at or episode.since)
    return act if since >= timedelta(seconds=policy.escalation[act.step].after) else None


@dataclass
class Escalation:
    """Looks at what nobody has acknowledged; ``run`` ends only by being cancelled."""

    routes: Routes
    store: Store
    wake: Callable[[], None]
    clock: Callable[[], datetime]
    interval: float = INTERVAL

    async def run(self) -> None:
        """Look until cancelled; there is nothing to look at when no route escalates."""
        steps = list(self._steps())
        while steps:
            await self.look(timedelta(seconds=min(step.after for step in steps)))
            await asyncio.sleep(self.interval)

    async def look(self, soonest: timedelta) -> None:
        """Take the steps that are due of what has been open for `soonest` or longer."""
        now = self.clock()
        try:
            for episode in await self.store.run(acts.unattended, now - soonest):
                if act := due(episode, self.routes, now):
                    await self.store.run(acts.add, episode.id, act, now)
                    log.info("escalated", episode=episode.id, channel=episode.channel, step=act.step)
                    self.wake()
        except StoreError as error:
            log.error("escalation waits for the store", error=str(error))

    def _steps(self) -> list[EscalationSettings]:
        return [step for policy in self.routes.policies() for step in policy.escalation]
