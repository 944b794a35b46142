"""Which router may call Slack about a channel: one at a time, for one call at a time.

A lease is taken with what there is to do, renewed when a call begins, and given back with what came of it, always in
the same transaction. It outlasts the call's time-out. A router that was stopped meanwhile, or cut off, finds its token
gone and can write nothing about that call; what it may have sent is then looked for by whoever took over.
`opens_at` makes the pace of the channel that of all routers together, also across a restart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from alerting.store.schema import leases

INSERTS: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""INSERT … ON CONFLICT, which both have and each spells its own way."""

CLAIMED_AGAIN = timedelta(milliseconds=100)
"""When to try again for a channel that another router is claiming at this moment."""


class LeaseLost(Exception):
    """Another router has taken the channel over: nothing was written."""


@dataclass(frozen=True)
class Lease:
    """The right to call Slack about `channel` until then."""

    channel: str
    token: str
    until: datetime


@dataclass(frozen=True)
class Busy:
    """The channel is another router's, or Slack wants it left alone, until then."""

    until: datetime


def claim(
    connection: Connection, channel: str, now: datetime, until: datetime, longest: timedelta, *, to_post: bool
) -> Lease | Busy:
    """Take the channel if nobody has it and, `to_post`, if it may be posted to.

    What is closed for more than `longest` was, before a clock was set back.
    """
    insert = INSERTS[connection.dialect.name]
    connection.execute(insert(leases).values(channel=channel, token="", opens_at=now).on_conflict_do_nothing())
    mine = leases.c.channel == channel
    row = connection.execute(select(leases).where(mine).with_for_update(skip_locked=True)).first()
    if row is None:
        return Busy(now + CLAIMED_AGAIN)
    closed_until = max(row.until or now, row.opens_at if to_post else now)
    if now < closed_until <= now + longest:
        return Busy(closed_until)
    token = uuid4().hex
    connection.execute(update(leases).where(mine).values(token=token, until=until))
    return Lease(channel, token, until)


def renew(connection: Connection, lease: Lease, until: datetime) -> Lease:
    """Keep the channel until then. Raises LeaseLost."""
    _write(connection, lease, until=until)
    return Lease(lease.channel, lease.token, until)


def give_back(connection: Connection, lease: Lease, opens_at: datetime | None = None) -> None:
    """Let the channel go; nobody posts to it before `opens_at`. Raises LeaseLost."""
    _write(connection, lease, until=None, **({"opens_at": opens_at} if opens_at else {}))


def clear(connection: Connection) -> None:
    """End all leases: for a store that one router alone has, they are of an earlier life of its own."""
    connection.execute(delete(leases))


def _write(connection: Connection, lease: Lease, **values: datetime | None) -> None:
    mine = (leases.c.channel == lease.channel) & (leases.c.token == lease.token)
    if not connection.execute(update(leases).where(mine).values(**values)).rowcount:
        raise LeaseLost(lease.channel)
