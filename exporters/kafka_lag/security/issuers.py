"""What hands out tokens: a command, or an OAuth 2 token endpoint for client credentials (RFC 6749, 4.4)."""

import asyncio
import os
import signal
import ssl
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from urllib.parse import quote

import httpx

from exporters.errors import Reason, SourceError
from exporters.kafka_lag.security import credentials
from exporters.kafka_lag.security.config import TokenSettings
from exporters.kafka_lag.security.tokens import Fetch, Token, read

MOST_BYTES = 256 * 1024
"""What prints or answers more hands out no token."""


def issuer(settings: TokenSettings, now: Callable[[], float] = time.time) -> Fetch:
    """Make what fetches one token as the settings say. It raises SourceError, which names the issuer and no secret."""

    async def fetch() -> Token:
        name, asked = _name(settings), now()
        try:
            async with asyncio.timeout(settings.timeout):
                answer = await (_run(settings.command) if settings.command else _post(settings))
            return read(answer, asked)
        except TimeoutError as error:
            raise SourceError(Reason.TIMEOUT, f"{name}: no token within {settings.timeout:g} s") from error
        except SourceError as error:
            raise SourceError(error.reason, f"{name}: {error.message}") from error
        except ValueError as error:
            raise SourceError(Reason.INVALID_ANSWER, f"{name}: {error}") from error

    return fetch


def _name(settings: TokenSettings) -> str:
    # neither arguments nor a query, which may hold secrets
    if settings.command:
        return f"token command {settings.command[0]}"
    return f"token endpoint {settings.endpoint_url}".partition("?")[0]


async def _run(command: Sequence[str]) -> bytes:
    """Give what the command prints; what it writes to its standard error goes to ours."""
    try:
        # a session of its own: what the command started ends with it
        process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE, start_new_session=True)
    except OSError as error:
        raise SourceError(Reason.REFUSED, f"can't be run: {error.strerror}") from error
    try:
        printed = await _printed(process)
        code = await process.wait()
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    if code:
        raise SourceError(Reason.REFUSED, f"ended with exit code {code}; its own words are in the exporter's log")
    return printed


async def _printed(process: Process) -> bytes:
    assert process.stdout is not None
    try:
        await process.stdout.readexactly(MOST_BYTES)
    except asyncio.IncompleteReadError as error:
        return error.partial
    raise SourceError(Reason.INVALID_ANSWER, f"prints more than {MOST_BYTES} bytes")


async def _post(settings: TokenSettings) -> bytes:
    form = {"grant_type": "client_credentials"} | ({"scope": settings.scope} if settings.scope else {})
    try:
        secret, context = await asyncio.to_thread(_credentials, settings)
    except ValueError as error:
        raise SourceError(Reason.REFUSED, str(error)) from error
    # both are encoded before they are joined: RFC 6749, 2.3.1
    basic = httpx.BasicAuth(quote(settings.client_id or "", safe=""), quote(secret, safe=""))
    url = httpx.URL(settings.endpoint_url or "")
    try:
        async with (
            # the caller has the deadline
            httpx.AsyncClient(verify=context, timeout=None, trust_env=not _on_loopback(url.host)) as client,
            client.stream("POST", url, data=form, auth=basic) as response,
        ):
            return await _answer(response)
    except httpx.RequestError as error:
        garbled = isinstance(error, httpx.RemoteProtocolError | httpx.DecodingError)
        reason = Reason.INVALID_ANSWER if garbled else Reason.UNREACHABLE
        raise SourceError(reason, f"{error or type(error).__name__}") from error


def _on_loopback(host: str) -> bool:
    # a proxy that the environment names would look for it on its own machine
    return host in ("localhost", "::1") or host.startswith("127.")


def _credentials(settings: TokenSettings) -> tuple[str, ssl.SSLContext]:
    return settings.read_client_secret(), credentials.tls_context(settings.ca_file)


async def _answer(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MOST_BYTES:
            raise SourceError(Reason.INVALID_ANSWER, f"the answer is larger than {MOST_BYTES} bytes")
    if response.status_code >= 500 or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise SourceError(Reason.UNREACHABLE, f"answered {response.status_code}")
    if response.status_code >= 400:
        what = "check client_id, client_secret and scope"
        raise SourceError(Reason.REFUSED, f"answered {response.status_code}: {what}")
    if response.status_code != httpx.codes.OK:
        raise SourceError(Reason.INVALID_ANSWER, f"answered {response.status_code}")
    return bytes(body)
