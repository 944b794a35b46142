"""How a token is read, and when the next is fetched."""

import asyncio
import base64
import json
from typing import Any

import pytest

from exporters.errors import Reason, SourceError
from exporters.kafka_lag.security.tokens import UNKNOWN_LIFE, Token, Tokens, read


def jwt(claims: Any) -> str:
    content = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{content}.c2lnbmVk"


@pytest.mark.parametrize(
    ("answer", "value", "until"),
    [
        ("opaque\n", "opaque", 1000 + UNKNOWN_LIFE),
        ('{"access_token": "opaque", "expires_in": 300}', "opaque", 1300),
        ('{"access_token": "opaque", "expires_in": "300"}', "opaque", 1300),
        ('{"access_token": "opaque", "expires_in": null}', "opaque", 1000 + UNKNOWN_LIFE),
        ('{"access_token": "opaque", "expires_in": "soon"}', "opaque", 1000 + UNKNOWN_LIFE),
        (jwt({"exp": 2000}), jwt({"exp": 2000}), 2000),
        (json.dumps({"access_token": jwt({"exp": 2000})}), jwt({"exp": 2000}), 2000),
        (json.dumps({"access_token": jwt({"exp": 2000}), "expires_in": 60}), jwt({"exp": 2000}), 1060),
        (jwt({"sub": "exporter"}), jwt({"sub": "exporter"}), 1000 + UNKNOWN_LIFE),
        (jwt(["exp"]), jwt(["exp"]), 1000 + UNKNOWN_LIFE),
        ("three.dotted.words", "three.dotted.words", 1000 + UNKNOWN_LIFE),
    ],
)
def test_a_token_and_its_end(answer: str, value: str, until: float) -> None:
    """Said by expires_in, else by the claim of a JWT, else not at all."""
    assert read(answer.encode(), now=1000) == Token(value, 1000, until)


NO_TOKENS = [
    b"",
    b"\n",
    b"two words",
    b"\xff",
    b"{",
    b"{}",
    b'{"access_token": 7}',
    b'{"access_token": ""}',
    b'{"token": "t"}',
    "토큰".encode(),
    b"a\x01b",
]


@pytest.mark.parametrize("answer", NO_TOKENS)
def test_what_is_no_token_is_said_without_showing_it(answer: bytes) -> None:
    """A message is for the log and the page."""
    with pytest.raises(
        ValueError, match=r"^the answer (is neither a token nor JSON with one|holds no access_token, or)"
    ):
        read(answer, now=1000)


class Issuer:
    """Hands out t1, t2 … each for 100 s, when it is let."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.fetched = 0
        self.lets = asyncio.Event()
        self.lets.set()
        self.fails = False

    async def fetch(self) -> Token:
        self.fetched += 1
        number = self.fetched
        await self.lets.wait()
        if self.fails:
            raise SourceError(Reason.REFUSED, "no token")
        return Token(f"t{number}", self.now, self.now + 100)


async def done(tokens: Tokens) -> None:
    """Let a fetch in the background end."""
    while tokens._fetching is not None:
        await asyncio.sleep(0)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def tokens(issuer: Issuer) -> Tokens:
    return Tokens(issuer.fetch, lambda: issuer.now)


async def test_all_who_wait_get_one_token(issuer: Issuer, tokens: Tokens) -> None:
    """Ten brokers that are connected at once do not cost ten fetches."""
    assert await asyncio.gather(*(tokens.get() for _ in range(10))) == ["t1"] * 10
    assert await tokens.get() == "t1"
    assert issuer.fetched == 1


async def test_an_old_token_is_used_while_the_next_is_fetched(issuer: Issuer, tokens: Tokens) -> None:
    """Nobody waits at three quarters of its life."""
    await tokens.get()
    issuer.now += 74
    await tokens.get()
    assert issuer.fetched == 1
    issuer.now += 1
    issuer.lets.clear()
    assert await tokens.get() == "t1"
    assert await tokens.get() == "t1"
    issuer.lets.set()
    await done(tokens)
    assert await tokens.get() == "t2"
    assert issuer.fetched == 2


async def test_a_failed_renewal_costs_nothing_while_the_token_is_good(issuer: Issuer, tokens: Tokens) -> None:
    """It is tried again; once the token has ended the error is told."""
    await tokens.get()
    issuer.fails = True
    for issuer.now in (1080, 1090):
        assert await tokens.get() == "t1"
        await done(tokens)
    assert issuer.fetched == 3
    issuer.now = 1100
    with pytest.raises(SourceError, match="no token"):
        await tokens.get()
    issuer.fails = False
    assert await tokens.get() == "t5"


async def test_a_slow_fetch_outlives_who_waits(issuer: Issuer, tokens: Tokens) -> None:
    """A collection that is over its deadline leaves the token to the next."""
    issuer.lets.clear()
    waiting = asyncio.create_task(tokens.get())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    issuer.lets.set()
    assert await tokens.get() == "t1"


async def test_a_refused_token_is_not_used_again(issuer: Issuer, tokens: Tokens) -> None:
    """Unless another has come meanwhile, which is kept."""
    await tokens.get()
    tokens.forget("t1")
    assert await tokens.get() == "t2"
    tokens.forget("t1")
    assert await tokens.get() == "t2"


async def test_closing_ends_a_fetch(issuer: Issuer, tokens: Tokens) -> None:
    """A command or a request is not left behind."""
    issuer.lets.clear()
    waiting = asyncio.create_task(tokens.get())
    await asyncio.sleep(0)
    await tokens.close()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    await tokens.close()


def test_a_token_does_not_show_in_a_traceback() -> None:
    """Its text has it not."""
    assert "secret" not in repr(Token("secret", 0, 1))
