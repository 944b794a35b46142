"""The store's tables. A change of these needs a new VERSION and its step in MIGRATIONS.

A new database gets the tables as they stand here; the steps bring an older one to the same.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.schema import CreateColumn
from sqlalchemy.types import TypeDecorator

from alerting.errors import StoreError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware time, kept as whole microseconds since 1970 UTC: exact, ordered, the same in every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Python to database."""
        return None if value is None else (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Database to Python."""
        return None if value is None else EPOCH + value * MICROSECOND


metadata = MetaData()

schema_version = Table("schema_version", metadata, Column("version", Integer, nullable=False))

episodes = Table(
    "episodes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("group_key", Text, nullable=False),
    Column("group_labels", JSON, nullable=False),
    Column("alertmanager_url", Text, nullable=False),
    Column("channel", String(100), nullable=False),
    Column("truncated", Integer, nullable=False, default=0),
    Column("since", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("ended_at", Instant),
    Column("revision", Integer, nullable=False, default=0),
    Column("repeats", Integer, nullable=False, server_default="0"),
    Column("repeated_at", Instant),
    Column("trace", String(60)),
    # what Slack was confirmed to show
    Column("channel_id", String(100)),
    Column("ts", String(50)),
    Column("shown", String(64)),
    Column("told", JSON, nullable=False, default=dict),
    Column("previous", Text),
    Column("delayed", Integer, nullable=False, server_default="0"),
    Column("chart", String(10)),
    Column("picture", String(50)),
    Column("digest_id", Integer),
    # what delivery has to do: nothing when undelivered_since is null
    Column("undelivered_since", Instant),
    Column("stale_since", Instant),
    Column("urgency", Integer, nullable=False, server_default="1"),
    Column("not_before", Instant, nullable=False),
    Column("dead", String(40)),
    Column("dead_code", Text),
    # since when we know of it; a notice of ours has no alerts; what waits for the morning is not delivered before
    Column("opened_at", Instant),
    Column("notice", JSON(none_as_null=True)),
    Column("held_until", Instant),
    Column("held_zone", String(60)),
    Index("episodes_of_group", "group_key", "channel", "id"),
    Index("episodes_of_digest", "digest_id"),
    Index("episodes_undelivered", "channel", "undelivered_since"),
    sqlite_autoincrement=True,
)
"""One row a group, channel and stretch of firing; ids are never used twice.

`stale_since` is null when only the thread has to be told. `urgency` is the place of the worst severity in SEVERITIES.
`delayed` is how late the state that is shown was shown, in seconds. `digest_id` is the episode that shows this one
among others (``digests``).
"""

alerts = Table(
    "alerts",
    metadata,
    Column("episode_id", Integer, ForeignKey("episodes.id"), primary_key=True),
    Column("fingerprint", String(128), primary_key=True),
    Column("group_key", Text, nullable=False),
    Column("latest", Boolean, nullable=False),
    Column("status", String(10), nullable=False),
    Column("starts_at", Instant, nullable=False),
    Column("ends_at", Instant),
    Column("heard_at", Instant, nullable=False),
    Column("suppressed", String(10)),
    Column("listed", Boolean, nullable=False, default=False, server_default=text("false")),
    Column("labels", JSON, nullable=False),
    Column("annotations", JSON, nullable=False),
    Column("source_url", Text, nullable=False),
    Index("alerts_latest", "group_key", "latest", "fingerprint"),
)
"""The newest report of an alert within an episode; `latest` marks the newest of all episodes of its group.

`suppressed` and `listed` (it was seen there) are what Alertmanager's list of alerts told of it since.
"""

intents = Table(
    "intents",
    metadata,
    Column("episode_id", Integer, ForeignKey("episodes.id"), primary_key=True),
    Column("delivery_id", String(40), nullable=False),
    Column("method", String(10), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("told", JSON, nullable=False),
    Column("begun_at", Instant, nullable=False),
)
"""Posts that were begun and are not confirmed; at most one an episode."""

leases = Table(
    "leases",
    metadata,
    Column("channel", String(100), primary_key=True),
    Column("token", String(40), nullable=False),
    Column("until", Instant),
    Column("opens_at", Instant, nullable=False),
)
"""Who may call Slack about a channel, and when a channel may be called next (``leases``)."""

strays = Table(
    "strays",
    metadata,
    Column("delivery_id", String(40), primary_key=True),
    Column("channel", String(100), nullable=False),
    Column("channel_id", String(100)),
    Column("thread_ts", String(50)),
    Column("begun_at", Instant, nullable=False),
    Column("look_at", Instant, nullable=False),
)
"""Posts that were sent again because Slack did not have them: should one turn up late, it is deleted."""

acts = Table(
    "acts",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("episode_id", Integer, ForeignKey("episodes.id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("deed", String(20), nullable=False),
    Column("person_id", String(40)),
    Column("person_name", Text),
    Column("at", Instant, nullable=False),
    Column("outcome", String(10), nullable=False),
    Column("until", Instant),
    Column("silences", JSON, nullable=False),
    Column("step", Integer),
    Column("mention", JSON, nullable=False),
    Column("channel", String(100)),
    Column("note", Text, nullable=False),
    Column("not_before", Instant, nullable=False),
    Index("acts_of_episode", "episode_id", "key", unique=True),
    Index("acts_asked", "outcome", "not_before"),
    sqlite_autoincrement=True,
)
"""What was done about a message, by whom and when; one that is asked of Alertmanager waits until `not_before`."""

fallbacks = Table(
    "fallbacks",
    metadata,
    Column("episode_id", Integer, ForeignKey("episodes.id"), primary_key=True),
    Column("fingerprint", String(128), primary_key=True),
    Column("starts_at", Instant, primary_key=True),
    Column("over", Boolean, nullable=False),
)
"""Alerts that the fall-back was told of, because Slack did not show them; and whether it was told of their end."""

watchdogs = Table(
    "watchdogs",
    metadata,
    Column("fingerprint", String(128), primary_key=True),
    Column("heard_at", Instant, nullable=False),
)
"""The Watchdog alert that was heard last, and when: one row at most."""

VERSION = 9


def migrate(connection: Connection) -> None:
    """Bring the database to VERSION. Raises StoreError when a newer router has written it."""
    if not inspect(connection).has_table(schema_version.name):
        metadata.create_all(connection)
        connection.execute(schema_version.insert().values(version=VERSION))
        return
    found = connection.execute(select(schema_version.c.version)).scalar_one()
    if found > VERSION:
        raise StoreError(f"the store has schema {found}, this router knows {VERSION}: run the newer router")
    for version in range(found + 1, VERSION + 1):
        MIGRATIONS[version](connection)
    connection.execute(update(schema_version).values(version=VERSION))


def add_columns(*columns: Column[Any]) -> Callable[[Connection], None]:
    """Return the step that adds these columns; one that must not be null needs a server_default for the old rows."""

    def add(connection: Connection) -> None:
        for column in columns:
            definition = CreateColumn(column).compile(dialect=connection.dialect)
            connection.execute(text(f"ALTER TABLE {column.table.name} ADD COLUMN {definition}"))

    return add


def add_tables(*tables: Table) -> Callable[[Connection], None]:
    """Return the step that adds these tables."""
    return lambda connection: metadata.create_all(connection, tables)


def _traffic(connection: Connection) -> None:
    add_columns(episodes.c.stale_since, episodes.c.urgency, episodes.c.delayed)(connection)
    add_tables(leases, strays)(connection)
    connection.execute(update(episodes).values(stale_since=episodes.c.undelivered_since))


def _digests(connection: Connection) -> None:
    add_columns(episodes.c.digest_id)(connection)
    next(index for index in episodes.indexes if index.name == "episodes_of_digest").create(connection)


def _people(connection: Connection) -> None:
    columns = (episodes.c.opened_at, episodes.c.notice, episodes.c.held_until)
    add_columns(*columns)(connection)
    add_tables(acts)(connection)
    connection.execute(update(episodes).values(opened_at=episodes.c.since))


MIGRATIONS: Mapping[int, Callable[[Connection], None]] = {
    2: add_columns(alerts.c.suppressed, alerts.c.listed),
    3: _traffic,
    4: add_columns(episodes.c.chart, episodes.c.picture),
    5: add_columns(episodes.c.repeats, episodes.c.repeated_at, episodes.c.trace),
    6: _digests,
    7: _people,
    8: add_columns(episodes.c.held_zone),
    9: add_tables(fallbacks),
}
"""From version n-1 to n."""
