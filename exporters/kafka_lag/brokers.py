"""Connections to the brokers of one cluster, and what their errors mean.

aiokafka's connection and protocol classes are used below its client: the client serves one cluster-wide lock for
connecting (a dead broker delays all), refreshes metadata by itself and logs each failure of both.
"""

import asyncio
import logging
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence

from aiokafka import errors
from aiokafka.conn import AIOKafkaConnection, create_conn

from exporters.errors import Reason, SourceError
from exporters.kafka_lag.call import Api, Call, ItemT, Sending, Versions
from exporters.kafka_lag.wire import UNREADABLE

CLIENT_ID = "bongsu-kafka-lag"

REFUSALS = (
    errors.AuthenticationFailedError,
    errors.AuthenticationMethodNotSupported,
    errors.ClusterAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.IllegalSaslStateError,
    errors.SaslAuthenticationFailed,
    errors.TopicAuthorizationFailedError,
    errors.UnsupportedSaslMechanismError,
)
MISUNDERSTANDINGS = (
    errors.IncompatibleBrokerVersion,
    errors.InvalidRequestError,
    errors.KafkaProtocolError,
    errors.UnrecognizedBrokerVersion,
    errors.UnsupportedVersionError,
    NotImplementedError,  # aiokafka has no version of the request that the broker still knows
)


SLICE = 0.01
"""Seconds for which answers are decoded before others get their turn."""


class Brokers:
    """At most one connection a broker, opened when it is needed and dropped when it fails."""

    def __init__(self, bootstrap: Sequence[str], patience: float) -> None:
        """Connect to nothing yet. `bootstrap` are ``host:port``; a connect or a request may take `patience` seconds."""
        self._bootstrap = deque(bootstrap)
        self._patience_ms = int(patience * 1000)
        self._open: dict[str, AIOKafkaConnection] = {}
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
        except errors.KafkaError as error:
            raise SourceError(_reason(error), f"{address}: {call.api.name}: {type(error).__name__}") from error

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

    def drop(self, address: str) -> None:
        """Close the connection to a broker that has not answered in time."""
        if connection := self._open.pop(address, None):
            connection.close()

    async def close(self) -> None:
        """Close every connection and wait until the sockets are closed."""
        closing = [connection.close() for connection in self._open.values()]
        self._open.clear()
        await asyncio.gather(*closing)

    async def _send(self, address: str, call: Call[ItemT]) -> Iterator[ItemT]:
        sending = Sending(call)
        try:
            connection = await self._connection(address)
        except (OSError, errors.KafkaError, NotImplementedError) as error:
            raise connection_error(address, error) from error
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

    async def _connection(self, address: str) -> AIOKafkaConnection:
        async with self._opening[address]:
            connection = self._open.get(address)
            if connection is None or not connection.connected():
                host, _, port = address.rpartition(":")
                connection = await create_conn(
                    host.strip("[]"), int(port), client_id=CLIENT_ID, request_timeout_ms=self._patience_ms
                )
                self._open[address] = connection
            return connection

    def _drop(self, address: str, connection: AIOKafkaConnection) -> None:
        connection.close()
        if self._open.get(address) is connection:
            del self._open[address]


def connection_error(address: str, error: Exception) -> SourceError:
    """Say what an error of the connection to `address` means."""
    # aiokafka wraps what ended a connection; an answer that can't be decoded is among it
    cause = error.__cause__
    if isinstance(error, errors.KafkaConnectionError) and not isinstance(cause, OSError | EOFError | None):
        return SourceError(Reason.INVALID_ANSWER, f"{address}: answer can't be read: {cause!r}")
    if isinstance(error, TimeoutError):
        return SourceError(Reason.TIMEOUT, f"{address}: no answer in time")
    if isinstance(error, ConnectionRefusedError):
        return SourceError(Reason.UNREACHABLE, f"{address}: connection refused")
    return SourceError(_reason(error), f"{address}: {error}")


def answered_error(address: str, what: str, code: int) -> SourceError:
    """Say what the error `code` in an answer from `address` means; `what` was asked for."""
    error = errors.for_code(code)()
    return SourceError(_reason(error), f"{address}: {what}: {type(error).__name__}")


def _reason(error: Exception) -> Reason:
    if isinstance(error, REFUSALS):
        return Reason.REFUSED
    if isinstance(error, MISUNDERSTANDINGS):
        return Reason.INVALID_ANSWER
    if isinstance(error, errors.RequestTimedOutError | errors.KafkaTimeoutError):
        return Reason.TIMEOUT
    return Reason.UNREACHABLE
