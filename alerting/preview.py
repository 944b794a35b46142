"""What a webhook body would look like in Slack, without a router, a store or Slack. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from alerting.config import LinkSettings
from alerting.errors import Rejected
from alerting.grafana import receive_grafana
from alerting.model import Alert, Episode, Message, Notification
from alerting.plan import Reason, Reply, history, plan, view
from alerting.receive import receive
from alerting.render import render


@dataclass(frozen=True)
class Preview:
    """The message of one channel, and the first reply in its thread."""

    channel: str
    message: Message
    reply: Message


def read(body: bytes) -> Notification:
    """Read a body of either sender. Raises Rejected with what Alertmanager's door would say."""
    try:
        return receive(body)
    except Rejected as refused:
        try:
            return receive_grafana(body)
        except Rejected:
            raise refused from None


def previews(notification: Notification, channels: Mapping[str, str], links: LinkSettings, most: int) -> list[Preview]:
    """Return what each channel would be shown; `channels` maps fingerprints to channels."""
    homes: dict[str, list[Alert]] = {}
    for alert in notification.alerts:
        homes.setdefault(channels[alert.fingerprint], []).append(alert)
    return [_preview(_episode(notification, channel, alerts), links, most) for channel, alerts in homes.items()]


def _preview(episode: Episode, links: LinkSettings, most: int) -> Preview:
    step = plan(episode, links, most)
    assert step is not None
    told = Reply(Reason.HISTORY, history(episode, view(episode, links, most)), {})
    return Preview(episode.channel, render(step), render(told))


def _episode(notification: Notification, channel: str, alerts: list[Alert]) -> Episode:
    return Episode(
        id=0,
        group=notification.group,
        channel=channel,
        alerts=tuple(alerts),
        truncated=notification.truncated,
        since=min(alert.starts_at for alert in alerts),
        closed_at=None,
        revision=0,
        root=None,
        shown=None,
        told={},
        previous=None,
        intent=None,
    )
