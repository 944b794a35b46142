"""One request through the gateway, under the client's own token; the only file here that talks to the gateway."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Tracer

from demo.load.generator import CONNECTION_ERROR, NO_TOKEN, TIMEOUT, Record, result
from demo.load.reason import reason
from demo.load.scenario import Stream
from demo.telemetry import W3C

PASSWORD = "demo"
"""What the users service of the demo asks of every made-up user."""

TIMEOUT_SECONDS = 5.0
"""For the whole exchange, from the connection to the end of the answer."""

LOGIN_EVERY = 1.0
"""Seconds between two logins of one client at least: when tokens are refused its requests must not become logins."""

MOST_BODY = 64 * 1024
"""Bytes of an answer that are read; the connection of a longer one is closed."""

ITEMS = ("torch", "signal flag", "dry wood", "wolf dung", "flint")
QUESTIONS = ("Which beacon is lit?", "How many fires mean that they crossed?", "Who keeps watch tonight?")


@dataclass(frozen=True)
class Answer:
    """What came back: a status code or the word for none, and the start of the body."""

    outcome: str
    body: bytes = b""

    def field(self, name: str) -> Any:
        """Return a member of the JSON object in the body, None when it is no such thing."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return None
        return value.get(name) if isinstance(value, dict) else None


@dataclass
class _Session:
    """One client's token; `login` is the one attempt that may be under way, which all its requests then wait for."""

    token: str | None = None
    refresh_at: float = 0.0
    login: asyncio.Task[Answer] | None = None
    login_after: float = float("-inf")


class Gateway:
    """Sends requests; every failure is an outcome, none is raised."""

    def __init__(
        self,
        url: str,
        record: Record,
        tracer: Tracer,
        timeout: float = TIMEOUT_SECONDS,
        random: Random | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`record` takes the logins, which no arrival asks for; `now` decides when a token is too old."""
        self.url = url
        self.problem: str | None = "nothing was sent yet"
        self._record = record
        self._tracer = tracer
        self._timeout = timeout
        self._random = random or Random()
        self._now = now
        self._sessions: dict[str, _Session] = {}
        self._answer_paths: deque[str] = deque(maxlen=20)
        # the generator bounds the requests in flight; waiting in a pool would only hide where the time goes
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=32, keepalive_expiry=30)
        self._http = httpx.AsyncClient(
            base_url=url,
            limits=limits,
            timeout=None,
            trust_env=False,
            headers={"user-agent": "bongsu-load", "accept-encoding": "identity"},
        )

    async def send(self, stream: Stream) -> str:
        """Make one request and return its outcome: a status code, or a word of generator.py."""
        session = self._sessions.setdefault(stream.client, _Session())
        token = await self._token(stream.client, session)
        if token is None:
            return NO_TOKEN
        method, path, body = self._request(stream)
        answer = await self._exchange(method, path, body, token)
        if answer.outcome == "401" and session.token == token:
            session.token = None
        if stream.request == "question":
            self._remember(answer.field("answer_url"))
        return answer.outcome

    async def login(self, client: str) -> Answer:
        """Log a client in and keep its token until shortly before it expires."""
        session = self._sessions.setdefault(client, _Session())
        started = self._now()
        session.token, session.login_after = None, started + LOGIN_EVERY
        answer = await self._exchange("POST", "/login", {"user": client, "password": PASSWORD}, None)
        self._record(result("login", answer.outcome, self._now() - started))
        token, lifetime = answer.field("access_token"), answer.field("expires_in")
        if answer.outcome == "200" and isinstance(token, str) and isinstance(lifetime, int | float):
            session.token = token
            session.refresh_at = started + lifetime - min(30.0, lifetime / 10)
        return answer

    async def close(self) -> None:
        """Cut off the logins that are under way and give the connections back."""
        logins = [session.login for session in self._sessions.values() if session.login]
        for login in logins:
            login.cancel()
        await asyncio.gather(*logins, return_exceptions=True)
        await self._http.aclose()

    async def _token(self, client: str, session: _Session) -> str | None:
        if session.token and self._now() < session.refresh_at:
            return session.token
        if session.login is None or session.login.done():
            if self._now() < session.login_after:
                return None
            session.login = asyncio.create_task(self.login(client))
        # whoever waits may be cut off; the login goes on for the others
        await asyncio.shield(session.login)
        return session.token

    def _request(self, stream: Stream) -> tuple[str, str, dict[str, Any] | None]:
        match stream.request:
            case "order":
                body = {"item": self._random.choice(ITEMS), "quantity": self._random.randint(1, 5)}
                return "POST", "/orders", body
            case "question":
                return "POST", "/questions", {"question": self._random.choice(QUESTIONS)}
            case "me":
                return "GET", "/users/me", None
            case "answer":
                # the oldest of the last few questions; 404 until one was taken
                return "GET", self._answer_paths[0] if self._answer_paths else "/answers/none-yet", None

    def _remember(self, path: Any) -> None:
        # a path below /answers/ and nothing else: the token must not follow an address to another host
        if isinstance(path, str) and path.startswith("/answers/") and len(path) < 200:
            self._answer_paths.append(path)

    async def _exchange(self, method: str, path: str, body: dict[str, Any] | None, token: str | None) -> Answer:
        """Send under a trace of its own; the caller is the root, whatever the context here."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        about = {"http.request.method": method, "url.full": f"{self.url}{path}"}
        with self._tracer.start_as_current_span(method, Context(), SpanKind.CLIENT, about) as span:
            W3C.inject(headers)
            answer = await self._ask(method, path, body, headers)
            if answer.outcome.isdigit():
                span.set_attribute("http.response.status_code", int(answer.outcome))
            else:
                span.set_attribute("error.type", answer.outcome)
        return answer

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]) -> Answer:
        try:
            async with asyncio.timeout(self._timeout):
                async with self._http.stream(method, path, json=body, headers=headers) as response:
                    answer = Answer(str(response.status_code), await _start_of(response))
        except TimeoutError:
            self.problem = f"no answer within {self._timeout:g} s"
            return Answer(TIMEOUT)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            self.problem = reason(error)
            return Answer(CONNECTION_ERROR)
        self.problem = None
        return answer


async def _start_of(response: httpx.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MOST_BODY:
            break
    return body
