"""What delivery has to do next, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, case, delete, func, insert, or_, select, update

from alerting.model import ChartForm, Episode, Intent, Method, Posted
from alerting.pace import POSTING, Work
from alerting.store import digests, rows
from alerting.store.leases import Busy, Lease, claim, give_back, renew
from alerting.store.schema import acts, alerts, episodes, intents, strays


@dataclass(frozen=True)
class Head:
    """The most urgent episode of a channel that waits for one kind of call. `rank` sorts heads of all channels."""

    episode_id: int
    channel: str
    work: Work
    rank: tuple[bool, int, bool, datetime, int]


@dataclass(frozen=True)
class Agenda:
    """What may be done now, the most urgent first, and when the next of what is put off comes due."""

    heads: tuple[Head, ...]
    next_at: datetime | None


def channels(connection: Connection) -> frozenset[str]:
    """Return the channels that have something undelivered."""
    query = select(episodes.c.channel).where(episodes.c.undelivered_since.is_not(None)).distinct()
    return frozenset(connection.execute(query).scalars())


def agenda(connection: Connection, now: datetime, longest: timedelta) -> Agenda:
    """Choose for each channel and kind of call the episode to go first.

    What a message shows goes before what a thread is told, the worst severity first, then new messages, then the
    longest waiting. What seems to be put off for more than `longest` was, before the clock was set back: it is due.
    """
    not_before = episodes.c.not_before
    due = or_(not_before <= now, not_before > now + longest)
    work = case(
        (intents.c.episode_id.is_not(None), Work.LOOK_UP.value),
        (episodes.c.ts.is_(None), Work.POST.value),
        (episodes.c.stale_since.is_not(None), Work.EDIT.value),
        else_=Work.REPLY.value,
    ).label("work")
    columns = (episodes.c[name] for name in ("id", "channel", "urgency", "ts", "stale_since", "undelivered_since"))
    waiting = select(*columns, work).outerjoin(intents).where(episodes.c.undelivered_since.is_not(None))
    each = waiting.where(due).subquery()
    order = (
        each.c.stale_since.is_(None),
        each.c.urgency,
        each.c.ts.is_not(None),
        each.c.undelivered_since,
        each.c.id,
    )
    place = func.row_number().over(partition_by=(each.c.channel, each.c.work), order_by=order).label("place")
    ranked = select(each, place).subquery()
    found = connection.execute(select(ranked).where(ranked.c.place == 1)).all()
    next_at = connection.scalar(
        select(func.min(not_before, type_=not_before.type)).where(episodes.c.undelivered_since.is_not(None), ~due)
    )
    return Agenda(tuple(sorted((_head(row) for row in found), key=lambda head: head.rank)), next_at)


def _head(row: Row[Any]) -> Head:
    rank = (row.stale_since is None, row.urgency, row.ts is not None, row.undelivered_since, row.id)
    return Head(row.id, row.channel, Work(row.work), rank)


def take(
    connection: Connection, head: Head, now: datetime, until: datetime, longest: timedelta
) -> tuple[Lease, Episode] | Busy:
    """Claim the channel and read the episode as it is now, or a digest made of it and others when too many wait."""
    lease = claim(connection, head.channel, now, until, longest, to_post=head.work in POSTING)
    if isinstance(lease, Busy):
        return lease
    digest = digests.gather(connection, head.channel, head.episode_id, now) if head.work is Work.POST else None
    return lease, load(connection, digest or head.episode_id)


def load(connection: Connection, episode_id: int) -> Episode:
    """Read one episode with its alerts and its open intent."""
    row = connection.execute(select(episodes).where(episodes.c.id == episode_id)).one()
    intent = connection.execute(select(intents).where(intents.c.episode_id == episode_id)).first()
    homes = [episode_id]
    if row.group_key.startswith(digests.KEY):
        homes = list(connection.execute(select(episodes.c.id).where(episodes.c.digest_id == episode_id)).scalars())
    known = select(alerts).where(alerts.c.episode_id.in_(homes)).order_by(alerts.c.starts_at)
    # of an alert that fired again the later fire: two episodes of one group may share a digest
    found = list({(row.group_key, row.fingerprint): row for row in connection.execute(known)}.values())
    groups = None if homes == [episode_id] else len(homes)
    done = connection.execute(select(acts).where(acts.c.episode_id == episode_id).order_by(acts.c.id)).all()
    return rows.episode(row, found, intent, groups, done)


def begin(
    connection: Connection,
    lease: Lease,
    episode_id: int,
    intent: Intent,
    delayed: int,
    until: datetime,
    settle: timedelta,
) -> Lease:
    """Note that a post is about to be sent, under a lease that outlasts it; after a crash it is looked up."""
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
    _set(connection, episode_id, not_before=intent.begun_at + settle, delayed=delayed)
    return renew(connection, lease, until)


def posted(
    connection: Connection,
    lease: Lease,
    episode: Episode,
    posted: Posted,
    digest: str,
    now: datetime,
    opens_at: datetime,
    *,
    fresh: bool,
) -> None:
    """Slack has the message, showing `digest`: that of the episode as it was read, if it is `fresh`."""
    _confirm(connection, episode.id, now, channel_id=posted.channel_id, ts=posted.ts, shown=digest)
    if fresh:
        _fresh(connection, episode)
    give_back(connection, lease, opens_at)


def edited(connection: Connection, lease: Lease, episode: Episode, digest: str, delayed: int, now: datetime) -> None:
    """Slack's message shows `digest`."""
    _confirm(connection, episode.id, now, shown=digest, delayed=delayed)
    _fresh(connection, episode)
    give_back(connection, lease)


