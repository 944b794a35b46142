"""Messages about no group of alerts: an escalation told elsewhere, the digest of a night.

A notice is an episode without alerts that is over from the beginning, so that it is delivered like every other message.
"""

from datetime import datetime

from sqlalchemy import Connection, insert, select

from alerting.model import Notice
from alerting.store.database import locked
from alerting.store.schema import episodes

PREFIX = "notice/"
"""What the group key of a notice begins with; no Alertmanager's does."""


def post(connection: Connection, key: str, channel: str, notice: Notice, now: datetime) -> frozenset[str]:
    """Have a notice posted, once for each key; return the channels that have something undelivered."""
    locked(connection, [PREFIX + key])
    if connection.scalar(select(episodes.c.id).where(episodes.c.group_key == PREFIX + key)) is not None:
        return frozenset()
    connection.execute(
        insert(episodes).values(
            group_key=PREFIX + key,
            group_labels={},
            alertmanager_url="",
            channel=channel,
            since=now,
            opened_at=now,
            closed_at=now,
            not_before=now,
            undelivered_since=now,
            stale_since=now,
            notice={"mention": list(notice.mention), "title": notice.title, "text": notice.text},
        )
    )
    return frozenset({channel})
