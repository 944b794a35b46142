"""Where clicks arrive, over HTTP or through a socket: each is kept, and then somebody does it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog
from pydantic import SecretStr

from alerting import actions
from alerting.actions import Click
from alerting.errands import Errands
from alerting.errors import Refusal, Rejected
from alerting.escalation import step
from alerting.model import Deed
from alerting.routes import Routes
from alerting.store import Store, acts
from alerting.view import worst

log = structlog.get_logger("alerting.desk")


@dataclass(frozen=True)
class Desk:
    """Takes what Slack says that people did. `secret` is what its requests are signed with, None when it sends none."""

    secret: SecretStr | None
    routes: Routes
    zone: ZoneInfo
    store: Store
    errands: Errands
    wake: Callable[[], None]
    clock: Callable[[], datetime]

    async def request(self, headers: Mapping[str, str], body: bytes) -> None:
        """Take a signed request. Returns after a durable commit; raises Rejected or StoreError."""
        if self.secret is None:
            raise Rejected(Refusal.UNAUTHORIZED, 401, "no signing secret is set, so nothing shows that it is Slack's")
        actions.verify(self.secret.get_secret_value(), headers, body, self.clock())
        await self.take(actions.payload(body))

    async def take(self, payload: bytes) -> None:
        """Take a payload that is known to be Slack's. Returns after a durable commit; raises Rejected or StoreError."""
        for click in actions.read(payload, self.clock(), self.zone):
            await self._keep(click)

    async def _keep(self, click: Click) -> None:
        if click.deed is Deed.ESCALATE:
            changed = await self._escalate(click)
        else:
            changed = await self.store.run(acts.click, click)
        if changed is None:
            log.warning("a click on a message that is not kept", deed=click.deed, channel=click.message.channel_id)
            return
        log.info("clicked", deed=click.deed, by=click.by.id, new=bool(changed))
        self.wake()
        self.errands.hear()

    async def _escalate(self, click: Click) -> frozenset[str] | None:
        episode = await self.store.run(acts.at, click.message)
        if episode is None:
            return None
        if not episode.alerts:
            return frozenset()
        act = step(episode, self.routes.policy(worst(episode).labels), click.by, click.at)
        return await self.store.run(acts.add, episode.id, act, click.at) if act else frozenset()