def replied(
    connection: Connection, lease: Lease, episode: Episode, told: Mapping[str, str], now: datetime, opens_at: datetime
) -> None:
    """The thread has been told."""
    _confirm(connection, episode.id, now, told=dict(told))
    give_back(connection, lease, opens_at)


def demote(connection: Connection, lease: Lease, episode: Episode, form: ChartForm, now: datetime) -> None:
    """Slack refused the chart: the next step has one of this form."""
    _set(connection, episode.id, chart=form.value)
    postpone(connection, lease, episode, now, sent=False)


def pictured(
    connection: Connection, lease: Lease, episode: Episode, picture: str, show_at: datetime, opens_at: datetime
) -> None:
    """The picture is uploaded: the message is to show it, not before `show_at`."""
    _set(connection, episode.id, picture=picture, shown="", stale_since=episode.stale_since or show_at)
    postpone(connection, lease, episode, show_at, sent=False, opens_at=opens_at)


def resend(connection: Connection, lease: Lease, episode: Episode, look_at: datetime | None, now: datetime) -> None:
    """Slack does not have the message that was begun: it is sent again. At `look_at`, look whether it came late."""
    if look_at and episode.intent:
        thread = episode.root if episode.intent.method is Method.REPLY else None
        connection.execute(
            insert(strays).values(
                delivery_id=episode.intent.delivery_id,
                channel=episode.channel,
                channel_id=thread and thread.channel_id,
                thread_ts=thread and thread.ts,
                begun_at=episode.intent.begun_at,
                look_at=look_at,
            )
        )
    _drop_intent(connection, episode.id)
    _set(connection, episode.id, not_before=now)
    give_back(connection, lease)


def postpone(
    connection: Connection,
    lease: Lease,
    episode: Episode,
    until: datetime,
    *,
    sent: bool,
    opens_at: datetime | None = None,
) -> None:
    """Try later; `sent` keeps the intent, because Slack may have done it."""
    if not sent:
        _drop_intent(connection, episode.id)
    _set(connection, episode.id, not_before=until)
    give_back(connection, lease, opens_at)


def bury(
    connection: Connection, lease: Lease, episode: Episode, until: datetime, reason: str, code: str, *, sent: bool
) -> None:
    """Make it a dead letter that is tried again at `until`."""
    _set(connection, episode.id, dead=reason, dead_code=code)
    postpone(connection, lease, episode, until, sent=sent)


def detach(connection: Connection, lease: Lease, episode: Episode, link: str | None, now: datetime) -> None:
    """Forget where the message is: the next step posts a new one that links to it."""
    _set(connection, episode.id, channel_id=None, ts=None, previous=link, stale_since=episode.stale_since or now)
    postpone(connection, lease, episode, now, sent=False)


def settle(connection: Connection, lease: Lease, episode: Episode) -> None:
    """Slack shows all of it, unless something was recorded since it was read."""
    unchanged = (episodes.c.id == episode.id) & (episodes.c.revision == episode.revision)
    connection.execute(
        update(episodes).where(unchanged).values(undelivered_since=None, stale_since=None, dead=None, dead_code=None)
    )
    give_back(connection, lease)


def _confirm(connection: Connection, episode_id: int, now: datetime, **values: object) -> None:
    _drop_intent(connection, episode_id)
    _set(connection, episode_id, not_before=now, dead=None, dead_code=None, **values)


def _fresh(connection: Connection, episode: Episode) -> None:
    """The message is up to date, unless something was recorded since the episode was read."""
    unchanged = (episodes.c.id == episode.id) & (episodes.c.revision == episode.revision)
    connection.execute(update(episodes).where(unchanged).values(stale_since=None))


def _drop_intent(connection: Connection, episode_id: int) -> None:
    connection.execute(delete(intents).where(intents.c.episode_id == episode_id))


def _set(connection: Connection, episode_id: int, **values: object) -> None:
    connection.execute(update(episodes).where(episodes.c.id == episode_id).values(**values))
