"""Brings Slack to what is planned. The only place of the router that sleeps.

A post is not idempotent, so it is begun in the store before it is sent, under a delivery id that travels in the
message's metadata. Whatever happens then (a timeout, a reset, a kill of this process), the next look at the episode
finds the open intent and asks Slack for that id before anything is sent again. An edit is idempotent: it is sent again.

One loop starts the calls, the most urgent first, at most one at a time in each channel and as many in all as Slack's
limits allow (``pace``). A channel that Slack holds back does not delay the others. Of several routers on one store, the
one that holds a channel's lease calls Slack about it (``store.leases``).
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Concatenate, ParamSpec, TypeVar

import structlog
from opentelemetry.trace import NoOpTracer, Span, SpanKind, StatusCode, Tracer
from sqlalchemy import Connection

from alerting.bell import Bell
from alerting.errors import DeliveryError, Reason, StoreError
from alerting.illustrate import worse
from alerting.metrics import Metrics
from alerting.model import ChartForm, Episode, Intent, Message, Method, Posted
from alerting.pace import POSTING, SLACK_PACE, Pace, Traffic, Work
from alerting.plan import Edit, Picture, Post, Reply, Step
from alerting.slack import Slack
from alerting.store import Store, leases, outbox, strays, upkeep
from alerting.store.leases import Busy, Lease, LeaseLost
from alerting.store.outbox import Head
from alerting.store.strays import Stray
from process.trace import child_of

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger("alerting.deliver")

Clock = Callable[[], datetime]
"""The time now, aware."""

Wanted = Callable[[Episode, int], Awaitable[tuple[Step, Message] | None]]
"""Plan and render: the next step of an episode that is so many seconds late, and its message; None when it is shown."""

CLOCK_SKEW = timedelta(minutes=5)
"""How far Slack's clock may be from ours when a message is looked up by time."""

BLIND = frozenset({Reason.SCOPE, Reason.CHANNEL})
"""We may post here but not read: the look-up can't be done, and a lost alert is worse than a doubled one."""

UNTRACED: Tracer = NoOpTracer()
"""Where nobody asks for spans."""

LEISURE = 4
"""After a look at the store, so many times its length without one: a long backlog takes a fifth of the store's time."""

HOUSEKEEPING_SECONDS = 3600.0


