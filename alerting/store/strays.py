"""Posts that were sent again because Slack did not have them when it was asked.

One of them may still turn up: a request that Slack took long after it broke off, or that a router sent which was
stopped for longer than its lease. So each is looked for once more, and deleted where it is found.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update

from alerting.model import Posted
from alerting.store.schema import strays


@dataclass(frozen=True)
class Stray:
    """Where a post may turn up: in a channel, or in the thread below `thread`."""

    delivery_id: str
    channel: str
    thread: Posted | None
    begun_at: datetime


def due(connection: Connection, now: datetime, again: datetime) -> tuple[Stray, ...]:
    """Return those to look for now; unless they are forgotten they come again later."""
    mine = select(strays).where(strays.c.look_at <= now).with_for_update(skip_locked=True)
    found = connection.execute(mine).all()
    names = [row.delivery_id for row in found]
    connection.execute(update(strays).where(strays.c.delivery_id.in_(names)).values(look_at=again))
    return tuple(
        Stray(
            row.delivery_id,
            row.channel,
            Posted(row.channel_id, row.thread_ts) if row.thread_ts else None,
            row.begun_at,
        )
        for row in found
    )


def forget(connection: Connection, stray: Stray) -> None:
    """It was looked for, and is not there any more."""
    connection.execute(delete(strays).where(strays.c.delivery_id == stray.delivery_id))


def count(connection: Connection) -> int:
    """Say how many are still to be looked for."""
    return connection.scalar(select(func.count()).select_from(strays)) or 0
