"""What delivery has to do next, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, or_, select, update

from alerting.model import Episode, Intent, Posted
from alerting.store import rows
from alerting.store.schema import alerts, episodes, intents


@dataclass(frozen=True)
class Due:
    """The episode that a channel should work on next, and not before when."""

    episode_id: int
    not_before: datetime


def channels(connection: Connection) -> frozenset[str]:
    """Return the channels that have something undelivered."""
    query = select(episodes.c.channel).where(episodes.c.undelivered_since.is_not(None)).distinct()
    return frozenset(connection.execute(query).scalars())


def due(connection: Connection, channel: str, now: datetime, longest: timedelta) -> Due | None:
    """Choose the channel's next episode: those without a message first, then the longest waiting.

    What seems to be put off for more than `longest` was, before the clock was set back: it is due.
    """
    columns = select(episodes.c.id, episodes.c.not_before).where(
        episodes.c.channel == channel, episodes.c.undelivered_since.is_not(None)
    )
    not_before = episodes.c.not_before
    ready = columns.where(or_(not_before <= now, not_before > now + longest)).order_by(
        episodes.c.ts.is_not(None), episodes.c.undelivered_since, episodes.c.id
    )
    row = connection.execute(ready.limit(1)).first()
    if row:
        return Due(row.id, now)
    row = connection.execute(columns.order_by(not_before).limit(1)).first()
    return Due(row.id, row.not_before) if row else None


def load(connection: Connection, episode_id: int) -> Episode:
    """Read one episode with its alerts and its open intent."""
    row = connection.execute(select(episodes).where(episodes.c.id == episode_id)).one()
    found = connection.execute(select(alerts).where(alerts.c.episode_id == episode_id)).all()
    intent = connection.execute(select(intents).where(intents.c.episode_id == episode_id)).first()
    return rows.episode(row, found, intent)


def begin(connection: Connection, episode_id: int, intent: Intent, look_up_after: datetime) -> None:
    """Note that a post is about to be sent; after a crash it is looked up, not before `look_up_after`."""
    connection.execute(
        insert(intents).values(
            episode_id=episode_id,
            delivery_id=intent.delivery_id,
            method=intent.method.value,
            digest=intent.digest,
            told=dict(intent.told),
            begun_at=intent.begun_at,
        )
    )
    _set(connection, episode_id, not_before=look_up_after)


def posted(connection: Connection, episode_id: int, posted: Posted, digest: str, now: datetime) -> None:
    """Slack has the message, showing `digest`."""
    _confirm(connection, episode_id, now, channel_id=posted.channel_id, ts=posted.ts, shown=digest)


def edited(connection: Connection, episode_id: int, digest: str, now: datetime) -> None:
    """Slack's message shows `digest`."""
    _confirm(connection, episode_id, now, shown=digest)


def replied(connection: Connection, episode_id: int, told: Mapping[str, str], now: datetime) -> None:
    """The thread has been told."""
    _confirm(connection, episode_id, now, told=dict(told))


def _confirm(connection: Connection, episode_id: int, now: datetime, **values: object) -> None:
    connection.execute(delete(intents).where(intents.c.episode_id == episode_id))
    _set(connection, episode_id, not_before=now, dead=None, dead_code=None, **values)


def drop_intent(connection: Connection, episode_id: int, now: datetime) -> None:
    """Slack does not have the message that was begun: it may be sent again."""
    connection.execute(delete(intents).where(intents.c.episode_id == episode_id))
    _set(connection, episode_id, not_before=now)


def postpone(connection: Connection, episode_id: int, until: datetime, *, sent: bool) -> None:
    """Try later; `sent` keeps the intent, because Slack may have done it."""
    if not sent:
        connection.execute(delete(intents).where(intents.c.episode_id == episode_id))
    _set(connection, episode_id, not_before=until)


def bury(connection: Connection, episode_id: int, until: datetime, reason: str, code: str, *, sent: bool) -> None:
    """Make it a dead letter that is tried again at `until`."""
    if not sent:
        connection.execute(delete(intents).where(intents.c.episode_id == episode_id))
    _set(connection, episode_id, not_before=until, dead=reason, dead_code=code)


def detach(connection: Connection, episode_id: int, link: str | None, now: datetime) -> None:
    """Forget where the message is: the next step posts a new one that links to it."""
    connection.execute(delete(intents).where(intents.c.episode_id == episode_id))
    _set(connection, episode_id, channel_id=None, ts=None, previous=link, not_before=now)


def settle(connection: Connection, episode: Episode) -> None:
    """Slack shows all of it, unless something was recorded since it was read."""
    connection.execute(
        update(episodes)
        .where(episodes.c.id == episode.id, episodes.c.revision == episode.revision)
        .values(undelivered_since=None, dead=None, dead_code=None)
    )


def _set(connection: Connection, episode_id: int, **values: object) -> None:
    connection.execute(update(episodes).where(episodes.c.id == episode_id).values(**values))
