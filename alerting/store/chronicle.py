"""What happened, for people who look back: the audit log, and which alerts are noise."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import fmean
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from alerting.model import Deed, Entry, Noise, Outcome
from alerting.store import rows
from alerting.store.acts import acknowledgement
from alerting.store.schema import acts, alerts, episodes

MOST = 10_000
"""Messages, and acts, that are looked through, at most; the newest."""

DONE: Mapping[Deed, str] = {
    Deed.ACKNOWLEDGE: "acknowledged",
    Deed.SILENCE: "silenced",
    Deed.UNSILENCE: "unsilenced",
    Deed.ESCALATE: "escalated",
}
"""What the audit log says of a deed; of one that is not done it says that."""


def audit(connection: Connection, before: datetime, limit: int) -> tuple[Entry, ...]:
    """Return what happened before a time, the newest first."""
    found = [*_deeds(connection), *(entry for row in _rows(connection) for entry in _entries(row))]
    old = [entry for entry in found if entry.at < before]
    return tuple(sorted(old, key=lambda entry: entry.at, reverse=True)[:limit])


def noise(connection: Connection, since: datetime) -> tuple[Noise, ...]:
    """Count by alert what fired since then, the noisiest first."""
    groups: dict[str, list[Row[Any]]] = {}
    for row in _rows(connection, since):
        if row.notice is None:
            groups.setdefault(rows.title(row), []).append(row)
    found = [_noise(title, mine) for title, mine in groups.items()]
    return tuple(sorted(found, key=lambda one: (-one.messages, -one.alerts, one.title)))


def resend(connection: Connection, episode_id: int, now: datetime) -> bool:
    """Let a message that waits be tried at once; False when there is none of this id that waits."""
    waiting = (episodes.c.id == episode_id) & episodes.c.undelivered_since.is_not(None)
    return bool(connection.execute(update(episodes).where(waiting).values(not_before=now)).rowcount)


def _rows(connection: Connection, since: datetime | None = None) -> Sequence[Row[Any]]:
    count = select(func.count()).where(alerts.c.episode_id == episodes.c.id).scalar_subquery().label("alerts")
    attended = acknowledgement(acts.c.at).label("acknowledged_at")
    query = select(episodes, count, attended).order_by(episodes.c.id.desc()).limit(MOST)
    if since:
        query = query.where(episodes.c.since >= since)
    return connection.execute(query).all()


def _deeds(connection: Connection) -> Iterator[Entry]:
    home = (episodes.c.channel.label("home"), episodes.c.notice, episodes.c.group_labels, episodes.c.group_key)
    query = select(acts, *home).join(episodes, episodes.c.id == acts.c.episode_id)
    for row in connection.execute(query.order_by(acts.c.id.desc()).limit(MOST)).all():
        done = row.outcome == Outcome.DONE.value
        what = DONE[Deed(row.deed)] if done else f"{row.deed} {row.outcome}"
        yield Entry(row.at, rows.title(row), row.home, what, row.person_name)


def _entries(row: Row[Any]) -> Iterator[Entry]:
    if row.notice:
        yield Entry(row.opened_at, rows.title(row), row.channel, "told", None)
        return
    yield Entry(row.since, rows.title(row), row.channel, "fired", None)
    if row.closed_at:
        yield Entry(row.ended_at or row.closed_at, rows.title(row), row.channel, "resolved", None)


def _noise(title: str, mine: Sequence[Row[Any]]) -> Noise:
    lasted = [(row.ended_at - row.since).total_seconds() for row in mine if row.closed_at and row.ended_at]
    waited = [(row.acknowledged_at - row.since).total_seconds() for row in mine if row.acknowledged_at]
    return Noise(
        title=title,
        messages=len(mine),
        alerts=sum(row.alerts for row in mine),
        reminders=sum(row.repeats for row in mine),
        open=sum(row.closed_at is None for row in mine),
        to_resolve=_mean(lasted),
        to_acknowledge=_mean(waited),
    )


def _mean(seconds: Sequence[float]) -> timedelta | None:
    return timedelta(seconds=fmean(seconds)) if seconds else None
