"""Tells another system, through its webhook, each open alert that Slack has not shown for too long, and its end.

Each is told at least once: it is noted after the answer, so a router that is killed in between tells it again, under
the same id. What Slack is told does not change.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx
import structlog

from alerting.config import FallbackSettings, LinkSettings
from alerting.errors import StoreError
from alerting.fallback import Tale, body, signature
from alerting.lead import Lead
from alerting.metrics import Metrics
from alerting.store import Store, fallbacks
from alerting.store.leases import LeaseLost

log = structlog.get_logger("alerting.relay")

INTERVAL = 5.0
"""Seconds between two looks."""

LONGEST = 300.0
"""Seconds between two looks after many failures."""

TOGETHER = 50
"""Alerts in one POST, at most."""

SPAN = timedelta(seconds=60)
"""Of the lease: a look and a POST, which is given up after half of that."""

HEADERS = {"Content-Type": "application/json", "User-Agent": "bongsu-router"}


@dataclass(frozen=True)
class Webhook:
    """The one door to the other system. Make it with ``open_webhook``; without a client there is none."""

    client: httpx.AsyncClient | None
    settings: FallbackSettings

    async def post(self, content: bytes, now: datetime) -> str | None:
        """Send it once; return what went wrong, in words without the address, which may be a secret."""
        url = self.settings.address()
        if self.client is None or url is None:
            return "there is no address"
        secret = self.settings.signing()
        signed = signature(secret.get_secret_value(), content, now) if secret else {}
        try:
            answer = await self.client.post(url.get_secret_value(), content=content, headers=HEADERS | signed)
        except httpx.HTTPError as error:
            return type(error).__name__
        return None if answer.is_success else f"HTTP {answer.status_code}"


@asynccontextmanager
async def open_webhook(settings: FallbackSettings) -> AsyncIterator[Webhook]:
    """Keep one HTTP client, if there is an address. It follows no redirect and uses no proxy of the environment."""
    if settings.address() is None:
        yield Webhook(None, settings)
        return
    headers = settings.auth.headers()
    async with httpx.AsyncClient(timeout=settings.timeout, headers=headers, trust_env=False) as client:
        yield Webhook(client, settings)


@dataclass
class Relay:
    """Looks for what Slack does not show; ``run`` ends only by being cancelled."""

    webhook: Webhook
    links: LinkSettings
    store: Store
    metrics: Metrics
    clock: Callable[[], datetime]
    interval: float = INTERVAL
    _lead: Lead = field(init=False)

    def __post_init__(self) -> None:
        """Ask for the job."""
        self._lead = Lead(self.store, "fallback", SPAN, self.clock)

    async def run(self) -> None:
        """Look until cancelled, less often while the other system fails; not at all without an address."""
        failures = 0
        while self.webhook.client:
            await asyncio.sleep(min(self.interval * 2 ** min(failures, 16), LONGEST))
            try:
                failures = 0 if await self.look() else failures + 1
            except StoreError as error:
                log.error("the fall-back waits for the store", error=str(error))
            except LeaseLost:
                log.warning("another router tells the fall-back now")

    async def look(self) -> bool:
        """Tell what is due; False when the other system did not take it. Raises StoreError or LeaseLost."""
        while due := (await self.store.run(fallbacks.due, self._before()))[:TOGETHER]:
            lease = await self._lead.lease()
            if lease is None:
                break
            if not await self._tell(due):
                return False
            await self.store.run(fallbacks.told, lease, due)
        return True

    def _before(self) -> datetime:
        return self.clock() - timedelta(seconds=self.webhook.settings.after)

    async def _tell(self, due: Sequence[Tale]) -> bool:
        now = self.clock()
        failed = await self.webhook.post(body(due, self.links, now), now)
        self.metrics.fallback.labels("failed" if failed else "delivered").inc()
        if failed:
            log.error("the fall-back does not take alerts that Slack does not show", error=failed, alerts=len(due))
        else:
            log.warning("told the fall-back what Slack does not show", alerts=len(due))
        return failed is None
