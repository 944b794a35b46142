"""Which alerts the fall-back has to be told of, because Slack does not show them, and which it was."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, or_, select, update

from alerting.fallback import Tale
from alerting.model import WATCHDOG, Alert, Status
from alerting.store import rows
from alerting.store.leases import Lease, renew
from alerting.store.schema import alerts, episodes, fallbacks

NOTICE = "notice"
"""Stands for the fingerprint of what is open and has no alerts: the message of the dead-man's switch."""

DIGEST = episodes.alias("digest")
STALE_SINCE = func.coalesce(DIGEST.c.stale_since, episodes.c.stale_since, type_=episodes.c.stale_since.type)
"""Since when Slack shows an older state of an episode, or of the digest that shows it."""

OF_ALERT = and_(fallbacks.c.episode_id == alerts.c.episode_id, fallbacks.c.fingerprint == alerts.c.fingerprint)


def due(connection: Connection, before: datetime) -> tuple[Tale, ...]:
    """Return the ends that are to be told, then the open alerts that Slack does not show since `before`."""
    parts = (_over(connection), _burning(connection, before), _notices(connection, before))
    return tuple(tale for part in parts for tale in part)


def told(connection: Connection, lease: Lease, tales: Sequence[Tale]) -> None:
    """Keep that the fall-back has been told these. Raises LeaseLost."""
    renew(connection, lease, lease.until)
    for tale in tales:
        key = {
            "episode_id": tale.episode_id,
            "fingerprint": tale.alert.fingerprint,
            "starts_at": tale.alert.starts_at,
        }
        if tale.alert.firing:
            connection.execute(insert(fallbacks).values(**key, over=False))
        else:
            mine = and_(*(fallbacks.c[name] == value for name, value in key.items()))
            connection.execute(update(fallbacks).where(mine).values(over=True))


def _burning(connection: Connection, before: datetime) -> Iterator[Tale]:
    """Active alerts of open messages that are late; of those Slack has, the thread knows."""
    same = and_(OF_ALERT, fallbacks.c.starts_at == alerts.c.starts_at)
    query = (
        select(alerts, episodes.c.channel, episodes.c.alertmanager_url, episodes.c.told)
        .join(episodes, episodes.c.id == alerts.c.episode_id)
        .outerjoin(DIGEST, DIGEST.c.id == episodes.c.digest_id)
        .outerjoin(fallbacks, same)
        .where(
            alerts.c.status == Status.FIRING.value,
            alerts.c.suppressed.is_(None),
            fallbacks.c.fingerprint.is_(None),
            before >= STALE_SINCE,
        )
        .order_by(alerts.c.episode_id, alerts.c.fingerprint)
    )
    for row in connection.execute(query).all():
        alert = rows.alert(row)
        if row.told.get(alert.fingerprint) != alert.mark:
            yield Tale(row.episode_id, row.channel, row.alertmanager_url, alert)


def _over(connection: Connection) -> Iterator[Tale]:
    """Alerts that were told, and have resolved or fire anew."""
    query = (
        select(alerts, episodes.c.channel, episodes.c.alertmanager_url, fallbacks.c.starts_at.label("told_start"))
        .select_from(fallbacks)
        .join(alerts, OF_ALERT)
        .join(episodes, episodes.c.id == alerts.c.episode_id)
        .where(
            ~fallbacks.c.over,
            or_(alerts.c.status == Status.RESOLVED.value, alerts.c.starts_at > fallbacks.c.starts_at),
        )
    )
    for row in connection.execute(query).all():
        known = rows.alert(row)
        ended = Alert(
            known.fingerprint, Status.RESOLVED, row.told_start, known.ends_at, known.labels, known.annotations
        )
        yield Tale(row.episode_id, row.channel, row.alertmanager_url, ended)


def _notices(connection: Connection, before: datetime) -> Iterator[Tale]:
    """The message of the dead-man's switch: open and not there, or told and over."""
    query = (
        select(episodes)
        .outerjoin(fallbacks, and_(fallbacks.c.episode_id == episodes.c.id, fallbacks.c.fingerprint == NOTICE))
        .where(
            episodes.c.notice.is_not(None),
            or_(
                and_(
                    episodes.c.closed_at.is_(None),
                    episodes.c.ts.is_(None),
                    episodes.c.stale_since <= before,
                    fallbacks.c.over.is_(None),
                ),
                and_(episodes.c.closed_at.is_not(None), ~fallbacks.c.over),
            ),
        )
    )
    for row in connection.execute(query).all():
        yield Tale(row.id, row.channel, "", _alarm(row))


def _alarm(row: Row[Any]) -> Alert:
    labels = {"alertname": WATCHDOG, "severity": "critical", **row.group_labels}
    annotations = {"summary": row.notice["title"]}
    status = Status.RESOLVED if row.closed_at else Status.FIRING
    return Alert(NOTICE, status, row.opened_at, row.closed_at, labels, annotations)
