"""A notification into the tables: which alerts are news, which episode each belongs to, which messages that changes.

The judging is ``episodes``' and pure; here are the statements around it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, delete, func, insert, select, update

from alerting.episodes import REPEATED, Heard, News, Placed, Span, again, judge, place
from alerting.model import SEVERITIES, Alert, Group, Notification, Routed, Status
from alerting.store import digests, nights, rows
from alerting.store.database import locked
from alerting.store.schema import alerts, episodes
from alerting.storm import leaves

URGENCY = case(
    {severity: place for place, severity in enumerate(SEVERITIES)},
    value=alerts.c.labels["severity"].as_string(),
    else_=len(SEVERITIES),
)
"""The place of an alert's severity, worst first."""

# Statements are put together once: that takes SQLAlchemy longer than to run them.
_LATEST = and_(alerts.c.group_key == bindparam("group"), alerts.c.latest)
HEARD = (
    select(alerts, episodes.c.id, episodes.c.channel, episodes.c.closed_at, episodes.c.ended_at)
    .join(episodes, episodes.c.id == alerts.c.episode_id)
    .where(_LATEST, alerts.c.fingerprint.in_(bindparam("prints", expanding=True)))
)
LAST_SPANS = select(episodes).where(
    episodes.c.id.in_(
        select(func.max(episodes.c.id)).where(episodes.c.group_key == bindparam("group")).group_by(episodes.c.channel)
    )
)
FORGET = delete(alerts).where(alerts.c.episode_id == bindparam("home"), alerts.c.fingerprint == bindparam("print"))
SUPERSEDE = update(alerts).where(_LATEST, alerts.c.fingerprint == bindparam("print")).values(latest=False)
TRUNCATED_ELSE = select(episodes.c.id).where(
    episodes.c.id.in_(bindparam("ids", expanding=True)), episodes.c.truncated != bindparam("truncated")
)
FACTS = select(
    func.min(alerts.c.starts_at, type_=alerts.c.starts_at.type).label("since"),
    func.max(alerts.c.ends_at, type_=alerts.c.ends_at.type).label("ended"),
    func.sum(case((alerts.c.status == Status.FIRING.value, 1), else_=0)).label("firing"),
    func.min(URGENCY).label("urgency"),
).where(alerts.c.episode_id == bindparam("home"))
LOCK = select(episodes).where(episodes.c.id == bindparam("home")).with_for_update()
TOUCH = (
    update(episodes)
    .where(episodes.c.id == bindparam("home"))
    .values(
        {
            name: bindparam(name, type_=episodes.c[name].type)
            for name in (
                "since",
                "ended_at",
                "closed_at",
                "urgency",
                "revision",
                "stale_since",
                "undelivered_since",
                "digest_id",
            )
        }
    )
)


def record(
    connection: Connection, notification: Notification, routed: Sequence[Routed], now: datetime
) -> frozenset[str]:
    """Keep what a notification adds; return the channels whose messages it changes."""
    locked(connection, [notification.group.key])
    return _record(connection, notification, routed, now)


def record_all(
    connection: Connection, heard: Sequence[tuple[Notification, Sequence[Routed]]], now: datetime
) -> frozenset[str]:
    """Keep what several notifications add, in their order."""
    locked(connection, [notification.group.key for notification, _ in heard])
    return frozenset().union(*(_record(connection, notification, routed, now) for notification, routed in heard))


def _record(
    connection: Connection, notification: Notification, routed: Sequence[Routed], now: datetime
) -> frozenset[str]:
    group = notification.group
    heard = _heard(connection, group.key, [item.alert.fingerprint for item in routed])
    news = [(item, _judge(item.alert, heard, now)) for item in _distinct(routed)]
    newer = [item for item, verdict in news if verdict is News.NEWER]
    last = _last_spans(connection, group.key) if newer else {}
    placed = [place(item, heard.get(item.alert.fingerprint), last, now) for item in newer]
    kept = _keep(connection, group, placed, now)
    live = {
        heard[item.alert.fingerprint].span.id for item, verdict in news if verdict is News.SAME and item.alert.firing
    }
    if notification.trace and kept:
        connection.execute(update(episodes).where(episodes.c.id.in_(kept)).values(trace=notification.trace))
    changed = _truncate(connection, kept | live, notification.truncated) | kept
    channels = touch(connection, changed, now)
    return channels | _remind(connection, _reminded(routed, heard, placed, now), now)


def _reminded(
    routed: Sequence[Routed], heard: Mapping[str, Heard], placed: Sequence[Placed], now: datetime
) -> set[int]:
    """The episodes of which a notification says again that they burn, long after the last, and nothing else."""
    known = [(item.alert, heard.get(item.alert.fingerprint)) for item in routed]
    told = {one.span.id for alert, one in known if one and again(alert, one)}
    late = {one.span.id for _, one in known if one and now - one.at < REPEATED}
    stirred = {one.episode for one in placed if not again(one.alert, heard.get(one.alert.fingerprint))}
    return told - late - stirred


