"""Brings Slack to what is planned, one call at a time in each channel. The only place of the router that sleeps.

A post is not idempotent, so it is begun in the store before it is sent, under a delivery id that travels in the
message's metadata. Whatever happens then (a timeout, a reset, a kill of this process), the next look at the episode
finds the open intent and asks Slack for that id before anything is sent again. An edit is idempotent: it is sent again.

Each channel has its own pace, back-off and Retry-After: one that Slack holds back does not delay the others.
"""

import asyncio
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from alerting.errors import DeliveryError, Reason, StoreError
from alerting.metrics import Metrics
from alerting.model import Episode, Intent, Message, Method
from alerting.plan import Edit, Post, Reply, Step
from alerting.slack import Slack
from alerting.store import Store, outbox, upkeep

log = structlog.get_logger("alerting.deliver")

Clock = Callable[[], datetime]
"""The time now, aware."""

Wanted = Callable[[Episode], tuple[Step, Message] | None]
"""Plan and render: the next step of an episode and its message, None when Slack shows it all."""

CLOCK_SKEW = timedelta(minutes=5)
"""How far Slack's clock may be from ours when a message is looked up by time."""

BLIND = frozenset({Reason.SCOPE, Reason.CHANNEL})
"""We may post here but not read: the look-up can't be done, and a lost alert is worse than a doubled one."""


LONGEST_ASKED = 600.0
"""A longer Retry-After than these seconds is taken as a mistake."""


@dataclass(frozen=True)
class Pace:
    """Seconds. Slack takes about one message a second in a channel (docs.slack.dev, "Rate limits").

    `settle` is how long a request that broke off may still be on its way before its outcome is looked up.
    """

    gap: float = 1.0
    settle: float = 3.0
    first_wait: float = 1.0
    longest_wait: float = 60.0
    dead_retry: float = 300.0

    @property
    def longest(self) -> timedelta:
        """Nothing is put off for longer."""
        return timedelta(seconds=max(self.gap, self.settle, self.longest_wait, self.dead_retry, LONGEST_ASKED))


SLACK_PACE = Pace()
"""What Slack's own limits ask for."""

HOUSEKEEPING_SECONDS = 3600.0


@dataclass
class Gate:
    """When a channel may be called next."""

    pace: Pace
    opens: float = 0.0
    failures: int = 0

    def passed(self) -> None:
        """Slack did what it was asked: keep the pace, start the back-off from the beginning."""
        self.opens = _clock() + self.pace.gap
        self.failures = 0

    def hold(self, asked: float | None = None) -> float:
        """Close for what Slack asked, else for a wait that doubles; return the seconds."""
        doubled = self.pace.first_wait * 2 ** min(self.failures, 16)
        wait = min(doubled, self.pace.longest_wait) if asked is None else min(asked, LONGEST_ASKED)
        wait = max(wait, self.pace.gap)
        self.failures += 1
        self.opens = _clock() + wait
        return wait

    async def wait(self) -> None:
        """Sleep until it opens."""
        await asyncio.sleep(max(0.0, self.opens - _clock()))


