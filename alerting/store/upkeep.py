"""Keeping house: forgetting what is over, counting, probing."""

from datetime import datetime

from sqlalchemy import Connection, case, delete, func, or_, select, update

from alerting.model import Census, Status
from alerting.store import rows
from alerting.store.acts import acknowledgement
from alerting.store.schema import acts, alerts, episodes, fallbacks, intents, schema_version, watchdogs
from alerting.store.watch import AWAITED, open_alarm


def purge(connection: Connection, before: datetime) -> int:
    """Forget what ended before: closed episodes, and resolved alerts of those in which another still fires.

    Return how many of the closed ones Slack never showed as they ended.
    """
    over = (episodes.c.closed_at < before) & episodes.c.held_until.is_(None)
    old = select(episodes.c.id).where(over)
    burning = select(alerts.c.episode_id).where(alerts.c.status == Status.FIRING.value)
    lost = connection.scalar(
        select(func.count()).select_from(episodes).where(over, episodes.c.undelivered_since.is_not(None))
    )
    for table in (acts, alerts, intents, fallbacks):
        connection.execute(delete(table).where(table.c.episode_id.in_(old)))
    connection.execute(delete(episodes).where(over))
    connection.execute(
        delete(alerts).where(
            alerts.c.status == Status.RESOLVED.value,
            alerts.c.heard_at < before,
            alerts.c.episode_id.in_(burning),
        )
    )
    return lost or 0


def probe(connection: Connection) -> None:
    """Commit something small: raises StoreError when the store can't."""
    connection.execute(update(schema_version).values(version=schema_version.c.version))


def census(connection: Connection) -> Census:
    """Count what is stored."""
    live = or_(
        episodes.c.closed_at.is_(None), episodes.c.undelivered_since.is_not(None), episodes.c.held_until.is_not(None)
    )
    firing = func.sum(case((alerts.c.status == Status.FIRING.value, 1), else_=0))
    known = func.count(alerts.c.fingerprint)
    shown = (
        select(
            episodes,
            firing.label("firing"),
            (known - firing).label("resolved"),
            known.label("fingerprints"),
            acknowledgement(acts.c.person_name).label("acknowledged_by"),
        )
        .outerjoin(alerts, alerts.c.episode_id == episodes.c.id)
        .where(live)
        .group_by(episodes.c.id)
        .order_by(episodes.c.dead.is_(None), episodes.c.since.desc())
    )
    found = connection.execute(shown).all()
    heard = select(func.max(watchdogs.c.heard_at)).where(watchdogs.c.fingerprint != AWAITED)
    alarm = connection.execute(open_alarm()).first()
    return rows.census(found, connection.scalar(heard), alarm.group_labels["finding"] if alarm else None)
