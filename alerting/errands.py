"""What people asked for that somebody else has to do: silences by Alertmanager, a word in another channel.

A click is kept before Slack hears 200, and done here. Whatever fails for a time is tried again, until its time is over.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from alerting import silences
from alerting.alertmanager import Alertmanager
from alerting.bell import Bell
from alerting.errors import AlertmanagerError, DeliveryError, StoreError
from alerting.model import Act, Deed, Episode, Notice, Outcome
from alerting.reconcile import Reconciliation
from alerting.slack import Slack
from alerting.store import Store, acts
from alerting.store.acts import Errand
from alerting.text import code, escape, link, one_line
from alerting.view import worst

log = structlog.get_logger("alerting.errands")

PATIENCE = timedelta(seconds=15)
"""From one try to the next; a router that was killed in the middle of one leaves it for that long."""

GIVEN_UP = timedelta(minutes=10)
"""A silence that could not be made for so long is none that anybody still wants without knowing."""

INTERVAL = 5.0


@dataclass
class Errands:
    """Does what is asked for, one after the other; ``run`` ends only by being cancelled."""

    store: Store
    slack: Slack
    alertmanager: Alertmanager
    reconciliation: Reconciliation
    wake: Callable[[], None]
    clock: Callable[[], datetime]
    _bell: Bell = field(default_factory=Bell)

    def hear(self) -> None:
        """Something was asked for."""
        self._bell.ring()

    async def run(self) -> None:
        """Do what comes, and look now and then for what others have left."""
        while True:
            try:
                while errand := await self.store.run(acts.errand, self.clock(), PATIENCE):
                    await self._do(errand)
            except StoreError as error:
                log.error("errands wait for the store", error=str(error))
            await self._bell.wait(INTERVAL)

    async def _do(self, errand: Errand) -> None:
        act, episode = errand.act, errand.episode
        if act.deed is Deed.ESCALATE:
            await self._tell(act, episode)
            return
        try:
            ids = await self._ask(act, episode)
        except AlertmanagerError as error:
            log.warning("Alertmanager did not do it", deed=act.deed, episode=episode.id, error=str(error))
            if error.retryable and self.clock() - act.at < GIVEN_UP:
                return
            await self._settle(act, Outcome.FAILED, note=f"Alertmanager {error}")
        else:
            await self._settle(act, Outcome.DONE, ids)
            self.reconciliation.hear()

    async def _ask(self, act: Act, episode: Episode) -> tuple[str, ...]:
        if act.deed is Deed.SILENCE:
            return await self.alertmanager.silence(silences.wanted(episode, act), act.at)
        await self.alertmanager.expire(silences.made(episode))
        return ()

    async def _settle(self, act: Act, outcome: Outcome, ids: tuple[str, ...] = (), note: str = "") -> None:
        await self.store.run(acts.settle, act, outcome, self.clock(), ids, note)
        log.info("done", deed=act.deed, act=act.id, outcome=outcome)
        self.wake()

    async def _tell(self, act: Act, episode: Episode) -> None:
        """Write to the other channel, with a link to the message if Slack tells it."""
        url = None
        try:
            url = await self.slack.permalink(episode.root) if episode.root else None
        except DeliveryError as error:
            log.warning("no link to the message", episode=episode.id, reason=error.reason)
        await self.store.run(acts.tell, act, notice(act, episode, url), self.clock())
        self.wake()


def notice(act: Act, episode: Episode, url: str | None) -> Notice:
    """Say in another channel that something was escalated."""
    first = worst(episode)
    name = one_line(episode.group.labels.get("alertname") or first.labels.get("alertname") or "Alert without a name")
    who = f"Escalated by {act.by.name}" if act.by else f"Escalated {act.note}"
    where = (link(url, "The message") if url else None) or "The message"
    firing = sum(alert.active for alert in episode.alerts)
    facts = [
        escape(one_line(first.annotations.get("summary", "")), 300),
        f"{firing} firing, severity {code(first.labels.get('severity', 'unknown'), 60)}",
        f"{where} is in {escape(episode.channel, 90)}. {escape(who, 200)}.",
    ]
    return Notice(act.mention, f"📣 {name[:120]}", "\n".join(fact for fact in facts if fact))