@dataclass
class Delivery:
    """One worker a channel; ``run`` ends only by being cancelled."""

    store: Store
    slack: Slack
    wanted: Wanted
    metrics: Metrics
    clock: Clock
    keep: timedelta
    pace: Pace = SLACK_PACE
    _bells: dict[str, asyncio.Event] = field(default_factory=dict)
    _group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Deliver what the store holds, and whatever ``wake`` says has changed."""
        waiting = await self._left_over()
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self._keep_house(), name="housekeeping")
            for channel in self._bells:
                self._employ(channel)
            self.wake(waiting)
            await asyncio.Event().wait()

    async def _left_over(self) -> frozenset[str]:
        """Ask for the channels that an earlier life left undelivered, until the store answers."""
        while True:
            try:
                return await self.store.run(outbox.channels)
            except StoreError as error:
                log.error("delivery waits for the store", error=str(error))
                await asyncio.sleep(self.pace.first_wait)

    def wake(self, channels: frozenset[str]) -> None:
        """Tell the workers of these channels that there is something to do; a new channel gets its worker."""
        for channel in channels:
            if channel not in self._bells:
                self._bells[channel] = asyncio.Event()
                self._employ(channel)
            self._bells[channel].set()

    def _employ(self, channel: str) -> None:
        """Start the worker of a channel; before ``run`` there is none, and ``run`` will."""
        if self._group:
            self._group.create_task(self._work(channel, self._bells[channel]), name=f"deliver {channel}")

    async def _work(self, channel: str, bell: asyncio.Event) -> None:
        gate = Gate(self.pace)
        while True:
            try:
                await gate.wait()
                bell.clear()
                now = self.clock()
                due = await self.store.run(outbox.due, channel, now, self.pace.longest)
                left = (due.not_before - now).total_seconds() if due else None
                if due and left is not None and left <= 0:
                    await self._advance(await self.store.run(outbox.load, due.episode_id), gate)
                else:
                    await _until(bell, left)
            except StoreError as error:
                log.error("delivery waits for the store", channel=channel, error=str(error))
                gate.hold()

    async def _advance(self, episode: Episode, gate: Gate) -> None:
        """Make one call for this episode, and keep what came of it."""
        try:
            if episode.intent:
                await self._look_up(episode, episode.intent)
            elif wanted := self.wanted(episode):
                await self._take(episode, *wanted)
            else:
                await self.store.run(outbox.settle, episode)
                return
            gate.passed()
        except DeliveryError as error:
            await self._failed(episode, error, gate)
        except StoreError:
            raise
        except Exception as error:
            gate.passed()
            log.exception("a message can't be made or sent", episode=episode.id, channel=episode.channel)
            await self._bury(episode, DeliveryError(Reason.BUG, type(error).__name__), sent=True)

    async def _take(self, episode: Episode, step: Step, message: Message) -> None:
        """Send one step and keep that Slack has it."""
        match step:
            case Post(view=view):
                intent = await self._begin(episode, Method.POST, digest=view.digest)
                posted = await self.slack.post(episode.channel, message, intent.delivery_id)
                await self.store.run(outbox.posted, episode.id, posted, view.digest, self.clock())
                self._count(Method.POST, episode, step)
            case Edit(view=view) if episode.root:
                await self.slack.edit(episode.root, message)
                await self.store.run(outbox.edited, episode.id, view.digest, self.clock())
                self._count(Method.EDIT, episode, step)
            case Reply(told=told):
                intent = await self._begin(episode, Method.REPLY, told=told)
                await self.slack.post(episode.channel, message, intent.delivery_id, episode.root)
                await self.store.run(outbox.replied, episode.id, told, self.clock())
                self._count(Method.REPLY, episode, step)

    async def _begin(
        self, episode: Episode, method: Method, digest: str = "", told: Mapping[str, str] | None = None
    ) -> Intent:
        now = self.clock()
        intent = Intent(uuid.uuid4().hex, method, digest, told or {}, now)
        await self.store.run(outbox.begin, episode.id, intent, now + timedelta(seconds=self.pace.settle))
        return intent

    async def _look_up(self, episode: Episode, intent: Intent) -> None:
        """Find out whether Slack took the message, before anything is sent again."""
        thread = episode.root if intent.method is Method.REPLY else None
        since = intent.begun_at - CLOCK_SKEW
        try:
            found = await self.slack.find(episode.channel, intent.delivery_id, since, thread)
            resolution = "found" if found else "resent"
        except DeliveryError as error:
            if error.reason not in BLIND | {Reason.EDIT_REFUSED}:
                raise
            found = None
            resolution = "not_visible" if error.reason in BLIND else "resent"
        if found is None:
            await self.store.run(outbox.drop_intent, episode.id, self.clock())
        elif intent.method is Method.POST:
            await self.store.run(outbox.posted, episode.id, found, intent.digest, self.clock())
        else:
            await self.store.run(outbox.replied, episode.id, intent.told, self.clock())
        self.metrics.unknown_outcomes.labels(resolution).inc()
        log.info("unknown outcome looked up", episode=episode.id, channel=episode.channel, resolution=resolution)

    async def _failed(self, episode: Episode, error: DeliveryError, gate: Gate) -> None:
        where = {"episode": episode.id, "channel": episode.channel, "reason": error.reason, "code": error.code}
        if error.reason is Reason.EDIT_REFUSED and episode.root:
            gate.passed()
            log.warning("Slack refused an edit: a new message follows", **where)
            await self._replace(episode)
        elif error.retryable:
            wait = gate.hold(error.retry_after)
            self.metrics.retries.labels(error.reason.value).inc()
            log.warning("delivery will be tried again", seconds=wait, **where)
            until = self.clock() + timedelta(seconds=max(wait, self.pace.settle) if error.unknown else wait)
            await self.store.run(outbox.postpone, episode.id, until, sent=error.unknown or episode.intent is not None)
        else:
            gate.passed()
            log.error("dead letter: Slack refuses it until somebody acts", **where)
            await self._bury(episode, error, sent=episode.intent is not None)

    async def _replace(self, episode: Episode) -> None:
        link = None
        if episode.root:
            try:
                link = await self.slack.permalink(episode.root)
            except DeliveryError as error:
                log.warning("no link to the former message", episode=episode.id, reason=error.reason)
        await self.store.run(outbox.detach, episode.id, link, self.clock())

    async def _bury(self, episode: Episode, error: DeliveryError, *, sent: bool) -> None:
        until = self.clock() + timedelta(seconds=self.pace.dead_retry)
        await self.store.run(outbox.bury, episode.id, until, error.reason.value, error.code, sent=sent)

    async def _keep_house(self) -> None:
        """Forget what has been over for longer than `keep`."""
        while True:
            try:
                lost = await self.store.run(upkeep.purge, self.clock() - self.keep)
            except StoreError as error:
                log.error("old messages can't be forgotten", error=str(error))
            else:
                if lost:
                    self.metrics.given_up.inc(lost)
                    log.error("messages given up: Slack never showed how they ended", count=lost)
            await asyncio.sleep(HOUSEKEEPING_SECONDS)

    def _count(self, method: Method, episode: Episode, step: Step) -> None:
        self.metrics.delivered.labels(method.value).inc()
        log.info("delivered", method=method, episode=episode.id, channel=episode.channel, reason=step.reason)


async def _until(bell: asyncio.Event, seconds: float | None) -> None:
    """Wait for the bell, at most `seconds`; a minute at most, so that a step of the wall clock heals."""
    try:
        async with asyncio.timeout(None if seconds is None else min(seconds, 60.0)):
            await bell.wait()
    except TimeoutError:
        return


def _clock() -> float:
    return asyncio.get_running_loop().time()
