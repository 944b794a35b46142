"""What quiet hours hold back: episodes that nobody delivers until the hours end, or something in them must not wait."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from alerting.config import LinkSettings
from alerting.model import Hold
from alerting.night import morning
from alerting.store import notices, outbox
from alerting.store.database import locked
from alerting.store.schema import episodes

FREE = {"held_until": None, "held_zone": None}


def release(connection: Connection, loud: Collection[int]) -> None:
    """Hold these no longer: something in them must not wait."""
    held = episodes.c.id.in_(loud) & episodes.c.held_until.is_not(None)
    connection.execute(update(episodes).where(held).values(FREE))


def end(connection: Connection, now: datetime, links: LinkSettings) -> frozenset[str]:
    """End the nights that are over; return the channels that have something undelivered.

    All that was held stands in the digest of its channel. What is not over gets its message, and counts as new.
    """
    if connection.scalar(_over(now).limit(1)) is None:
        return frozenset()
    locked(connection, ["nights"])
    nights: dict[tuple[str, datetime], list[Row[Any]]] = {}
    for row in connection.execute(_over(now)).all():
        nights.setdefault((row.channel, row.held_until), []).append(row)
    for (channel, until), held in nights.items():
        _tell(connection, channel, Hold(until, held[0].held_zone), [row.id for row in held], links, now)
        names = episodes.c.id.in_([row.id for row in held])
        connection.execute(update(episodes).where(names).values(FREE))
        anew = {"opened_at": now, "undelivered_since": now, "stale_since": now, "not_before": now}
        connection.execute(update(episodes).where(names, episodes.c.closed_at.is_(None)).values(anew))
    return frozenset(channel for channel, _ in nights)


def _over(now: datetime) -> Any:
    return select(episodes).where(episodes.c.held_until <= now).order_by(episodes.c.id).with_for_update()


def _tell(
    connection: Connection, channel: str, hold: Hold, held: Sequence[int], links: LinkSettings, now: datetime
) -> None:
    digest = morning([outbox.load(connection, name) for name in held], hold, links)
    for number, notice in enumerate(digest):
        key = f"night/{channel}/{hold.until.isoformat()}/{now.isoformat()}/{number}"
        notices.post(connection, key, channel, notice, now)