@dataclass
class Delivery:
    """``run`` ends only by being cancelled. `timeout` is the longest that one call to Slack may take."""

    store: Store
    slack: Slack
    wanted: Wanted
    metrics: Metrics
    clock: Clock
    keep: timedelta
    timeout: timedelta
    pace: Pace = SLACK_PACE
    tracer: Tracer = UNTRACED
    _traffic: Traffic = field(init=False)
    _busy: set[str] = field(default_factory=set)
    _bell: Bell = field(default_factory=Bell)

    def __post_init__(self) -> None:
        """Start with nothing called."""
        self._traffic = Traffic(self.pace)

    def wake(self) -> None:
        """Say that there may be something to do."""
        self._bell.ring()

    async def run(self) -> None:
        """Deliver what the store holds, and what comes to it."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_house(), name="housekeeping")
            group.create_task(self._recall(), name="strays")
            await self._deliver(group)

    async def _deliver(self, group: asyncio.TaskGroup) -> None:
        if not self.store.shared:
            await self._insist(leases.clear)
        while True:
            begun = _clock()
            wait = await self._start(group)
            await asyncio.sleep(LEISURE * (_clock() - begun))
            await self._bell.wait(min(wait, self.pace.poll) if self.store.shared else wait)

    async def _start(self, group: asyncio.TaskGroup) -> float:
        """Start every call that may be made now; return in how many seconds the next may be."""
        now = self.clock()
        agenda = await self._insist(outbox.agenda, now, self.pace.longest)
        waits = [60.0]  # a step of the wall clock heals within a minute
        if agenda.next_at:
            waits.append(max(0.0, (agenda.next_at - now).total_seconds()))
        for head in agenda.heads:
            if head.channel in self._busy:
                continue
            wait = self._traffic.wait(head.channel, head.work, _clock())
            if wait > 0:
                waits.append(wait)
                continue
            self._traffic.begin(head.work, _clock())
            self._busy.add(head.channel)
            group.create_task(self._serve(head), name=f"deliver {head.channel}")
        return min(waits)

    async def _serve(self, head: Head) -> None:
        """Make one call for the head of a channel, if no other router works on the channel."""
        try:
            now = self.clock()
            taken = await self.store.run(outbox.take, head, now, self._lease_end(now), self.pace.longest)
            if isinstance(taken, Busy):
                self._traffic.give_back(head.work)
                self._traffic.hold(head.channel, _clock() + min((taken.until - now).total_seconds(), self.pace.poll))
            else:
                await self._advance(head, *taken)
        except StoreError as error:
            log.error("delivery waits for the store", channel=head.channel, error=str(error))
            self._traffic.back_off(head.channel, _clock())
        except LeaseLost:
            log.warning("another router has taken the channel over", channel=head.channel, episode=head.episode_id)
        finally:
            self._busy.discard(head.channel)
            self._bell.ring()

    async def _advance(self, head: Head, lease: Lease, episode: Episode) -> None:
        """Make one call for this episode, and keep what came of it; a span of the trace that brought the news."""
        about: dict[str, str | int] = {"channel": episode.channel, "episode": episode.id, "group": episode.group.key}
        with self.tracer.start_as_current_span(
            f"deliver {head.work}", child_of(episode.trace), SpanKind.CLIENT, attributes=about
        ) as span:
            await self._step(head, lease, episode, span)

    async def _step(self, head: Head, lease: Lease, episode: Episode, span: Span) -> None:
        try:
            if episode.intent:
                await self._look_up(lease, episode, episode.intent)
            elif wanted := await self.wanted(episode, self._lateness(episode)):
                await self._try(lease, episode, *wanted)
            else:
                await self.store.run(outbox.settle, lease, episode)
        except DeliveryError as error:
            span.set_status(StatusCode.ERROR, str(error))
            await self._failed(head, lease, episode, error)
        except (StoreError, LeaseLost):
            raise
        except Exception as error:
            log.exception("a message can't be made or sent", episode=episode.id, channel=episode.channel)
            await self._bury(lease, episode, DeliveryError(Reason.BUG, type(error).__name__), sent=True)

    async def _try(self, lease: Lease, episode: Episode, step: Step, message: Message) -> None:
        """Make the call; a chart that Slack refuses takes a lesser form the next time."""
        try:
            await self._make(lease, episode, step, message)
        except DeliveryError as error:
            form = _refused_form(step, message, error)
            if form is None:
                raise
            self._passed(episode, Work.EDIT)
            log.warning("Slack refused a chart", episode=episode.id, form=form, code=error.code)
            await self.store.run(outbox.demote, lease, episode, worse(form), self.clock())

    async def _make(self, lease: Lease, episode: Episode, step: Step, message: Message) -> None:
        """Send one step and keep that Slack has it."""
        match step:
            case Post(view=view):
                intent = self._intent(Method.POST, digest=view.digest)
                lease = await self._begin(lease, episode, intent, view.delayed)
                posted = await self.slack.post(episode.channel, message, intent.delivery_id)
                await self.store.run(
                    outbox.posted, lease, episode, posted, view.digest, *self._passed(episode, Work.POST), fresh=True
                )
                self._count(Method.POST, episode, step)
            case Edit(view=view) if episode.root:
                await self.slack.edit(episode.root, message)
                now, _ = self._passed(episode, Work.EDIT)
                await self.store.run(outbox.edited, lease, episode, view.digest, view.delayed, now)
                self._count(Method.EDIT, episode, step)
            case Reply(told=told):
                intent = self._intent(Method.REPLY, told=told)
                lease = await self._begin(lease, episode, intent, episode.delayed)
                await self.slack.post(episode.channel, message, intent.delivery_id, episode.root)
                await self.store.run(outbox.replied, lease, episode, told, *self._passed(episode, Work.REPLY))
                self._count(Method.REPLY, episode, step)
            case Picture() if episode.root:
                await self._upload(lease, episode, episode.root, message)
                self._count(Method.PICTURE, episode, step)

    async def _upload(self, lease: Lease, episode: Episode, root: Posted, message: Message) -> None:
        """Bring the picture into the thread; the message that then shows it tells whether it is there."""
        if message.file is None:
            raise DeliveryError(Reason.CONTENT, "nothing_to_draw")
        picture = await self.slack.upload(root, message.text, message.file)
        now, opens_at = self._passed(episode, Work.REPLY)
        await self.store.run(outbox.pictured, lease, episode, picture, now + self._settle, opens_at)

    def _intent(self, method: Method, digest: str = "", told: Mapping[str, str] | None = None) -> Intent:
        return Intent(uuid.uuid4().hex, method, digest, told or {}, self.clock())

    async def _begin(self, lease: Lease, episode: Episode, intent: Intent, delayed: int) -> Lease:
        """Store the intent. Raises LeaseLost when this router was stopped since: the call would outlast its lease."""
        until = self._lease_end(intent.begun_at)
        lease = await self.store.run(outbox.begin, lease, episode.id, intent, delayed, until, self._settle)
        if self.clock() + self.timeout > lease.until:
            raise LeaseLost(lease.channel)
        return lease

    async def _look_up(self, lease: Lease, episode: Episode, intent: Intent) -> None:
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
        now, opens_at = self._passed(episode, Work.LOOK_UP)
        if found is None:
            look_again = self._lease_end(now) if resolution == "resent" else None
            await self.store.run(outbox.resend, lease, episode, look_again, now)
        elif intent.method is Method.POST:
            await self.store.run(outbox.posted, lease, episode, found, intent.digest, now, opens_at, fresh=False)
        else:
            await self.store.run(outbox.replied, lease, episode, intent.told, now, opens_at)
        self.metrics.unknown_outcomes.labels(resolution).inc()
        log.info("unknown outcome looked up", episode=episode.id, channel=episode.channel, resolution=resolution)

    async def _failed(self, head: Head, lease: Lease, episode: Episode, error: DeliveryError) -> None:
        where = {"episode": episode.id, "channel": episode.channel, "reason": error.reason, "code": error.code}
        if error.reason is Reason.EDIT_REFUSED and episode.root:
            self._passed(episode, Work.EDIT)
            log.warning("Slack refused an edit: a new message follows", **where)
            await self._replace(lease, episode)
        elif error.retryable:
            await self._retry(head, lease, episode, error, where)
        else:
            self._passed(episode, head.work)
            log.error("dead letter: Slack refuses it until somebody acts", **where)
            await self._bury(lease, episode, error, sent=episode.intent is not None)

    async def _retry(
        self, head: Head, lease: Lease, episode: Episode, error: DeliveryError, where: Mapping[str, object]
    ) -> None:
        limited = error.reason is Reason.RATE_LIMITED
        if limited:
            wait = self._traffic.limited(episode.channel, head.work, _clock(), error.retry_after)
        else:
            wait = self._traffic.back_off(episode.channel, _clock(), error.retry_after)
        self.metrics.retries.labels(error.reason.value).inc()
        log.warning("delivery will be tried again", seconds=wait, **where)
        now = self.clock()
        opens = now + timedelta(seconds=wait)
        until = max(opens, now + self._settle) if error.unknown else opens
        await self.store.run(
            outbox.postpone,
            lease,
            episode,
            until,
            sent=error.unknown or episode.intent is not None,
            opens_at=opens if limited and head.work in POSTING else None,
        )

    async def _replace(self, lease: Lease, episode: Episode) -> None:
        link = None
        if episode.root:
            try:
                link = await self.slack.permalink(episode.root)
            except DeliveryError as error:
                log.warning("no link to the former message", episode=episode.id, reason=error.reason)
        await self.store.run(outbox.detach, lease, episode, link, self.clock())

    async def _bury(self, lease: Lease, episode: Episode, error: DeliveryError, *, sent: bool) -> None:
        until = self.clock() + timedelta(seconds=self.pace.dead_retry)
        await self.store.run(outbox.bury, lease, episode, until, error.reason.value, error.code, sent=sent)

    async def _recall(self) -> None:
        """Look once more for posts that were sent again, and delete those that came late after all."""
        while True:
            now = self.clock()
            for stray in await self._insist(strays.due, now, now + 2 * (self._lease_end(now) - now)):
                await self._chase(stray)
            await asyncio.sleep(self._settle.total_seconds())

    async def _chase(self, stray: Stray) -> None:
        try:
            since = stray.begun_at - CLOCK_SKEW
            found = await self.slack.find(stray.channel, stray.delivery_id, since, stray.thread)
            if found:
                log.warning("a post came late and is deleted", channel=stray.channel, delivery=stray.delivery_id)
                await self.slack.delete(found)
            await self.store.run(strays.forget, stray)
        except DeliveryError as error:
            if not error.retryable:
                await self._insist(strays.forget, stray)
        except StoreError as error:
            log.error("a late post will be looked for again", error=str(error))

    async def _keep_house(self) -> None:
        """Forget what has been over for longer than `keep`."""
        while True:
            if lost := await self._insist(upkeep.purge, self.clock() - self.keep):
                self.metrics.given_up.inc(lost)
                log.error("messages given up: Slack never showed how they ended", count=lost)
            await asyncio.sleep(HOUSEKEEPING_SECONDS)

    async def _insist(self, work: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs) -> T:
        """Ask the store until it answers."""
        while True:
            try:
                return await self.store.run(work, *arguments, **named)
            except StoreError as error:
                log.error("delivery waits for the store", error=str(error))
                await asyncio.sleep(self.pace.first_wait)

    def _passed(self, episode: Episode, work: Work) -> tuple[datetime, datetime]:
        """Note that Slack answered; return the time, and from when the channel may be posted to again."""
        self._traffic.passed(episode.channel, work, _clock())
        now = self.clock()
        return now, now + timedelta(seconds=self.pace.gap if work in POSTING else 0)

    def _lateness(self, episode: Episode) -> int:
        """How late the present state is about to be shown, in seconds; 0 when it is not worth a word."""
        waited = (self.clock() - episode.stale_since).total_seconds() if episode.stale_since else 0.0
        return int(waited) if waited > self.pace.late else 0

    def _lease_end(self, now: datetime) -> datetime:
        return now + self.timeout + timedelta(seconds=self.pace.margin)

    @property
    def _settle(self) -> timedelta:
        return timedelta(seconds=self.pace.settle)

    def _count(self, method: Method, episode: Episode, step: Step) -> None:
        self.metrics.delivered.labels(method.value).inc()
        log.info("delivered", method=method, episode=episode.id, channel=episode.channel, reason=step.reason)


def _refused_form(step: Step, message: Message, error: DeliveryError) -> ChartForm | None:
    """The form of the chart that Slack did not take; None when something else went wrong, or time may heal it."""
    if isinstance(step, Picture):
        return None if error.retryable else ChartForm.PICTURE
    return message.chart if error.reason is Reason.CONTENT else None


def _clock() -> float:
    return asyncio.get_running_loop().time()
