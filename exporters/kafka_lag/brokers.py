"""Connections to the brokers of one cluster.

aiokafka's connection and protocol classes are used below its client: the client serves one cluster-wide lock for
connecting (a dead broker delays all), refreshes metadata by itself and logs each failure of both.
"""

import asyncio
import logging
import time
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from aiokafka import errors

from exporters.errors import Reason, SourceError
from exporters.kafka_lag.call import Api, Call, ItemT, Sending, Versions
from exporters.kafka_lag.failures import connection_error
from exporters.kafka_lag.security.access import Access
from exporters.kafka_lag.security.connection import Connection
from exporters.kafka_lag.wire import UNREADABLE

ThingT = TypeVar("ThingT")

SLICE = 0.01
"""Seconds for which answers are decoded before others get their turn."""


REQUESTS_AT_ONCE = 8
"""A broker gets so many before it has answered the first."""


class Brokers:
    """At most one connection a broker, opened when it is needed and dropped when it fails."""

    def __init__(self, bootstrap: Sequence[str], patience: float, access: Access | None = None) -> None:
        """Connect to nothing yet.

        `bootstrap` are ``host:port``; a connect or a request may take `patience` seconds; `access` lets us in.
        """
        self._bootstrap = deque(bootstrap)
        self._patience = patience
        self._access = access or Access()
        self._open: dict[str, Connection] = {}
        self._opening: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._spoken: dict[str, Versions] = {}
        self._decoding = asyncio.Lock()
        self.requests: Counter[str] = Counter()
        """Requests sent since the start, by the name of their API."""
        self.received = 0
        """Bytes of all answers since the start."""
        # each failure becomes a SourceError; the connection's own log would repeat it at every read
        logging.getLogger("aiokafka.conn").setLevel(logging.CRITICAL)

    def speaks(self, address: str, api: Api) -> int | None:
        """Version of `api` that the broker at `address` was found to speak when it was last asked; None without one."""
        return api.agreed(self._spoken.get(address, {}))

    async def ask(self, address: str, call: Call[ItemT]) -> list[ItemT]:
        """Send `call` to the broker at `address` and give its whole answer. Raises SourceError."""
        items: list[ItemT] = []
        await self.read(address, call, items.append)
        return items

    async def read(self, address: str, call: Call[ItemT], take: Callable[[ItemT], None]) -> None:
        """Send `call` to the broker at `address` and `take` each item of its answer, letting others work in between.

        Raises SourceError; when the connection failed it is gone then, and the next call opens another.
        """
        answer = await self._send(address, call)
        try:
            await self._decode(answer, take)
        except UNREADABLE as error:
            what = f"{address}: answer to {call.api.name} can't be read: {error}"
            raise SourceError(Reason.INVALID_ANSWER, what) from error

    async def read_all(self, address: str, calls: Iterable[Call[ItemT]], take: Callable[[ItemT], None]) -> None:
        """Send `calls`, some at once, and `take` each item of their answers. Raises SourceError, the first of any."""
        for some in parts(list(calls), REQUESTS_AT_ONCE):
            await together(*(self.read(address, call, take) for call in some))

    async def ask_any(self, call: Call[ItemT]) -> list[ItemT]:
        """Send `call` to a broker that answers: a connected one if there is any, else one of the bootstrap servers.

        Raises SourceError with what each of them said when none does.
        """
        failures: dict[str, SourceError] = {}
        for address in dict.fromkeys([*self._open, *self._bootstrap]):
            try:
                return await self.ask(address, call)
            except SourceError as failure:
                failures[failure.message] = failure
                # the next read begins with another, should the deadline come before all were tried
                self._bootstrap.rotate(-1)
        raise SourceError(list(failures.values())[-1].reason, "; ".join(failures))

    def renew(self, seconds: float) -> None:
        """Close the connections whose sessions may end within `seconds`. Nothing must be under way."""
        for address in [address for address, connection in self._open.items() if connection.ends_within(seconds)]:
            self.drop(address)

    def drop(self, address: str) -> None:
        """Close the connection to a broker: it has not answered in time, or another shall be opened."""
        if connection := self._open.pop(address, None):
            connection.close()

    async def close(self) -> None:
        """Close every connection and wait until the sockets are closed."""
        closing = [connection.close() for connection in self._open.values()]
        self._open.clear()
        await self._access.close()
        await asyncio.gather(*closing)

    async def _send(self, address: str, call: Call[ItemT]) -> Iterator[ItemT]:
        sending = Sending(call)
        connection = await self._connection(address)
        self.requests[call.api.name] += 1
        try:
            answer: Iterator[ItemT] = await connection.send(sending)
        except (OSError, errors.KafkaError, NotImplementedError) as error:
            self._drop(address, connection)
            raise connection_error(address, error) from error
        self.received += sending.received
        self._spoken[address] = sending.spoken
        return answer

    async def _decode(self, answer: Iterator[ItemT], take: Callable[[ItemT], None]) -> None:
        # one after the other: ten brokers' answers at once would make ten slices in a row
        async with self._decoding:
            until = time.perf_counter() + SLICE
            for item in answer:
                take(item)
                if time.perf_counter() > until:
                    await asyncio.sleep(0)
                    until = time.perf_counter() + SLICE

    async def _connection(self, address: str) -> Connection:
        async with self._opening[address]:
            connection = self._open.get(address)
            if connection is not None and not connection.connected():
                # a broker that has left would else be asked first for metadata, and waited for, at every read
                self._drop(address, connection)
                connection = None
            if connection is None:
                connection = self._open[address] = await self._access.connect(address, self._patience)
            return connection

    def _drop(self, address: str, connection: Connection) -> None:
        connection.close()
        if self._open.get(address) is connection:
            del self._open[address]


def parts(things: Sequence[ThingT], size: int) -> Iterator[Sequence[ThingT]]:
    """Cut what is to be asked for into what one request asks for."""
    return (things[start : start + size] for start in range(0, len(things), size))


async def together(*work: Awaitable[None]) -> None:
    """Wait for all of `work`, then raise the first error of any."""
    for outcome in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
