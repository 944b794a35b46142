"""One GET with aiohttp, its failures as SourceErrors: what the sources that speak HTTP share."""

import json
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any

import aiohttp

from exporters.errors import Reason, SourceError

GZIP = zlib.MAX_WBITS | 16
PIECE = 4 * 1024
"""Bytes that are unpacked at a time; they may become a thousand times as many."""


class StatusError(SourceError):
    """Something else than 200 was answered; `status` says what."""

    def __init__(self, status: int, where: str, body: bytes = b"") -> None:
        """`where` is the URL or path for the message; of `body` the first line is shown."""
        self.status = status
        text = body.decode(errors="replace").strip().splitlines()
        super().__init__(_reason(status), f"{where}: answered {status}" + (f": {text[0][:200]}" if text else ""))


def _reason(status: int) -> Reason:
    if status in (401, 403):
        return Reason.REFUSED
    return Reason.UNREACHABLE if status == 429 or status >= 500 else Reason.INVALID_ANSWER


@asynccontextmanager
async def answer(
    session: aiohttp.ClientSession,
    url: str,
    where: str,
    parameters: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    tls: SSLContext | bool = True,
) -> AsyncIterator[aiohttp.ClientResponse]:
    """Give the answer to a GET once its head is there; raises SourceError, also for what fails within the block."""
    try:
        async with session.get(url, params=parameters, headers=headers, ssl=tls, allow_redirects=False) as response:
            if response.status != 200:
                raise StatusError(response.status, where, await response.content.read(4096))
            yield response
    except aiohttp.ClientConnectorCertificateError as error:
        raise SourceError(Reason.REFUSED, f"{where}: {error.certificate_error}") from error
    except (aiohttp.ClientConnectionError, OSError) as error:
        cause = getattr(error, "os_error", error)
        reason = Reason.REFUSED if isinstance(cause, PermissionError) else Reason.UNREACHABLE
        text = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
        raise SourceError(reason, f"{where}: {text}") from error
    except aiohttp.ClientPayloadError as error:
        raise SourceError(Reason.INVALID_ANSWER, f"{where}: answer is cut") from error
    except (aiohttp.ClientError, ValueError) as error:
        raise SourceError(Reason.INVALID_ANSWER, f"{where}: {error or type(error).__name__}") from error


@dataclass(frozen=True)
class Body:
    """An answer as it came."""

    content: bytes
    packed: bool
    limit: int
    where: str

    def chunks(self) -> Iterator[bytes]:
        """Unpack it, some hundred kilobytes at a time: a long text never stands in memory as a whole.

        Raises SourceError when it is larger than its limit, or is no gzip though it says so.
        """
        if not self.packed:
            yield self.content
            return
        unpacking, length = zlib.decompressobj(GZIP), 0
        try:
            for start in range(0, len(self.content), PIECE):
                chunk = unpacking.decompress(self.content[start : start + PIECE])
                length += len(chunk)
                if length > self.limit:
                    raise _too_large(self.where, self.limit)
                yield chunk
        except zlib.error as error:
            raise SourceError(Reason.INVALID_ANSWER, f"{self.where}: not gzip, as it says: {error}") from error
        if not unpacking.eof:
            raise SourceError(Reason.INVALID_ANSWER, f"{self.where}: answer is cut")

    def whole(self) -> bytes:
        """Unpack all of it at once; raises SourceError as `chunks` does."""
        return b"".join(self.chunks())


async def body(response: aiohttp.ClientResponse, limit: int, where: str) -> Body:
    """Read a whole answer; raises SourceError when it is larger than `limit` bytes.

    The session must not unpack by itself: that would have no limit.
    """
    parts, length = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        length += len(part)
        if length > limit:
            raise _too_large(where, limit)
    return Body(b"".join(parts), response.headers.get("content-encoding") == "gzip", limit, where)


def parsed(text: bytes, where: str) -> Any:
    """Read JSON; raises SourceError when it is none, or nested too deep to be read."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(Reason.INVALID_ANSWER, f"{where}: not JSON: {error}") from error


def _too_large(where: str, limit: int) -> SourceError:
    return SourceError(Reason.INVALID_ANSWER, f"{where}: answer is larger than {limit} bytes")
