"""Tokens of OAUTHBEARER (RFC 7628): what one is, how its answer is read, how long it is kept."""

import asyncio
import base64
import json
import re
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

UNKNOWN_LIFE = 60.0
"""Seconds for which a token opens connections that does not tell when it ends; those that it has opened live on."""

RENEW_AT = 0.75
"""Share of a token's life after which the next is fetched, while this one still opens connections."""


@dataclass(frozen=True)
class Token:
    """A token, and the Unix times between which it opens connections."""

    value: str = field(repr=False)
    since: float
    until: float

    def usable(self, now: float) -> bool:
        """Tell whether a connection can be opened with it."""
        return now < self.until

    def old(self, now: float) -> bool:
        """Tell whether it is time for the next."""
        return now >= self.since + RENEW_AT * (self.until - self.since)


def read(answer: bytes, now: float) -> Token:
    """Read what was asked for at `now`: a token alone, or the JSON of RFC 6749, 5.1 (access_token, expires_in).

    Raises ValueError, which never shows any of it.
    """
    try:
        text = answer.decode().strip()
        fields = json.loads(text) if text.startswith("{") else {"access_token": text}
    except ValueError:
        raise ValueError("the answer is neither a token nor JSON with one") from None
    value, life = fields.get("access_token"), _number(fields.get("expires_in"))
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value):
        raise ValueError("the answer holds no access_token, or one with spaces or letters that no token has")
    until = _expiry(value) if life is None else now + life
    return Token(value, now, now + UNKNOWN_LIFE if until is None else until)


def _number(value: Any) -> float | None:
    # some servers write the seconds as text
    return float(value) if re.fullmatch(r"\d{1,12}(\.\d+)?", str(value)) else None


def _expiry(token: str) -> float | None:
    """Find the claim ``exp`` when the token is a JWT (RFC 7519, 4.1.4); whether it is right only the broker checks."""
    try:
        _header, claims, _signature = token.split(".")
        content = json.loads(base64.urlsafe_b64decode(f"{claims}=="))
    except ValueError:
        return None
    return _number(content.get("exp")) if isinstance(content, dict) else None


Fetch = Callable[[], Coroutine[Any, Any, Token]]


class Tokens:
    """The token in use. One fetch serves all who wait, and outlives them: a slow one is done by the next collection."""

    def __init__(self, fetch: Fetch, now: Callable[[], float] = time.time) -> None:
        """Fetch nothing yet; `now` gives Unix time."""
        self._fetch = fetch
        self._now = now
        self._token: Token | None = None
        self._fetching: asyncio.Task[Token] | None = None

    async def get(self) -> str:
        """Give a token that opens a connection now. Raises what `fetch` raises when there is none."""
        token, now = self._token, self._now()
        if token is None or not token.usable(now):
            return (await asyncio.shield(self._start())).value
        if token.old(now):
            self._start()
        return token.value

    def forget(self, value: str) -> None:
        """Fetch another for the next connection: this one was refused."""
        if self._token is not None and self._token.value == value:
            self._token = None

    async def close(self) -> None:
        """End what is being fetched."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])

    def _start(self) -> asyncio.Task[Token]:
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch())
            self._fetching.add_done_callback(self._done)
        return self._fetching

    def _done(self, fetching: asyncio.Task[Token]) -> None:
        self._fetching = None
        # an error is for those who wait; when nobody does, the token before is still usable
        if not fetching.cancelled() and fetching.exception() is None:
            self._token = fetching.result()
