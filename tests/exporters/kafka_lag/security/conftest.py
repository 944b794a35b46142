"""A port that speaks TLS and nothing behind it, and one that speaks as much of Kafka as letting in takes."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
import trustme

ServeTls = Callable[[trustme.LeafCert], AbstractAsyncContextManager[int]]
MakeDoorman = Callable[..., AbstractAsyncContextManager[str]]

VERSIONS = struct.pack(">hi", 0, 3) + struct.pack(">hhhhhh", 17, 0, 1, 18, 0, 0)


@pytest.fixture
def serve_tls() -> ServeTls:
    """``async with serve_tls(certificate) as port``: shakes hands, reads a little and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    @asynccontextmanager
    async def run(certificate: trustme.LeafCert) -> AsyncIterator[int]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
            yield server.sockets[0].getsockname()[1]

    return run


async def reply(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Callable[[bytes], bytes], delay: float = 0
) -> bytes:
    """Read one request and answer it, given its body, which is returned."""
    (size,) = struct.unpack(">i", await reader.readexactly(4))
    request = await reader.readexactly(size)
    _key, _version, correlation, client = struct.unpack(">hhih", request[:10])
    asked = request[10 + client :]
    await asyncio.sleep(delay)
    body = correlation.to_bytes(4) + answer(asked)
    writer.write(struct.pack(">i", len(body)) + body)
    return asked


@pytest.fixture
def doorman() -> MakeDoorman:
    """``async with doorman(answer, …) as address``: a broker that has its answers to SaslAuthenticate ready.

    `newest` is the newest version of it that the broker knows; `heard` gets what was sent with it; `delay` seconds pass
    before each answer to it. It takes any mechanism, and nobody beyond the door.
    """

    @asynccontextmanager
    async def run(
        *answers: bytes, newest: int = 1, heard: list[bytes] | None = None, delay: float = 0
    ) -> AsyncIterator[str]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reply(reader, writer, lambda _: VERSIONS + struct.pack(">hhh", 36, 0, newest))
            await reply(reader, writer, lambda mechanism: struct.pack(">hi", 0, 1) + mechanism)
            for answer in answers:
                told = await reply(reader, writer, lambda _, answer=answer: answer, delay)
                if heard is not None:
                    heard.append(told[4:])
            await reader.read()
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"

    return run
