"""What was heard, and what Slack was confirmed to show: durable before anybody is told that it is.

SQLite in WAL mode with ``synchronous=FULL``: a commit is on disk when it returns, also for a power cut. One connection,
so transactions follow one another. Every method is one transaction and raises StoreError when it was not kept.
"""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import case, delete, event, func, insert, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from alerting import rows
from alerting.errors import StoreError
from alerting.model import Census, Episode, Intent, Notification, Posted, Routed, Status
from alerting.record import record
from alerting.schema import alerts, episodes, intents, migrate, schema_version, watchdogs

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Due:
    """The episode that a channel should work on next, and not before when."""

    episode_id: int
    not_before: datetime


def _whole(method: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Let a transaction that was begun end, also when its caller is cancelled: a connection is never left half-way."""

    @functools.wraps(method)
    async def run(*arguments: P.args, **named: P.kwargs) -> T:
        task = asyncio.ensure_future(method(*arguments, **named))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            raise

    return run


class Store:
    """The router's database. Make it with ``open_store``."""

    def __init__(self, engine: AsyncEngine, on_failure: Callable[[], None]) -> None:
        """Use the engine; `on_failure` is called whenever a transaction was not kept."""
        self._engine = engine
        self._on_failure = on_failure

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            self._on_failure()
            cause = getattr(error, "orig", None) or error
            raise StoreError(f"the store failed: {cause}") from error

    # receiving

    @_whole
    async def record(self, notification: Notification, routed: Sequence[Routed], now: datetime) -> frozenset[str]:
        """Keep what a notification adds; return the channels whose messages it changes."""
        async with self._transaction() as connection:
            return await record(connection, notification, routed, now)

    @_whole
    async def beat(self, fingerprint: str, now: datetime) -> None:
        """Note that this Watchdog alert was heard firing."""
        async with self._transaction() as connection:
            await connection.execute(delete(watchdogs))
            await connection.execute(insert(watchdogs).values(fingerprint=fingerprint, heard_at=now))

    # delivering

    @_whole
    async def channels(self) -> frozenset[str]:
        """Return the channels that have something undelivered."""
        query = select(episodes.c.channel).where(episodes.c.undelivered_since.is_not(None)).distinct()
        async with self._transaction() as connection:
            return frozenset((await connection.execute(query)).scalars())

    @_whole
    async def due(self, channel: str, now: datetime, longest: timedelta) -> Due | None:
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
        async with self._transaction() as connection:
            row = (await connection.execute(ready.limit(1))).first()
            if row:
                return Due(row.id, now)
            row = (await connection.execute(columns.order_by(not_before).limit(1))).first()
        return Due(row.id, row.not_before) if row else None

    @_whole
    async def load(self, episode_id: int) -> Episode:
        """Read one episode with its alerts and its open intent."""
        async with self._transaction() as connection:
            row = (await connection.execute(select(episodes).where(episodes.c.id == episode_id))).one()
            found = (await connection.execute(select(alerts).where(alerts.c.episode_id == episode_id))).all()
            intent = (await connection.execute(select(intents).where(intents.c.episode_id == episode_id))).first()
        return rows.episode(row, found, intent)

    @_whole
    async def begin(self, episode_id: int, intent: Intent, look_up_after: datetime) -> None:
        """Note that a post is about to be sent; after a crash it is looked up, not before `look_up_after`."""
        async with self._transaction() as connection:
            await connection.execute(
                insert(intents).values(
                    episode_id=episode_id,
                    delivery_id=intent.delivery_id,
                    method=intent.method.value,
                    digest=intent.digest,
                    told=dict(intent.told),
                    begun_at=intent.begun_at,
                )
            )
            await _set(connection, episode_id, not_before=look_up_after)

    @_whole
    async def posted(self, episode_id: int, posted: Posted, digest: str, now: datetime) -> None:
        """Slack has the message, showing `digest`."""
        await self._confirm(episode_id, now, channel_id=posted.channel_id, ts=posted.ts, shown=digest)

    @_whole
    async def edited(self, episode_id: int, digest: str, now: datetime) -> None:
        """Slack's message shows `digest`."""
        await self._confirm(episode_id, now, shown=digest)

    @_whole
    async def replied(self, episode_id: int, told: Mapping[str, str], now: datetime) -> None:
        """The thread has been told."""
        await self._confirm(episode_id, now, told=dict(told))

    async def _confirm(self, episode_id: int, now: datetime, **values: object) -> None:
        async with self._transaction() as connection:
            await connection.execute(delete(intents).where(intents.c.episode_id == episode_id))
            await _set(connection, episode_id, not_before=now, dead=None, dead_code=None, **values)

    @_whole
    async def drop_intent(self, episode_id: int, now: datetime) -> None:
        """Slack does not have the message that was begun: it may be sent again."""
        async with self._transaction() as connection:
            await connection.execute(delete(intents).where(intents.c.episode_id == episode_id))
            await _set(connection, episode_id, not_before=now)

    @_whole
    async def postpone(self, episode_id: int, until: datetime, *, sent: bool) -> None:
        """Try later; `sent` keeps the intent, because Slack may have done it."""
        async with self._transaction() as connection:
            if not sent:
                await connection.execute(delete(intents).where(intents.c.episode_id == episode_id))
            await _set(connection, episode_id, not_before=until)

    @_whole
    async def bury(self, episode_id: int, until: datetime, reason: str, code: str, *, sent: bool) -> None:
        """Make it a dead letter that is tried again at `until`."""
        async with self._transaction() as connection:
            if not sent:
                await connection.execute(delete(intents).where(intents.c.episode_id == episode_id))
            await _set(connection, episode_id, not_before=until, dead=reason, dead_code=code)

    @_whole
    async def detach(self, episode_id: int, link: str | None, now: datetime) -> None:
        """Forget where the message is: the next step posts a new one that links to it."""
        async with self._transaction() as connection:
            await connection.execute(delete(intents).where(intents.c.episode_id == episode_id))
            await _set(connection, episode_id, channel_id=None, ts=None, previous=link, not_before=now)

    @_whole
    async def settle(self, episode: Episode) -> None:
        """Slack shows all of it, unless something was recorded since it was read."""
        async with self._transaction() as connection:
            await connection.execute(
                update(episodes)
                .where(episodes.c.id == episode.id, episodes.c.revision == episode.revision)
                .values(undelivered_since=None, dead=None, dead_code=None)
            )

    # keeping house

    @_whole
    async def purge(self, before: datetime) -> int:
        """Forget what ended before: closed episodes, and resolved alerts of those in which another still fires.

        Return how many of the closed ones Slack never showed as they ended.
        """
        old = select(episodes.c.id).where(episodes.c.closed_at < before)
        burning = select(alerts.c.episode_id).where(alerts.c.status == Status.FIRING.value)
        async with self._transaction() as connection:
            lost = await connection.scalar(
                select(func.count())
                .select_from(episodes)
                .where(episodes.c.closed_at < before, episodes.c.undelivered_since.is_not(None))
            )
            for table in (alerts, intents):
                await connection.execute(delete(table).where(table.c.episode_id.in_(old)))
            await connection.execute(delete(episodes).where(episodes.c.closed_at < before))
            await connection.execute(
                delete(alerts).where(
                    alerts.c.status == Status.RESOLVED.value,
                    alerts.c.heard_at < before,
                    alerts.c.episode_id.in_(burning),
                )
            )
        return lost or 0

    @_whole
    async def probe(self) -> None:
        """Commit something small: raises StoreError when the store can't."""
        async with self._transaction() as connection:
            await connection.execute(update(schema_version).values(version=schema_version.c.version))

    @_whole
    async def census(self) -> Census:
        """Count what is stored."""
        live = or_(episodes.c.closed_at.is_(None), episodes.c.undelivered_since.is_not(None))
        firing = func.sum(case((alerts.c.status == Status.FIRING.value, 1), else_=0))
        shown = (
            select(episodes, firing.label("firing"), (func.count() - firing).label("resolved"))
            .join(alerts, alerts.c.episode_id == episodes.c.id)
            .where(live)
            .group_by(episodes.c.id)
            .order_by(episodes.c.dead.is_(None), episodes.c.since.desc())
        )
        async with self._transaction() as connection:
            found = (await connection.execute(shown)).all()
            beat = await connection.scalar(select(func.max(watchdogs.c.heard_at)))
        return rows.census(found, beat)

    async def close(self) -> None:
        """Close the database."""
        await self._engine.dispose()


async def open_store(path: Path, on_failure: Callable[[], None] = lambda: None) -> Store:
    """Open or make the SQLite database at `path`. Raises StoreError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{path.parent} can't be made: {error.strerror}") from error
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=1, max_overflow=0, pool_timeout=30)
    event.listen(engine.sync_engine, "connect", _durable)
    store = Store(engine, on_failure)
    try:
        async with store._transaction() as connection:
            await connection.run_sync(migrate)
    except StoreError:
        await engine.dispose()
        raise
    return store


def _durable(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


async def _set(connection: AsyncConnection, episode_id: int, **values: object) -> None:
    await connection.execute(update(episodes).where(episodes.c.id == episode_id).values(**values))