def _remind(connection: Connection, reminded: Iterable[int], now: datetime) -> frozenset[str]:
    """Let the thread be reminded and the message be made anew, with the value and the chart of this moment."""
    channels = set()
    for episode_id in sorted(reminded):
        row = connection.execute(LOCK, {"home": episode_id}).one()
        if row.held_until or (row.repeated_at and now - row.repeated_at < REPEATED):
            continue
        values = {
            "repeats": row.repeats + 1,
            "repeated_at": now,
            "shown": "" if row.shown else row.shown,
            "revision": row.revision + 1,
            "stale_since": row.stale_since or now,
            "undelivered_since": row.undelivered_since or now,
        }
        connection.execute(update(episodes).where(episodes.c.id == episode_id).values(values))
        channels.add(row.channel)
    return frozenset(channels)


def _distinct(routed: Sequence[Routed]) -> list[Routed]:
    """One report an alert: the last of a body, should it name an alert twice."""
    return list({item.alert.fingerprint: item for item in routed}.values())


def _judge(report: Alert, heard: Mapping[str, Heard], now: datetime) -> News:
    known = heard.get(report.fingerprint)
    return judge(known.alert, known.at, report, now) if known else News.NEWER


def _heard(connection: Connection, group_key: str, fingerprints: Sequence[str]) -> dict[str, Heard]:
    found = connection.execute(HEARD, {"group": group_key, "prints": fingerprints}).all()
    return {row.fingerprint: Heard(rows.alert(row), row.heard_at, rows.span(row)) for row in found}


def _last_spans(connection: Connection, group_key: str) -> dict[str, Span]:
    found = connection.execute(LAST_SPANS, {"group": group_key}).all()
    return {row.channel: rows.span(row) for row in found}


def _keep(connection: Connection, group: Group, placed: Sequence[Placed], now: datetime) -> set[int]:
    """Write the alerts into their episodes; return the episodes."""
    opened: dict[str, int] = {}
    homes: list[tuple[int, Placed]] = []
    for item in placed:
        home = item.episode or opened.get(item.channel)
        if home is None:
            home = opened[item.channel] = _open(connection, group, item, now)
        homes.append((home, item))
    if homes:
        connection.execute(FORGET, [{"home": home, "print": item.alert.fingerprint} for home, item in homes])
        connection.execute(SUPERSEDE, [{"group": group.key, "print": item.alert.fingerprint} for _, item in homes])
        connection.execute(insert(alerts), [_row(home, group.key, item.alert, now) for home, item in homes])
        nights.release(connection, {home for home, item in homes if item.alert.firing and not item.hold})
    return {home for home, _ in homes}


def _open(connection: Connection, group: Group, placed: Placed, now: datetime) -> int:
    row = {
        "group_key": group.key,
        "group_labels": dict(group.labels),
        "alertmanager_url": group.alertmanager_url,
        "channel": placed.channel,
        "since": placed.alert.starts_at,
        "opened_at": now,
        "not_before": now,
        "held_until": placed.hold and placed.hold.until,
        "held_zone": placed.hold and placed.hold.zone,
    }
    made = connection.execute(insert(episodes), row).inserted_primary_key
    assert made is not None
    return int(made[0])


def _row(home: int, group_key: str, alert: Alert, now: datetime) -> dict[str, Any]:
    return {
        "episode_id": home,
        "fingerprint": alert.fingerprint,
        "group_key": group_key,
        "latest": True,
        "status": alert.status.value,
        "starts_at": alert.starts_at,
        "ends_at": alert.ends_at,
        "heard_at": now,
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "source_url": alert.source_url,
    }


def _truncate(connection: Connection, touched: Iterable[int], truncated: int) -> set[int]:
    """Keep how many alerts Alertmanager left out; return the episodes where that is news."""
    changed = set(connection.execute(TRUNCATED_ELSE, {"ids": list(touched), "truncated": truncated}).scalars())
    if changed:
        connection.execute(update(episodes).where(episodes.c.id.in_(changed)).values(truncated=truncated))
    return changed


def touch(connection: Connection, changed: Iterable[int], now: datetime) -> frozenset[str]:
    """Close or re-open the changed episodes and mark them undelivered, or what shows them; return their channels."""
    channels = set()
    touched: set[int] = set()
    for episode_id in sorted(changed):
        facts = connection.execute(FACTS, {"home": episode_id}).one()
        row = connection.execute(LOCK, {"home": episode_id}).one()
        over = not facts.firing and not row.truncated
        digest = row.digest_id
        if digest:
            touched.add(digest)
            if leaves(facts.urgency, facts.firing, digests.size(connection, digest)):
                digest = None
        elsewhere = digest or row.held_until
        connection.execute(
            TOUCH,
            {
                "home": episode_id,
                "since": min(row.since, facts.since),
                "ended_at": facts.ended,
                "closed_at": (row.closed_at or now) if over else None,
                "urgency": facts.urgency,
                "revision": row.revision + 1,
                "stale_since": None if elsewhere else row.stale_since or now,
                "undelivered_since": None if elsewhere else row.undelivered_since or now,
                "digest_id": digest,
            },
        )
        channels.add(row.channel)
    digests.refresh(connection, touched, now)
    return frozenset(channels)
