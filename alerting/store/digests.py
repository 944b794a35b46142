"""Digests: episodes without alerts of their own, which show those of other groups (``storm`` says which)."""

from collections.abc import Iterable
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection, func, insert, select, update

from alerting.store.schema import alerts, episodes, intents
from alerting.storm import Waiting, fold

KEY = "digest:"
"""What the group key of a digest begins with; those of Alertmanager and of Grafana begin with a brace."""


def gather(connection: Connection, channel: str, first: int, now: datetime) -> int | None:
    """Make a digest of the channel's waiting groups, the `first` of them in it; None when few enough wait."""
    query = (
        select(episodes.c.id, func.count().label("alerts"))
        .join(alerts, alerts.c.episode_id == episodes.c.id)
        .outerjoin(intents, intents.c.episode_id == episodes.c.id)
        .where(
            episodes.c.channel == channel,
            episodes.c.undelivered_since.is_not(None),
            episodes.c.ts.is_(None),
            episodes.c.urgency > 0,
            intents.c.episode_id.is_(None),
        )
        .group_by(episodes.c.id)
        .order_by(episodes.c.urgency, episodes.c.undelivered_since, episodes.c.id)
    )
    chosen = fold([Waiting(row.id, row.alerts) for row in connection.execute(query)])
    if first not in chosen:
        return None
    mine = episodes.c.id.in_(chosen)
    facts = connection.execute(
        select(
            func.min(episodes.c.since, type_=episodes.c.since.type).label("since"),
            func.min(episodes.c.undelivered_since, type_=episodes.c.undelivered_since.type).label("waiting"),
            func.min(episodes.c.urgency).label("urgency"),
        ).where(mine)
    ).one()
    row = {
        "group_key": f"{KEY}{uuid4().hex}",
        "group_labels": {},
        "alertmanager_url": "",
        "channel": channel,
        "since": facts.since,
        "urgency": facts.urgency,
        "undelivered_since": facts.waiting,
        "stale_since": facts.waiting,
        "not_before": now,
    }
    made = connection.execute(insert(episodes), row).inserted_primary_key
    assert made is not None
    delivered = {"undelivered_since": None, "stale_since": None, "dead": None, "dead_code": None}
    connection.execute(update(episodes).where(mine).values(digest_id=made[0], **delivered))
    refresh(connection, made, now)
    return int(made[0])


def size(connection: Connection, digest_id: int) -> int:
    """Count the alerts that a digest shows."""
    members = select(episodes.c.id).where(episodes.c.digest_id == digest_id)
    return connection.scalar(select(func.count()).select_from(alerts).where(alerts.c.episode_id.in_(members))) or 0


def refresh(connection: Connection, changed: Iterable[int], now: datetime) -> None:
    """Close or re-open digests of which a group has changed, and mark them undelivered."""
    for digest_id in sorted(changed):
        row = connection.execute(select(episodes).where(episodes.c.id == digest_id).with_for_update()).one()
        of_it = episodes.c.digest_id == digest_id
        facts = connection.execute(
            select(
                func.count(episodes.c.id).label("all"),
                func.count(episodes.c.closed_at).label("closed"),
                func.max(episodes.c.ended_at, type_=episodes.c.ended_at.type).label("ended"),
                func.min(episodes.c.urgency).label("urgency"),
            ).where(of_it)
        ).one()
        connection.execute(
            update(episodes)
            .where(episodes.c.id == digest_id)
            .values(
                closed_at=(row.closed_at or now) if facts.all == facts.closed else None,
                ended_at=facts.ended,
                urgency=row.urgency if facts.urgency is None else facts.urgency,
                revision=row.revision + 1,
                stale_since=row.stale_since or now,
                undelivered_since=row.undelivered_since or now,
            )
        )
