"""Rows of the tables as the values that pass between the steps. Pure; ``schema`` holds the columns."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from alerting.episodes import Span
from alerting.model import (
    Act,
    Alert,
    Census,
    ChartForm,
    Deed,
    Episode,
    Group,
    Hold,
    Intent,
    Method,
    Notice,
    OpenMessage,
    Outcome,
    Person,
    Posted,
    Status,
    Suppression,
)

PAGE_ROWS = 200
"""Messages on the status page, at most."""


def span(row: Row[Any]) -> Span:
    """Read an episode's place in time."""
    return Span(row.id, row.channel, row.closed_at, row.ended_at)


def alert(row: Row[Any]) -> Alert:
    """Read one alert."""
    return Alert(
        fingerprint=row.fingerprint,
        status=Status(row.status),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        labels=row.labels,
        annotations=row.annotations,
        source_url=row.source_url,
        suppressed=Suppression(row.suppressed) if row.suppressed else None,
    )


def act(row: Row[Any]) -> Act:
    """Read one act."""
    return Act(
        id=row.id,
        key=row.key,
        deed=Deed(row.deed),
        by=Person(row.person_id, row.person_name) if row.person_id else None,
        at=row.at,
        outcome=Outcome(row.outcome),
        until=row.until,
        silences=tuple(row.silences),
        step=row.step,
        mention=tuple(row.mention),
        channel=row.channel,
        note=row.note,
    )


def title(row: Row[Any]) -> str:
    """Name an episode in a line: a notice by its own title."""
    return str(row.notice["title"] if row.notice else row.group_labels.get("alertname") or row.group_key)


def notice(stored: Mapping[str, Any] | None) -> Notice | None:
    """Read what an episode without alerts shows."""
    return Notice(tuple(stored["mention"]), stored["title"], stored["text"]) if stored else None


def episode(
    row: Row[Any],
    alerts: Sequence[Row[Any]],
    intent: Row[Any] | None,
    groups: int | None,
    acts: Sequence[Row[Any]],
) -> Episode:
    """Join an episode with the rows of its alerts, of its open intent and of what was done about it."""
    return Episode(
        id=row.id,
        group=Group(row.group_key, row.group_labels, row.alertmanager_url),
        channel=row.channel,
        alerts=tuple(alert(each) for each in alerts),
        truncated=row.truncated,
        since=row.since,
        closed_at=row.closed_at,
        revision=row.revision,
        root=Posted(row.channel_id, row.ts) if row.ts else None,
        shown=row.shown,
        told=row.told,
        previous=row.previous,
        intent=_intent(intent) if intent else None,
        stale_since=row.stale_since,
        delayed=row.delayed,
        chart=ChartForm(row.chart) if row.chart else None,
        picture=row.picture,
        repeats=row.repeats,
        repeated_at=row.repeated_at,
        trace=row.trace,
        groups=groups,
        acts=tuple(act(each) for each in acts),
        opened_at=row.opened_at,
        notice=notice(row.notice),
    )


def _intent(row: Row[Any]) -> Intent:
    return Intent(row.delivery_id, Method(row.method), row.digest, row.told, row.begun_at)


def census(rows: Sequence[Row[Any]], beat: datetime | None, silence: str | None) -> Census:
    """Count episodes that have `firing`, `resolved`, `fingerprints` and `acknowledged_by` beside their columns.

    A digest has no alerts itself.
    `beat` is when a Watchdog was heard, `silence` what the dead-man's switch found.
    """
    opened = [row for row in rows if row.closed_at is None and row.fingerprints]
    dead: dict[str, int] = {}
    for row in rows:
        if row.dead:
            dead[row.dead] = dead.get(row.dead, 0) + 1
    return Census(
        alerts={
            Status.FIRING.value: sum(row.firing for row in opened),
            Status.RESOLVED.value: sum(row.resolved for row in opened),
        },
        open_messages=len(opened),
        dead_letters=dead,
        oldest_undelivered=min((row.undelivered_since for row in rows if row.undelivered_since), default=None),
        watchdog_at=beat,
        messages=tuple(_open_message(row) for row in rows[:PAGE_ROWS]),
        silence=silence,
        held=sum(row.held_until is not None for row in rows),
    )


def _open_message(row: Row[Any]) -> OpenMessage:
    return OpenMessage(
        id=row.id,
        group=row.group_key,
        title=title(row),
        channel=row.channel,
        since=row.since,
        firing=row.firing,
        resolved=row.resolved,
        undelivered_since=row.undelivered_since,
        dead=row.dead,
        dead_code=row.dead_code,
        hold=Hold(row.held_until, row.held_zone) if row.held_until else None,
        acknowledged_by=row.acknowledged_by,
    )
