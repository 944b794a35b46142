"""What a webhook body would look like in Slack, without a router, a store or Slack. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from alerting.config import LinkSettings
from alerting.errors import Rejected
from alerting.grafana import receive_grafana
from alerting.history import history
from alerting.model import Episode, Hold, Message, Notification, Routed
from alerting.plan import Reason, Reply, plan
from alerting.receive import receive
from alerting.render import render
from alerting.view import view


@dataclass(frozen=True)
class Preview:
    """The message of one channel, the first reply in its thread, and the quiet hours that hold it back."""

    channel: str
    message: Message
    reply: Message
    hold: Hold | None = None


def read(body: bytes) -> Notification:
    """Read a body of either sender. Raises Rejected with what Alertmanager's door would say."""
    try:
        return receive(body)
    except Rejected as refused:
        try:
            return receive_grafana(body)
        except Rejected:
            raise refused from None


def previews(notification: Notification, routed: Sequence[Routed], links: LinkSettings, most: int) -> list[Preview]:
    """Return what each channel would be shown."""
    homes: dict[str, list[Routed]] = {}
    for item in routed:
        homes.setdefault(item.channel, []).append(item)
    return [_preview(_episode(notification, channel, mine), links, most, mine) for channel, mine in homes.items()]


def _preview(episode: Episode, links: LinkSettings, most: int, routed: Sequence[Routed]) -> Preview:
    step = plan(episode, links, most)
    assert step is not None
    told = Reply(Reason.HISTORY, history(episode, view(episode, links, most)), {})
    held = all(item.hold for item in routed if item.alert.firing)
    return Preview(episode.channel, render(step), render(told), routed[0].hold if held else None)


def _episode(notification: Notification, channel: str, routed: Sequence[Routed]) -> Episode:
    alerts = tuple(item.alert for item in routed)
    return Episode(
        id=0,
        group=notification.group,
        channel=channel,
        alerts=alerts,
        truncated=notification.truncated,
        since=min(alert.starts_at for alert in alerts),
    )
