"""One life of a router, which can be killed at any boundary; and a clock that is moved by hand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from alerting.alertmanager import open_alertmanager
from alerting.config import RouterSettings
from alerting.metrics import Metrics
from alerting.pace import Pace
from alerting.pipeline import Pipeline, assemble
from alerting.prometheus import open_prometheus
from alerting.relay import open_webhook
from alerting.routes import compiled
from alerting.slack import open_slack
from alerting.store import Store, open_store, outbox, strays
from alerting.store.leases import LeaseLost
from tests.alerting.slack import TOKEN

FAST = Pace(
    gap=0.0,
    settle=0.02,
    margin=10.0,
    first_wait=0.01,
    longest_wait=0.05,
    dead_retry=0.1,
    posts_per_minute=1e6,
    edits_per_minute=1e6,
    reads_per_minute=1e6,
)


class Clock:
    """The wall clock, moved by hand."""

    def __init__(self, now: datetime) -> None:
        """Stand still."""
        self.now = now

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now

    def forward(self, seconds: float) -> None:
        """Move it."""
        self.now += timedelta(seconds=seconds)


async def look(job: Any) -> Any:
    """Have a job look; once more when its router has just started and ended the leases of its earlier life."""
    try:
        return await job.look()
    except LeaseLost:
        return await job.look()


class Killed(BaseException):
    """What a kill -9 is to the code: it does not come back."""


@dataclass
class Fuse:
    """Counts the await boundaries of store and Slack, and kills at one of them."""

    left: int | None = None
    passed: int = 0

    def burn(self) -> None:
        """Pass one boundary."""
        self.passed += 1
        if self.left is not None and self.passed > self.left:
            raise Killed


LOOKS = {outbox.agenda, strays.due}
"""What a loop asks as often as it has time to: a kill around one is a kill before the call that comes next."""


@dataclass
class Mortal:
    """A store or Slack whose every call may be the last: before it has any effect, or after it had all."""

    inner: Any
    fuse: Fuse

    def __getattr__(self, name: str) -> Any:
        """Wrap a coroutine function; what is none is handed through."""
        method = getattr(self.inner, name)
        if not callable(method):
            return method

        async def call(*arguments: Any, **named: Any) -> Any:
            if arguments[0] in LOOKS:
                return await method(*arguments, **named)
            self.fuse.burn()
            result = await method(*arguments, **named)
            self.fuse.burn()
            return result

        return call


@dataclass
class Router:
    """One life of a router: a pipeline on the settings' database, delivering."""

    pipeline: Pipeline
    store: Store
    metrics: Metrics
    task: asyncio.Task[None]

    async def accept(self, body: bytes) -> None:
        """Take a body as the webhook does."""
        await self.pipeline.accept(body)

    async def settled(self, seconds: float = 60) -> None:
        """Wait until Slack shows all of it, or raise what ended the delivery."""
        async with asyncio.timeout(seconds):
            while await self.store.run(outbox.channels):
                if self.task.done():
                    self.task.result()
                await asyncio.sleep(0.005)


@asynccontextmanager
async def router_on(
    settings: RouterSettings,
    fuse: Fuse | None = None,
    pace: Pace = FAST,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsyncIterator[Router]:
    """Start a router; at the end it is cut off, not asked to finish."""
    store = await open_store(settings.store, settings.store_password())
    metrics = Metrics()
    slack_settings = settings.slack
    async with (
        open_slack(TOKEN, slack_settings.base_url, slack_settings.timeout) as slack,
        open_alertmanager(settings.alertmanager) as alertmanager,
        open_prometheus(settings.prometheus) as prometheus,
        open_webhook(settings.fallback) as webhook,
    ):
        ends: tuple[Any, Any] = (Mortal(store, fuse), Mortal(slack, fuse)) if fuse else (store, slack)
        routes = compiled(settings)
        pipeline = assemble(settings, routes, *ends, alertmanager, prometheus, webhook, metrics, clock, pace)
        task = asyncio.create_task(pipeline.run())
        try:
            yield Router(pipeline, store, metrics, task)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, Killed, BaseExceptionGroup):
                await task
            await store.close()
