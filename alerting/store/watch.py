"""When the Watchdog came last, and the message that says that it does not: a notice that is open while it is true."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, select

from alerting.model import Notice
from alerting.store import notices
from alerting.store.database import locked
from alerting.store.leases import Lease, renew
from alerting.store.schema import episodes, watchdogs
from alerting.watchdog import Finding

KEY = "watchdog/"
"""What the key of its notice begins with; the rest is when it tripped."""

AWAITED = ""
"""Stands for the fingerprint until a Watchdog comes: its time is when the waiting began."""


@dataclass(frozen=True)
class Alarm:
    """The open message: the Watchdog has not come `since`, the switch `tripped_at`, and what it found `first`."""

    episode_id: int
    finding: Finding
    first: Finding
    since: datetime
    tripped_at: datetime


@dataclass(frozen=True)
class Vigil:
    """`expected_at` is when the Watchdog came last or, while none was ever `heard`, when the waiting began."""

    expected_at: datetime
    heard: bool
    alarm: Alarm | None


def beat(connection: Connection, fingerprint: str, now: datetime) -> None:
    """Note that this Watchdog alert was heard firing."""
    locked(connection, ["Watchdog"])
    connection.execute(delete(watchdogs))
    connection.execute(insert(watchdogs).values(fingerprint=fingerprint, heard_at=now))


def vigil(connection: Connection, now: datetime) -> Vigil:
    """Read how it stands; the first time of all, the waiting begins."""
    locked(connection, ["Watchdog"])
    row = connection.execute(select(watchdogs)).first()
    if row is None:
        connection.execute(insert(watchdogs).values(fingerprint=AWAITED, heard_at=now))
    opened = connection.execute(open_alarm()).first()
    heard = row is not None and row.fingerprint != AWAITED
    return Vigil(row.heard_at if row else now, heard, _alarm(opened) if opened else None)


def open_alarm() -> Select[Any]:
    """Select the episode of the open message."""
    mine = episodes.c.group_key.startswith(notices.PREFIX + KEY, autoescape=True)
    return select(episodes).where(mine, episodes.c.closed_at.is_(None))


def tell(
    connection: Connection, lease: Lease, known: Vigil, channel: str, finding: Finding, notice: Notice, now: datetime
) -> bool:
    """Open the message, or make it say this; False when it does, or what is `known` has changed. Raises LeaseLost."""
    renew(connection, lease, lease.until)
    if vigil(connection, now) != known:
        return False
    first = known.alarm.first if known.alarm else finding
    labels = {"finding": finding.value, "first": first.value}
    if known.alarm:
        return notices.revise(connection, known.alarm.episode_id, notice, labels, now)
    key = KEY + now.isoformat()
    return bool(notices.open_(connection, key, channel, notice, labels, known.expected_at, now))


def clear(connection: Connection, lease: Lease, known: Vigil, alarm: Alarm, notice: Notice, now: datetime) -> bool:
    """Close the message with this; False when what is `known` has changed. Raises LeaseLost."""
    renew(connection, lease, lease.until)
    if vigil(connection, now) != known:
        return False
    labels = {"finding": alarm.finding.value, "first": alarm.first.value}
    return notices.revise(connection, alarm.episode_id, notice, labels, now, over=True)


def _alarm(row: Row[Any]) -> Alarm:
    found = row.group_labels
    return Alarm(row.id, Finding(found["finding"]), Finding(found["first"]), row.since, row.opened_at)
