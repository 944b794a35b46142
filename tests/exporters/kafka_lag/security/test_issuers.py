"""Tokens from commands and from token endpoints, and what is said when there is none."""

import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import psutil
import pytest
import trustme
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from exporters.errors import Reason, SourceError
from exporters.kafka_lag.security.config import TokenSettings
from exporters.kafka_lag.security.issuers import MOST_BYTES, issuer
from exporters.kafka_lag.security.tokens import Token

Serve = Callable[[Any], AbstractAsyncContextManager[int]]


async def said(**settings: Any) -> tuple[Reason, str]:
    """The reason and the message of a fetch that fails."""
    with pytest.raises(SourceError) as caught:
        await issuer(TokenSettings(**settings))()
    return caught.value.reason, caught.value.message


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


async def test_a_command_prints_the_token() -> None:
    """Alone, or as JSON with the seconds that it lives."""
    printing = python('print(\'{"access_token": "t", "expires_in": 900}\')')
    assert await issuer(TokenSettings(command=printing), lambda: 1000.0)() == Token("t", 1000, 1900)


async def test_a_command_that_fails_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    """Neither its arguments nor what it printed is shown; what it says of the error goes where our log goes."""
    code = "import sys; print('half-a-token'); sys.exit('the login has ended')"
    assert await said(command=python(code)) == (
        Reason.REFUSED,
        f"token command {sys.executable}: ended with exit code 1; its own words are in the exporter's log",
    )
    assert "the login has ended" in capfd.readouterr().err


async def test_a_command_that_went_away_is_refused(tmp_path: Path) -> None:
    """It was there when the settings were read."""
    command = tmp_path / "command"
    command.write_text("#!/bin/sh\necho t\n", encoding="utf-8")
    command.chmod(0o700)
    fetch = issuer(TokenSettings(command=(str(command),)))
    assert (await fetch()).value == "t"
    command.unlink()
    with pytest.raises(SourceError) as caught:
        await fetch()
    assert caught.value.reason == Reason.REFUSED
    assert caught.value.message == f"token command {command}: can't be run: No such file or directory"


async def test_a_command_that_hangs_is_ended_with_what_it_started(tmp_path: Path) -> None:
    """After the timeout; the sentence names it."""
    started = tmp_path / "started"
    os.mkfifo(started)
    reader = os.open(started, os.O_RDONLY | os.O_NONBLOCK)
    try:
        reason, message = await said(command=("sh", "-c", f'sleep 600 & echo "$$ $!" > {started}; wait'), timeout="2s")
        pids = [int(pid) for pid in os.read(reader, 100).split()]
    finally:
        os.close(reader)
    assert (reason, message) == (Reason.TIMEOUT, "token command sh: no token within 2 s")
    assert len(pids) == 2
    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("pass", "the answer holds no access_token, or one with spaces or letters that no token has"),
        ("print('{')", "the answer is neither a token nor JSON with one"),
        ("while True: print('token' * 100)", f"prints more than {MOST_BYTES} bytes"),
    ],
)
async def test_a_command_that_prints_something_else(code: str, message: str) -> None:
    """What it printed is not shown: it may be the token after all."""
    assert await said(command=python(code)) == (Reason.INVALID_ANSWER, f"token command {sys.executable}: {message}")


class Endpoint:
    """A token endpoint that answers as it is told."""

    def __init__(self) -> None:
        self.answer: Response = JSONResponse({"access_token": "t", "expires_in": 60})
        self.asked: list[tuple[dict[str, Any], str]] = []

    async def __call__(self, request: Request) -> Response:
        self.asked.append((dict(await request.form()), request.headers["authorization"]))
        return self.answer

    @property
    def application(self) -> Starlette:
        return Starlette(routes=[Route("/token", self.__call__, methods=["POST"])])


def endpoint(port: int, **settings: Any) -> dict[str, Any]:
    return {
        "endpoint_url": f"http://127.0.0.1:{port}/token",
        "client_id": "exporter",
        "client_secret": SecretStr("a secret:of/client"),
        **settings,
    }


async def test_client_credentials_are_sent_as_the_standard_says(serve: Serve) -> None:
    """RFC 6749, 2.3.1 and 4.4.2: HTTP Basic, each part form-encoded first."""
    answering = Endpoint()
    async with serve(answering.application) as port:
        fetch = issuer(TokenSettings(**endpoint(port, scope="kafka read")), lambda: 1000.0)
        assert await fetch() == Token("t", 1000, 1060)
    form = {"grant_type": "client_credentials", "scope": "kafka read"}
    assert answering.asked == [(form, "Basic ZXhwb3J0ZXI6YSUyMHNlY3JldCUzQW9mJTJGY2xpZW50")]


@pytest.mark.parametrize(
    ("answer", "reason", "message"),
    [
        (
            JSONResponse({"error": "invalid_client"}, 401),
            Reason.REFUSED,
            "answered 401: check client_id, client_secret and scope",
        ),
        (
            JSONResponse({"error": "invalid_scope"}, 400),
            Reason.REFUSED,
            "answered 400: check client_id, client_secret and scope",
        ),
        (PlainTextResponse("later", 503), Reason.UNREACHABLE, "answered 503"),
        (PlainTextResponse("too often", 429), Reason.UNREACHABLE, "answered 429"),
        (
            PlainTextResponse("plain", headers={"content-encoding": "gzip"}),
            Reason.INVALID_ANSWER,
            "Error -3 while decompressing data: incorrect header check",
        ),
        (PlainTextResponse("", 302, {"location": "/login"}), Reason.INVALID_ANSWER, "answered 302"),
        (
            PlainTextResponse("<html>Log in</html>"),
            Reason.INVALID_ANSWER,
            "the answer holds no access_token, or one with spaces or letters that no token has",
        ),
        (
            PlainTextResponse("x" * (MOST_BYTES + 1)),
            Reason.INVALID_ANSWER,
            f"the answer is larger than {MOST_BYTES} bytes",
        ),
    ],
)
async def test_an_endpoint_that_hands_out_nothing(serve: Serve, answer: Response, reason: Reason, message: str) -> None:
    """A reason and what to look at."""
    answering = Endpoint()
    answering.answer = answer
    async with serve(answering.application) as port:
        assert await said(**endpoint(port)) == (reason, f"token endpoint http://127.0.0.1:{port}/token: {message}")


async def test_an_endpoint_that_is_not_there() -> None:
    """Nobody listens on port 1."""
    reason, message = await said(**endpoint(1))
    assert reason == Reason.UNREACHABLE
    assert message == "token endpoint http://127.0.0.1:1/token: All connection attempts failed"


async def test_an_endpoint_with_a_certificate_of_another_authority(tmp_path: Path, serve_tls: Any) -> None:
    """`ca_file` says whom to trust; the query, which may be a secret, is not in the message."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with serve_tls(authority.issue_cert("localhost")) as port:
        settings = {**endpoint(port), "endpoint_url": f"https://localhost:{port}/token?key=hidden"}
        reason, message = await said(**settings)
        assert reason == Reason.UNREACHABLE
        assert message.startswith(f"token endpoint https://localhost:{port}/token: [SSL: CERTIFICATE_VERIFY_FAILED]")
        assert "hidden" not in message
        # trusted, it turns out to speak no HTTP
        reason, message = await said(**settings, ca_file=tmp_path / "ca.pem")
        assert reason == Reason.INVALID_ANSWER
