"""READ FIRST: how a notification becomes a message. Five steps, in order.

    receive   body -> Notification             the only place that refuses a body
    store     Notification -> Episode          committed before Alertmanager hears 200
    plan      Episode -> Step                  the difference between stored state and what Slack was seen to show
    render    Step -> Message                  Block Kit
    deliver   Message -> Slack -> store        paced, retried, looked up; confirmed state is stored again

The first two run for each webhook, the last three whenever a channel has something undelivered and Slack will take it.
Only the store lies between the halves: either may be slow, fail or be killed without the other losing anything.
Beside them ``reconcile`` reads Alertmanager's list of alerts, for what no notification ever tells.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from opentelemetry.trace import Tracer

from alerting.alertmanager import Alertmanager
from alerting.config import LinkSettings, RouterSettings
from alerting.deadman import DeadMansSwitch
from alerting.deliver import UNTRACED, Delivery
from alerting.desk import Desk
from alerting.errands import Errands
from alerting.escalation import Escalation
from alerting.handling import Offer
from alerting.illustrate import Illustrator
from alerting.intake import Intake
from alerting.metrics import Metrics
from alerting.model import WATCHDOG, Alert, Episode, Message, Notification, Routed
from alerting.mornings import Mornings
from alerting.pace import SLACK_PACE, Pace
from alerting.plan import Edit, Post, Step, late, plan
from alerting.prometheus import Prometheus
from alerting.receive import receive
from alerting.reconcile import Reconciliation
from alerting.relay import Relay, Webhook
from alerting.render import render
from alerting.routes import Routes
from alerting.slack import Slack
from alerting.store import Store, watch


@dataclass(frozen=True)
class Pipeline:
    """The steps joined. Make it with ``assemble``."""

    routes: Routes
    store: Store
    intake: Intake
    delivery: Delivery
    reconciliation: Reconciliation
    errands: Errands
    escalation: Escalation
    switch: DeadMansSwitch
    mornings: Mornings
    relay: Relay
    desk: Desk
    clock: Callable[[], datetime]
    tracer: Tracer

    async def accept(self, body: bytes) -> None:
        """Take one body of Alertmanager's webhook. Returns after a durable commit; raises Rejected or StoreError."""
        await self.take(receive(body))

    async def take(self, notification: Notification, channel: str | None = None) -> None:
        """Take one notification, for `channel` if one is given. Returns after a durable commit; raises StoreError."""
        now = self.clock()
        beats = [alert for alert in notification.alerts if _is_watchdog(alert) and alert.firing]
        routed = [
            Routed(alert, channel or self.routes.channel(alert.labels), self.routes.hold(alert.labels, now))
            for alert in notification.alerts
            if not _is_watchdog(alert)
        ]
        if beats:
            await self.store.run(watch.beat, beats[-1].fingerprint, now)
            self.switch.hear()
        if routed:
            await self.intake.record(notification, routed)
            self.delivery.wake()
            self.reconciliation.hear()

    async def run(self) -> None:
        """Deliver, and all that goes on beside it, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.delivery.run(), name="delivery")
            group.create_task(self.reconciliation.run(), name="reconciliation")
            group.create_task(self.errands.run(), name="errands")
            group.create_task(self.escalation.run(), name="escalation")
            group.create_task(self.switch.run(), name="dead-man's switch")
            group.create_task(self.mornings.run(), name="mornings")
            group.create_task(self.relay.run(), name="fall-back")


def assemble(
    settings: RouterSettings,
    routes: Routes,
    store: Store,
    slack: Slack,
    alertmanager: Alertmanager,
    prometheus: Prometheus,
    webhook: Webhook,
    metrics: Metrics,
    clock: Callable[[], datetime],
    pace: Pace = SLACK_PACE,
    tracer: Tracer = UNTRACED,
) -> Pipeline:
    """Join the steps; ``pipeline.run()`` then delivers for as long as it runs."""
    offer = Offer(routes, settings.slack.hears, silences=bool(alertmanager.clients))
    illustrator = Illustrator(prometheus, settings.message.chart, clock)
    showing = Showing(settings.links, settings.message.max_alerts, offer, illustrator)
    delivery = Delivery(
        store,
        slack,
        showing.wanted,
        metrics,
        clock,
        keep=timedelta(seconds=settings.keep),
        timeout=timedelta(seconds=settings.slack.timeout),
        pace=pace,
        tracer=tracer,
    )
    interval = settings.alertmanager.interval
    reconciliation = Reconciliation(alertmanager, store, delivery.wake, metrics, clock, interval, routes)
    errands = Errands(store, slack, alertmanager, reconciliation, delivery.wake, clock)
    switch = DeadMansSwitch(
        settings.watchdog,
        settings.watchdog.channel or settings.default_channel,
        settings.links.runbooks and f"{settings.links.runbooks}/runbooks/{WATCHDOG}",
        prometheus,
        alertmanager,
        store,
        delivery.wake,
        clock,
    )
    zone = ZoneInfo(settings.timezone)
    return Pipeline(
        routes,
        store,
        Intake(store, clock),
        delivery,
        reconciliation,
        errands,
        Escalation(routes, store, delivery.wake, clock),
        switch,
        Mornings(settings.links, store, delivery.wake, clock),
        Relay(webhook, settings.links, store, metrics, clock),
        Desk(settings.slack.signing(), routes, zone, store, errands, delivery.wake, clock),
        clock,
        tracer,
    )


@dataclass(frozen=True)
class Showing:
    """`plan` and `render` joined, with what Prometheus has to show beside."""

    links: LinkSettings
    max_alerts: int
    offer: Offer
    illustrator: Illustrator

    async def wanted(self, episode: Episode, seconds: int) -> tuple[Step, Message] | None:
        """Return the next step of an episode that is `seconds` late, and its message; None when Slack shows it."""
        step = plan(episode, self.links, self.max_alerts, self.offer)
        if isinstance(step, Post | Edit):
            step = late(step, seconds)
            return step, render(step, await self.illustrator.illustrate(episode))
        if self.illustrator.owes(episode):
            return await self.illustrator.draw(episode)
        return (step, render(step)) if step else None


def _is_watchdog(alert: Alert) -> bool:
    return alert.labels.get("alertname") == WATCHDOG
