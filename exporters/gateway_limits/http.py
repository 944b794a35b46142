"""One gateway over HTTP: what it answers, whole and of the expected kind, or a SourceError that says what came.

By aiohttp, whose parser of HTTP is compiled: with a thousand gateways most of a collection is HTTP.
"""

import functools
import json
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from exporters.errors import Reason, SourceError
from exporters.prometheus_text import Reader, Sample, TextError, Vocabulary

MEGABYTE = 1024 * 1024


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Read once: a context of its own for each of a thousand gateways would cost 15 ms and a megabyte each."""
    return ssl.create_default_context()


class Http:
    """A connection to one gateway. The caller has the deadline."""

    def __init__(self) -> None:
        """Connect to nothing yet."""
        self._opened: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connection."""
        if self._opened:
            await self._opened.close()

    async def counts(
        self, url: str, vocabulary: Vocabulary, *, most: int, params: Mapping[str, str] | None = None
    ) -> list[Sample]:
        """Ask for Prometheus' text format; what is wanted of it are counts, whole and not negative."""
        reader = Reader(vocabulary)
        try:
            async with self._answer(url, params, "text/plain;version=0.0.4") as response:
                async for chunk in _chunks(response, url, most):
                    reader.feed(chunk)
            samples = reader.close()
        except TextError as error:
            raise failed(Reason.INVALID_ANSWER, url, f"{error}") from error
        for sample in samples:
            if not (sample.value >= 0 and sample.value.is_integer()):
                raise failed(Reason.INVALID_ANSWER, url, f"{sample.name[:100]} counts {sample.value}")
        return samples

    async def text(self, url: str, *, most: int) -> str:
        """Ask for text."""
        async with self._answer(url, None, "text/plain") as response:
            body = b"".join([chunk async for chunk in _chunks(response, url, most)])
        try:
            return body.decode()
        except ValueError as error:
            raise failed(Reason.INVALID_ANSWER, url, "not UTF-8 text") from error

    async def json(self, url: str, *, most: int) -> Any:
        """Ask for JSON."""
        text = await self.text(url, most=most)
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise failed(Reason.INVALID_ANSWER, url, f"not JSON: {error}") from error

    async def headers(self, url: str) -> Mapping[str, str]:
        """Headers of the answer to one request, whatever its status, found by names in any case; the body is left."""
        async with self._answer(url, None, "*/*", any_status=True) as response:
            return response.headers

    @property
    def _session(self) -> aiohttp.ClientSession:
        # aiohttp wants to be within the loop. A proxy named in the environment is not asked: it is not meant for a
        # gateway's own interface. Compressing would cost the gateway more CPU than the bytes are worth.
        if self._opened is None:
            self._opened = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=_certificates(), limit=1),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                auto_decompress=False,
                headers={"accept-encoding": "identity"},
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._opened

    @asynccontextmanager
    async def _answer(
        self, url: str, params: Mapping[str, str] | None, accept: str, any_status: bool = False
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {"accept": accept}
        try:
            async with self._session.get(url, params=params, headers=headers, allow_redirects=False) as response:
                if not any_status:
                    check_status(response.status, url)
                yield response
        except aiohttp.InvalidURL as error:
            raise failed(Reason.INVALID_ANSWER, url, "is no URL that can be asked") from error
        except (aiohttp.ClientPayloadError, aiohttp.ClientResponseError) as error:
            raise failed(Reason.INVALID_ANSWER, url, f"{error}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise failed(Reason.UNREACHABLE, url, f"{error or type(error).__name__}") from error


async def _chunks(response: aiohttp.ClientResponse, url: str, most: int) -> AsyncIterator[bytes]:
    length = 0
    async for chunk in response.content.iter_any():
        length += len(chunk)
        if length > most:
            raise failed(Reason.INVALID_ANSWER, url, f"answer is larger than {most} bytes")
        yield chunk


def failed(reason: Reason, url: str, text: str) -> SourceError:
    """Make the error of what was asked; a password in `url` is not told."""
    return SourceError(reason, f"{re.sub('//[^/]*@', '//', url)}: {text}")


def check_status(status: int, url: str) -> None:
    """Raise SourceError unless `status` is 200."""
    if status in (401, 403):
        raise failed(Reason.REFUSED, url, f"answered {status}")
    if status >= 500:
        raise failed(Reason.UNREACHABLE, url, f"answered {status}")
    if status != 200:
        raise failed(Reason.INVALID_ANSWER, url, f"answered {status}")


def expect(samples: list[Sample], url: str, owner: str) -> None:
    """Raise SourceError when an answer has none of what `owner` always has: it is some other program's."""
    if not samples:
        raise failed(Reason.INVALID_ANSWER, url, f"holds no metric of {owner}")
