"""One request of the Kafka protocol on aiokafka's connection: its version, its bytes, its answer's bytes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Generic, Self, TypeVar

from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.api import RequestHeader_v1, RequestHeader_v2, ResponseHeader_v0, ResponseHeader_v1

from exporters.kafka_lag.wire import Reader, Writer

ItemT = TypeVar("ItemT")

Versions = Mapping[int, tuple[int, int]]
"""Oldest and newest version that a broker speaks, by the key of the request (its answer to ApiVersions)."""

LENGTH_FIELD = 4


@dataclass(frozen=True)
class Api:
    """One kind of request; the layouts of its versions before `flexible` and from there on differ as wire.py says."""

    name: str
    key: int
    versions: tuple[int, ...]
    """Those that are known here, oldest first."""
    flexible: int
    """Version from which its layout is flexible (KIP-482)."""

    def agreed(self, spoken: Versions) -> int | None:
        """Newest version that both sides know, None without one."""
        oldest, newest = spoken.get(self.key, (0, -1))
        return max((version for version in self.versions if oldest <= version <= newest), default=None)


@dataclass(frozen=True)
class Call(Generic[ItemT]):
    """A request: how its body is written and its answer read, in a given version."""

    api: Api
    write: Callable[[int, Writer], None]
    read: Callable[[int, Reader], Iterator[ItemT]]


class Sending(Generic[ItemT]):
    """One sending of a call, in the three roles that aiokafka's connection asks for: request, struct, answer's type.

    The connection would decode a whole answer at once; here it gets an iterator back, and nothing is decoded yet.
    """

    def __init__(self, call: Call[ItemT]) -> None:
        """Nothing is agreed on yet."""
        self.spoken: Versions = {}
        self.received = 0
        """Bytes of the answer."""
        self._call = call
        self.API_KEY = call.api.key
        self.API_VERSION = -1

    @property
    def RESPONSE_TYPE(self) -> Self:
        """What decodes the answer."""
        return self

    def prepare(self, spoken: Versions) -> Self:
        """Settle the version. Raises IncompatibleBrokerVersion when the broker speaks none that is known."""
        api = self._call.api
        version = api.agreed(spoken)
        if version is None:
            oldest, newest = spoken.get(api.key, (None, None))
            raise IncompatibleBrokerVersion(
                f"{api.name}: the broker speaks versions {oldest} to {newest}, known here are {api.versions}"
            )
        self.spoken, self.API_VERSION = spoken, version
        return self

    def build_request_header(self, correlation_id: int, client_id: str) -> RequestHeader_v1 | RequestHeader_v2:
        """Make the header of the version that was settled."""
        header = RequestHeader_v2 if self._flexible else RequestHeader_v1
        return header(self, correlation_id=correlation_id, client_id=client_id)

    def encode(self) -> bytes:
        """Write the body."""
        body = Writer(self._flexible)
        self._call.write(self.API_VERSION, body)
        return bytes(body)

    def parse_response_header(self, answer: BytesIO) -> ResponseHeader_v0 | ResponseHeader_v1:
        """Read the answer's header."""
        return ResponseHeader_v1.decode(answer) if self._flexible else ResponseHeader_v0.decode(answer)

    def decode(self, answer: BytesIO) -> Iterator[ItemT]:
        """Begin to read the answer behind its header."""
        data = answer.getvalue()
        self.received = len(data) + LENGTH_FIELD
        return self._items(Reader(data, answer.tell(), self._flexible))

    def _items(self, answer: Reader) -> Iterator[ItemT]:
        yield from self._call.read(self.API_VERSION, answer)
        answer.finish()

    @property
    def _flexible(self) -> bool:
        return self._call.api.flexible <= self.API_VERSION
