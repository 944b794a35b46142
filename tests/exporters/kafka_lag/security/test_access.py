"""Connections that are let in, or not, by brokers that do what real ones seldom do."""

import asyncio
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from exporters.errors import Reason, SourceError
from exporters.kafka_lag.security.access import Access
from exporters.kafka_lag.security.config import Sasl, Tls
from exporters.kafka_lag.security.connection import Connection

PLAIN = {"mechanism": "PLAIN", "username": "exporter", "password": "secret"}
SCRAM = {**PLAIN, "mechanism": "SCRAM-SHA-256"}
BEARER = {"mechanism": "OAUTHBEARER", "token": {"command": ("echo", "t")}}


def authenticated(data: bytes = b"", lifetime: int = 0, error: int = 0, message: bytes = b"") -> bytes:
    """Answer to SaslAuthenticate 1; without its last eight bytes, to version 0."""
    text = struct.pack(">h", len(message)) + message
    return struct.pack(">h", error) + text + struct.pack(">i", len(data)) + data + struct.pack(">q", lifetime)


@asynccontextmanager
async def connected(
    address: str, tls: dict[str, Any] | None = None, sasl: dict[str, Any] | None = None, patience: float = 10
) -> AsyncIterator[Connection]:
    access = Access(
        None if tls is None else Tls.model_validate(tls), None if sasl is None else Sasl.model_validate(sasl)
    )
    try:
        connection = await access.connect(address, patience)
        try:
            yield connection
        finally:
            await connection.close()
    finally:
        await access.close()


async def failure(address: str, **settings: Any) -> tuple[Reason, str]:
    """The reason and the message of a connection that does not come about."""
    with pytest.raises(SourceError) as caught:
        async with connected(address, **settings):
            pass
    return caught.value.reason, caught.value.message.removeprefix(f"{address}: ")


@pytest.mark.parametrize(("lifetime", "ended", "lasting"), [(100_000, 85.0, 80.0), (1, 0.001, None), (0, 1e9, 1e9)])
async def test_the_session_ends_when_the_broker_says(
    doorman: Any, lifetime: int, ended: float, lasting: float | None
) -> None:
    """The last seventh of it is left to opening another; 0 is for ever."""
    async with (
        doorman(authenticated(lifetime=lifetime)) as address,
        connected(address, sasl=PLAIN) as connection,
    ):
        assert connection.ends_within(ended) is (lifetime > 0)
        assert lasting is None or not connection.ends_within(lasting)


async def test_a_broker_that_does_not_tell_of_sessions(doorman: Any) -> None:
    """Before Kafka 2.2 there was no end of a session."""
    async with (
        doorman(authenticated()[:-8], newest=0) as address,
        connected(address, sasl=BEARER) as connection,
    ):
        assert not connection.ends_within(1e9)


@pytest.mark.parametrize(
    ("sasl", "answer"),
    [
        (PLAIN, authenticated(b"what?")),
        (SCRAM, authenticated(b"")),
        (SCRAM, authenticated(b"r=of-someone-else,s=c2FsdA==,i=4096")),
        (SCRAM, authenticated(b"\xff")),
    ],
    ids=["PLAIN", "empty", "other nonce", "not UTF-8"],
)
async def test_an_answer_that_is_none_of_sasl(doorman: Any, sasl: dict[str, Any], answer: bytes) -> None:
    """The broker may be no broker: it gets no further word."""
    async with doorman(answer) as address:
        reason, message = await failure(address, sasl=sasl)
    assert reason == Reason.INVALID_ANSWER
    assert message.startswith("its answer to SASL can't be read: ")


async def test_extensions_go_with_the_token(doorman: Any) -> None:
    """As RFC 7628, 3.1 and KIP-342 write them."""
    heard: list[bytes] = []
    extensions = {"logicalCluster": "lkc-1", "identityPoolId": "pool-2"}
    sasl = {"mechanism": "OAUTHBEARER", "token": {"command": ("echo", "t"), "extensions": extensions}}
    async with doorman(authenticated(), heard=heard) as address, connected(address, sasl=sasl):
        assert heard == [b"n,,\x01auth=Bearer t\x01logicalCluster=lkc-1\x01identityPoolId=pool-2\x01\x01"]


