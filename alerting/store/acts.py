"""What was done about messages, and what still waits for somebody else to do it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, ScalarSelect, insert, or_, select, update

from alerting.actions import Click
from alerting.model import Act, Deed, Episode, Notice, Outcome, Posted
from alerting.store import outbox, rows
from alerting.store.database import locked
from alerting.store.digests import KEY
from alerting.store.inbox import touch
from alerting.store.notices import post
from alerting.store.schema import acts, episodes

ACKNOWLEDGED = "acknowledged"
"""The key of an acknowledgement: there is one an episode."""


@dataclass(frozen=True)
class Errand:
    """An act that waits for somebody else to do it, and its episode."""

    act: Act
    episode: Episode


def click(connection: Connection, clicked: Click) -> frozenset[str] | None:
    """Keep what somebody wants done; return the channels that it changes, None when there is no such message.

    The same click again, and an acknowledgement of what is acknowledged, change nothing.
    """
    episode_id = _at(connection, clicked.message)
    if episode_id is None:
        return None
    outcome = Outcome.DONE if clicked.deed is Deed.ACKNOWLEDGE else Outcome.ASKED
    key = ACKNOWLEDGED if clicked.deed is Deed.ACKNOWLEDGE else clicked.key
    act = Act(0, key, clicked.deed, clicked.by, clicked.at, outcome, clicked.until)
    return add(connection, episode_id, act, clicked.at)


def at(connection: Connection, message: Posted) -> Episode | None:
    """Return the episode that this message shows."""
    episode_id = _at(connection, message)
    return None if episode_id is None else outbox.load(connection, episode_id)


def acknowledgement(column: Column[Any]) -> ScalarSelect[Any]:
    """Select a column of an episode's acknowledgement, in a query of episodes."""
    mine = (acts.c.episode_id == episodes.c.id) & (acts.c.key == ACKNOWLEDGED)
    return select(column).where(mine).correlate(episodes).scalar_subquery()


def unattended(connection: Connection, before: datetime) -> tuple[Episode, ...]:
    """Return what fires, has been open since `before` with a message of its own, and was acknowledged by nobody."""
    attended = select(acts.c.episode_id).where(acts.c.deed == Deed.ACKNOWLEDGE.value)
    open_ones = select(episodes.c.id).where(
        episodes.c.closed_at.is_(None),
        episodes.c.opened_at <= before,
        episodes.c.digest_id.is_(None),
        episodes.c.held_until.is_(None),
        episodes.c.id.not_in(attended),
    )
    found = connection.execute(open_ones.order_by(episodes.c.id)).scalars().all()
    return tuple(outbox.load(connection, name) for name in found)


def add(connection: Connection, episode_id: int, act: Act, now: datetime) -> frozenset[str]:
    """Keep an act, whose id is made here, unless its key is known; return the channels that it changes."""
    locked(connection, [f"acts {episode_id}"])
    same = select(acts.c.id).where(acts.c.episode_id == episode_id, acts.c.key == act.key)
    if connection.scalar(same) is not None:
        return frozenset()
    connection.execute(
        insert(acts).values(
            episode_id=episode_id,
            key=act.key,
            deed=act.deed.value,
            person_id=act.by and act.by.id,
            person_name=act.by and act.by.name,
            at=act.at,
            outcome=act.outcome.value,
            until=act.until,
            silences=list(act.silences),
            step=act.step,
            mention=list(act.mention),
            channel=act.channel,
            note=act.note,
            not_before=now,
        )
    )
    return touch(connection, [episode_id], now)


def errand(connection: Connection, now: datetime, patience: timedelta) -> Errand | None:
    """Take the oldest act that waits; for `patience` nobody else takes it."""
    locked(connection, ["errands"])
    waiting = (
        select(acts)
        .where(
            acts.c.outcome == Outcome.ASKED.value,
            or_(acts.c.not_before <= now, acts.c.not_before > now + 2 * patience),
        )
        .order_by(acts.c.id)
    )
    row = connection.execute(waiting.limit(1)).first()
    if row is None:
        return None
    connection.execute(update(acts).where(acts.c.id == row.id).values(not_before=now + patience))
    return Errand(rows.act(row), outbox.load(connection, row.episode_id))


def settle(
    connection: Connection,
    act: Act,
    outcome: Outcome,
    now: datetime,
    silences: Sequence[str] = (),
    note: str = "",
) -> frozenset[str]:
    """Keep what came of an act; return the channels that it changes."""
    found: Any = connection.execute(select(acts.c.episode_id).where(acts.c.id == act.id)).one()
    values = {"outcome": outcome.value, "silences": list(silences), "note": note}
    connection.execute(update(acts).where(acts.c.id == act.id).values(**values))
    return touch(connection, [found.episode_id], now)


def tell(connection: Connection, act: Act, notice: Notice, now: datetime) -> frozenset[str]:
    """Have the notice of an escalation posted to the other channel, and the act be done."""
    assert act.channel
    post(connection, f"escalation {act.id}", act.channel, notice, now)
    return settle(connection, act, Outcome.DONE, now, note=act.note)


def _at(connection: Connection, message: Posted) -> int | None:
    mine = select(episodes.c.id).where(episodes.c.channel_id == message.channel_id, episodes.c.ts == message.ts)
    return connection.scalar(mine.where(episodes.c.notice.is_(None), episodes.c.group_key.not_like(f"{KEY}%")))
