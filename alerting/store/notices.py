"""Messages about no group of alerts: an escalation told elsewhere, the digest of a night, a Watchdog that is silent.

A notice is an episode without alerts, so that it is delivered like every other message. It is over from the beginning,
unless somebody keeps it open, and true.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from alerting.model import Notice
from alerting.store.database import locked
from alerting.store.schema import episodes

PREFIX = "notice/"
"""What the group key of a notice begins with; no Alertmanager's does."""


def post(connection: Connection, key: str, channel: str, notice: Notice, now: datetime) -> frozenset[str]:
    """Have a notice posted, once for each key; return the channels that have something undelivered."""
    return _insert(connection, key, channel, notice, now, since=now, closed_at=now)


def open_(
    connection: Connection,
    key: str,
    channel: str,
    notice: Notice,
    labels: Mapping[str, str],
    since: datetime,
    now: datetime,
) -> frozenset[str]:
    """Have a notice posted that is not over, before all others; ``revise`` keeps it true."""
    return _insert(connection, key, channel, notice, now, since=since, group_labels=dict(labels), urgency=0)


def revise(
    connection: Connection,
    episode_id: int,
    notice: Notice,
    labels: Mapping[str, str],
    now: datetime,
    *,
    over: bool = False,
) -> bool:
    """Make a notice say something else, at the end if it is `over`; False when it says that already."""
    row = connection.execute(select(episodes).where(episodes.c.id == episode_id).with_for_update()).one()
    if row.notice == _stored(notice) and row.group_labels == labels and not over:
        return False
    values = {
        "notice": _stored(notice),
        "group_labels": dict(labels),
        "revision": row.revision + 1,
        "stale_since": row.stale_since or now,
        "undelivered_since": row.undelivered_since or now,
        **({"closed_at": now, "ended_at": now} if over else {}),
    }
    connection.execute(update(episodes).where(episodes.c.id == episode_id).values(values))
    return True


def _insert(
    connection: Connection, key: str, channel: str, notice: Notice, now: datetime, **values: Any
) -> frozenset[str]:
    locked(connection, [PREFIX + key])
    if connection.scalar(select(episodes.c.id).where(episodes.c.group_key == PREFIX + key)) is not None:
        return frozenset()
    row = {
        "group_key": PREFIX + key,
        "group_labels": {},
        "alertmanager_url": "",
        "channel": channel,
        "opened_at": now,
        "not_before": now,
        "undelivered_since": now,
        "stale_since": now,
        "notice": _stored(notice),
        **values,
    }
    connection.execute(insert(episodes).values(row))
    return frozenset({channel})


def _stored(notice: Notice) -> dict[str, Any]:
    return {"mention": list(notice.mention), "title": notice.title, "text": notice.text}