async def test_what_a_broker_tells_is_cut(doorman: Any) -> None:
    """A page is no place for a broker's novel."""
    async with doorman(authenticated(error=58, message=b"no " * 1000)) as address:
        reason, message = await failure(address, sasl=PLAIN)
    assert reason == Reason.REFUSED
    assert message.startswith("the broker does not let 'exporter' in: no no no")
    assert len(message) < 400


async def test_a_refusal_is_waited_for(doorman: Any) -> None:
    """Brokers hold it back, to slow down who guesses; it must not look like a broker that hangs."""
    async with doorman(authenticated(error=58, message=b"no"), delay=0.2) as address:
        reason, _message = await failure(address, sasl=PLAIN, patience=0.1)
    assert reason == Reason.REFUSED


async def test_an_expired_certificate_of_the_broker(serve_tls: Any, tmp_path: Path) -> None:
    """Of the right authority, and too old."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with serve_tls(authority.issue_cert("localhost", not_after=datetime(2020, 1, 1, tzinfo=UTC))) as port:
        assert await failure(f"localhost:{port}", tls={"ca_file": tmp_path / "ca.pem"}) == (
            Reason.REFUSED,
            "the broker's certificate is not trusted: certificate has expired; see to it or to tls.ca_file",
        )


async def test_tls_at_a_port_that_says_something_else() -> None:
    """A web server, say."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert await failure(address, tls={}) == (
            Reason.INVALID_ANSWER,
            "it closed the connection instead of a TLS handshake: is this its TLS port? Without TLS leave out tls",
        )


async def test_tls_at_a_port_that_says_nothing() -> None:
    """The patience of a connection holds for the handshake too."""
    done = asyncio.Event()

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await done.wait()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert await failure(address, tls={}, patience=0.2) == (Reason.TIMEOUT, "no answer in time")
        done.set()


async def test_no_token_no_connection() -> None:
    """The broker is not even asked; the message is the issuer's."""
    sasl = {"mechanism": "OAUTHBEARER", "token": {"command": ("false",)}}
    assert await failure("127.0.0.1:1", sasl=sasl) == (
        Reason.REFUSED,
        "token command false: ended with exit code 1; its own words are in the exporter's log",
    )


async def test_a_slow_token_is_there_for_a_later_connection(doorman: Any, tmp_path: Path) -> None:
    """A command may take longer than a collection has: it is neither ended nor begun anew by that."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    sasl = Sasl.model_validate({"mechanism": "OAUTHBEARER", "token": {"command": ("cat", str(pipe)), "timeout": 60}})
    access = Access(sasl=sasl)
    heard: list[bytes] = []
    try:
        async with doorman(authenticated(), heard=heard) as address:
            for _ in range(2):
                with pytest.raises(SourceError, match="no token yet from the token command") as caught:
                    await access.connect(address, patience=0.05)
                assert caught.value.reason == Reason.TIMEOUT
            await asyncio.to_thread(pipe.write_text, "t1")
            connection = await access.connect(address, patience=10)
            await connection.close()
    finally:
        await access.close()
    assert heard == [b"n,,\x01auth=Bearer t1\x01\x01"]


async def test_closing_ends_a_token_command(tmp_path: Path) -> None:
    """Nothing is left behind when the exporter stops."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    sasl = Sasl.model_validate({"mechanism": "OAUTHBEARER", "token": {"command": ("cat", str(pipe)), "timeout": 60}})
    access = Access(sasl=sasl)
    with pytest.raises(SourceError, match="no token yet"):
        await access.connect("127.0.0.1:1", patience=0.05)
    await access.close()
    # a pipe that nobody reads can't be opened for writing
    with pytest.raises(OSError, match="No such device or address"):
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
