"""The stored groups against Alertmanager's list: which have something to put right, and putting it right.

The judging is ``discrepancy``'s and pure; here are the statements around it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, false, or_, select, update

from alerting.discrepancy import Correction, Known, compare
from alerting.model import Group, Listing, Notification, Routed, Status
from alerting.routes import Routes
from alerting.store import rows
from alerting.store.database import locked
from alerting.store.inbox import record, touch
from alerting.store.schema import alerts, episodes

ASKED = (
    select(episodes.c.alertmanager_url)
    .join(alerts, alerts.c.episode_id == episodes.c.id)
    .where(alerts.c.listed, episodes.c.alertmanager_url != "")
)
"""The Alertmanagers of which an alert was ever listed: those are among the ones that are asked."""

MOST = 10_000
"""Names in one question, at most."""

KNOWN = (
    select(
        alerts,
        episodes.c.id,
        episodes.c.channel,
        episodes.c.closed_at,
        episodes.c.truncated,
        episodes.c.group_labels,
        episodes.c.alertmanager_url,
        episodes.c.alertmanager_url.in_(ASKED).label("asked"),
    )
    .join(episodes, episodes.c.id == alerts.c.episode_id)
    .where(alerts.c.latest, alerts.c.group_key.startswith("{", autoescape=True))
)
"""The newest report of each alert of Alertmanager's groups, and its episode."""

BURNING = or_(alerts.c.status == Status.FIRING.value, episodes.c.closed_at.is_(None))


def doubtful(connection: Connection, listing: Listing) -> tuple[str, ...]:
    """Return the keys of the groups that `listing` puts right; however many there are, they are read together."""
    groups: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(KNOWN.where(or_(BURNING, _listed_though_resolved(listing)))).all():
        groups.setdefault(row.group_key, []).append(row)
    return tuple(sorted(key for key, found in groups.items() if _correction(found, key, listing)))


def correct(connection: Connection, key: str, listing: Listing, now: datetime, routes: Routes) -> frozenset[str]:
    """Put one group right; return the channels whose messages it changes."""
    locked(connection, [key])
    found = _rows(connection, key)
    correction = _correction(found, key, listing)
    if correction is None:
        return frozenset()
    channels: frozenset[str] = frozenset()
    if correction.reports:
        channels = _report(connection, found, correction, now, routes)
    return channels | _mark(connection, key, found, correction, now)


def _listed_though_resolved(listing: Listing) -> ColumnElement[bool]:
    """Of the resolved alerts only those matter that are listed; very many are not looked for."""
    names = list(listing.alerts)[:MOST]
    return alerts.c.fingerprint.in_(names) if names else false()


def _rows(connection: Connection, key: str) -> list[Row[Any]]:
    return list(connection.execute(KNOWN.where(alerts.c.group_key == key)).all())


def _correction(found: list[Row[Any]], key: str, listing: Listing) -> Correction | None:
    """Compare the newest reports of a group; None when there is nothing to put right."""
    if not found:
        return None
    known = [Known(rows.alert(row), row.heard_at, row.listed, row.asked) for row in found]
    truncated = _truncated(found)
    correction = compare(_group(found, key), known, truncated, listing)
    return None if correction.empty(truncated) else correction


def _group(found: list[Row[Any]], key: str) -> Group:
    newest = max(found, key=lambda row: row.id)
    return Group(key, newest.group_labels, newest.alertmanager_url)


def _truncated(found: list[Row[Any]]) -> int:
    return max(int(row.truncated) for row in found)


def _report(
    connection: Connection, found: list[Row[Any]], correction: Correction, now: datetime, routes: Routes
) -> frozenset[str]:
    """Record what a webhook should have told, each alert in the channel where it is."""
    channel: Mapping[str, str] = {row.fingerprint: row.channel for row in found}
    group = _group(found, found[0].group_key)
    routed = [Routed(alert, channel[alert.fingerprint], routes.hold(alert.labels, now)) for alert in correction.reports]
    return record(connection, Notification(group, correction.reports, correction.truncated), routed, now)


def _mark(
    connection: Connection,
    key: str,
    found: list[Row[Any]],
    correction: Correction,
    now: datetime,
) -> frozenset[str]:
    """Keep what the list tells beside the reports; return the channels where it shows."""
    latest = and_(alerts.c.group_key == key, alerts.c.latest)
    for name in correction.seen:
        connection.execute(update(alerts).where(latest, alerts.c.fingerprint == name).values(listed=True))
    for name, held in correction.held.items():
        connection.execute(update(alerts).where(latest, alerts.c.fingerprint == name).values(suppressed=held))
    changed = {row.id for row in found if row.fingerprint in correction.held}
    if correction.truncated != _truncated(found):
        cut = {row.id for row in found if row.truncated}
        connection.execute(update(episodes).where(episodes.c.id.in_(cut)).values(truncated=correction.truncated))
        changed |= cut
    return touch(connection, changed, now)
