"""The database: an SQLite file for one router, PostgreSQL for several; one transaction a call, each in a thread.

SQLite runs in WAL mode with ``synchronous=FULL``: a commit is on disk when it returns, also for a power cut. It has one
connection, so its transactions follow one another. PostgreSQL has a few, and what must not happen twice at once takes
a lock of its own (``locked``). Its commits are synchronous whatever the server's default is.
"""

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from pydantic import SecretStr
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from alerting.errors import StoreError
from alerting.store.schema import migrate

P = ParamSpec("P")
T = TypeVar("T")

POSTGRESQL = "postgresql://"
"""What the address of a PostgreSQL database begins with; anything else is a path."""

POSTGRESQL_CONNECTIONS = 4
"""Of one router. Webhooks are committed together, so few are enough."""

POSTGRESQL_OPTIONS = "-c synchronous_commit=on -c statement_timeout=10000 -c idle_in_transaction_session_timeout=10000"
"""Milliseconds. A router that was stopped in the middle of a transaction holds its locks for no longer."""


class Store:
    """The router's database. Make it with ``open_store``. Several routers may have one that is `shared`."""

    def __init__(self, engine: Engine, connections: int, on_failure: Callable[[], None]) -> None:
        """Use the engine from `connections` threads; `on_failure` is called when a transaction was not kept."""
        self._engine = engine
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="store")
        self._on_failure = on_failure
        self.shared = engine.dialect.name == "postgresql"

    async def run(self, work: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs) -> T:
        """Run `work` with a connection, as one transaction. Raises StoreError when it was not kept.

        What was begun ends, also when the caller is cancelled: a connection is never left half-way.
        """
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._threads, lambda: self._transact(work, *arguments, **named))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            raise

    def _transact(self, work: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs) -> T:
        try:
            with self._engine.begin() as connection:
                return work(connection, *arguments, **named)
        except SQLAlchemyError as error:
            self._on_failure()
            cause = str(getattr(error, "orig", None) or error).strip()
            raise StoreError(f"the store failed: {cause}") from error

    async def close(self) -> None:
        """Close the database."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._engine.dispose)
        self._threads.shutdown()


async def open_store(
    address: str, password: SecretStr | None = None, on_failure: Callable[[], None] = lambda: None
) -> Store:
    """Open the database at `address`, a path or ``postgresql://…``; make and migrate its tables. Raises StoreError."""
    engine, connections = _postgresql(address, password) if address.startswith(POSTGRESQL) else _sqlite(Path(address))
    store = Store(engine, connections, on_failure)
    try:
        await store.run(_migrate)
    except StoreError:
        await store.close()
        raise
    return store


def locked(connection: Connection, names: Iterable[str]) -> None:
    """Let no other transaction that names one of these run until this one ends; SQLite lets none run anyway."""
    if connection.dialect.name == "postgresql":
        for key in sorted({_key(name) for name in names}):  # sorted: two that name the same never wait for each other
            connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": key})


def _key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


def _migrate(connection: Connection) -> None:
    locked(connection, ["schema"])
    migrate(connection)


def _postgresql(address: str, password: SecretStr | None) -> tuple[Engine, int]:
    url = make_url(address).set(drivername="postgresql+psycopg")
    if password:
        url = url.set(password=password.get_secret_value())
    engine = create_engine(
        url,
        pool_size=POSTGRESQL_CONNECTIONS,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 5, "options": POSTGRESQL_OPTIONS},
        hide_parameters=True,
    )
    return engine, POSTGRESQL_CONNECTIONS


def _sqlite(path: Path) -> tuple[Engine, int]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{path.parent} can't be made: {error.strerror}") from error
    engine = create_engine(f"sqlite:///{os.fspath(path)}", pool_size=1, max_overflow=0, hide_parameters=True)
    event.listen(engine, "connect", _durable)
    event.listen(engine, "begin", _alone)
    return engine, 1


def _durable(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # or sqlite3 would begin by itself, and later than it should
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _alone(connection: Connection) -> None:
    """Take the write lock at once: what a transaction reads holds until it ends, also when another process writes."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
