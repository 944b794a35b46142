"""Which of two reports about an alert is the newer, and which message an alert belongs to.

Notifications come twice, late and out of order: Alertmanager retries, and several Alertmanagers send the same.
So the state of an alert is the greatest of what was heard of it: a later start wins; within one start, resolved wins
over firing; of two ends the later wins. The order of arrival then does not matter, with two exceptions.

Alertmanager can expire an alert while Prometheus is cut off and fire it again with its old start. A firing report that
comes LATE or more after the resolved one is therefore taken as a new fire, not as old news.

Two Prometheus replicas start one alert at different times, and Alertmanager then moves its start back to the earlier
one (prometheus/alertmanager, types.Alert.Merge). An earlier start is therefore old news only if it ended before what
is known began; otherwise both speak of one fire, and are compared as if they had one start. Only a firing report could
still be a fire before: within LATE its new annotations are not taken.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from alerting.model import Alert, Hold, Routed

LATE = timedelta(seconds=30)
"""How late a report may come and still be old news: two waits of Alertmanager's peer timeout (15 s)."""


REPEATED = timedelta(minutes=5)
"""A notification that comes so long after the last and says nothing new is a reminder (`repeat_interval`). What comes
sooner is the same one again: a retry, or a second Alertmanager's."""


class News(Enum):
    """What a report adds to what is stored."""

    NEWER = "newer"
    SAME = "same"
    OLDER = "older"


@dataclass(frozen=True)
class Span:
    """An episode's place in time: `closed_at` by our clock, `ended_at` the last end that its alerts told."""

    id: int
    channel: str
    closed_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True)
class Heard:
    """The newest report of an alert, when it came, and the episode that it went to."""

    alert: Alert
    at: datetime
    span: Span


@dataclass(frozen=True)
class Placed:
    """A report that adds something, and its episode; None asks for a new one in `channel`, which `hold` holds back."""

    alert: Alert
    channel: str
    episode: int | None
    hold: Hold | None = None


def judge(known: Alert, heard_at: datetime, report: Alert, now: datetime) -> News:
    """Compare a report with the newest one stored for the same alert of the same group."""
    if report.starts_at > known.starts_at:
        return News.NEWER
    if report.starts_at < known.starts_at and report.ends_at and report.ends_at <= known.starts_at:
        return News.OLDER
    if known.ends_at is None or report.ends_at is None:
        return _judge_status(known, heard_at, report, now)
    if report.ends_at == known.ends_at:
        return News.SAME
    return News.NEWER if report.ends_at > known.ends_at else News.OLDER


def _judge_status(known: Alert, heard_at: datetime, report: Alert, now: datetime) -> News:
    """Compare two reports of one fire of which at most one is resolved."""
    if known.firing and not report.firing:
        return News.NEWER
    if known.firing and report.annotations == known.annotations:
        return News.SAME
    if known.firing and report.starts_at == known.starts_at:
        return News.NEWER
    return News.OLDER if now - heard_at < LATE else News.NEWER


def again(report: Alert, heard: Heard | None) -> bool:
    """Say whether a report tells once more of a fire that is known."""
    return bool(heard and report.firing and heard.alert.firing and report.starts_at <= heard.alert.starts_at)


def place(routed: Routed, heard: Heard | None, last: Mapping[str, Span], now: datetime) -> Placed:
    """Choose the episode of a report that adds something; `last` is the group's last episode in each channel.

    An alert stays where it is while that message is open, also when the routes have changed since.
    A later end goes to the message that showed the former one.
    A resolved report of an alert never heard of gets a message too: it fired, and nobody was told.
    """
    alert = routed.alert
    if heard and (heard.span.closed_at is None or (alert.starts_at <= heard.alert.starts_at and not alert.firing)):
        return Placed(alert, heard.span.channel, heard.span.id, routed.hold)
    span = last.get(routed.channel)
    if span and _belongs(span, alert, now):
        return Placed(alert, routed.channel, span.id, routed.hold)
    return Placed(alert, routed.channel, None, routed.hold)


def _belongs(span: Span, alert: Alert, now: datetime) -> bool:
    if span.closed_at is None:
        return True
    began_before_its_end = span.ended_at is not None and alert.starts_at <= span.ended_at
    return began_before_its_end and now - span.closed_at < LATE
