"""Requests under a client's token, against a real server."""

import asyncio
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from random import Random

import pytest
from opentelemetry.trace import Tracer

from demo.load.arrivals import Arrival
from demo.load.gateway import Gateway
from demo.load.generator import Clock, Generator, Result
from demo.load.scenario import Stream
from tests.demo.load.stub import MakeStream, Stub, Until


@dataclass
class Hand:
    """A clock that is moved by hand."""

    seconds: float = 1000.0

    def now(self) -> float:
        return self.seconds


@dataclass
class Client:
    """A gateway under test, with its clock and the logins it recorded."""

    gateway: Gateway
    time: Hand
    logins: list[Result] = field(default_factory=list)


Make = Callable[..., Client]


def arrivals_of(stream: Stream, count: int) -> Iterator[Arrival]:
    """One every 10 ms."""
    return iter([Arrival(0.01 * number, stream) for number in range(1, count + 1)])


@pytest.fixture
async def make(tracer: Tracer) -> AsyncIterator[Make]:
    """``make(url, timeout=5.0)``."""
    made: list[Client] = []

    def client(url: str, timeout: float = 5.0) -> Client:
        time, logins = Hand(), list[Result]()
        made.append(Client(Gateway(url, logins.append, tracer, timeout, Random(1), time.now), time, logins))
        return made[-1]

    yield client
    for one in made:
        await one.gateway.close()


async def test_requests_of_one_client_share_one_login(stub: Stub, make: Make, stream: MakeStream) -> None:
    """Ten requests at once need one login, and so do the ten after them."""
    gateway = make(stub.url).gateway
    for _ in range(2):
        outcomes = await asyncio.gather(*(gateway.send(stream("order")) for _ in range(10)))
        assert outcomes == ["202"] * 10
    assert stub.seen == {("login", 200): 1, ("orders", 202): 20}
    assert {r.headers["authorization"] for r in stub.requests if r.url.path == "/orders"} == {"Bearer token-1"}


async def test_a_waiting_request_that_is_cut_off_leaves_the_login_to_the_others(
    stub: Stub, make: Make, stream: MakeStream, until: Until
) -> None:
    """The login that several requests wait for goes on when one of them is abandoned."""
    gateway = make(stub.url).gateway
    stub.stalled.add("login")
    first, second = (asyncio.create_task(gateway.send(stream("order"))) for _ in range(2))
    await until(lambda: stub.count("login") == 1)
    first.cancel()
    stub.stalled.clear()
    assert await second == "202"
    assert first.cancelled()


async def test_a_proxy_of_the_environment_is_not_used(stub: Stub, nobody: str, make: Make, stream: MakeStream) -> None:
    """The load goes to the gateway itself, whatever proxy the shell names."""
    os.environ.update(HTTP_PROXY=nobody, http_proxy=nobody, ALL_PROXY=nobody, NO_PROXY="", no_proxy="")
    assert await make(stub.url).gateway.send(stream("me")) == "200"


async def test_each_client_has_its_own_token(stub: Stub, make: Make, stream: MakeStream) -> None:
    """Two clients log in as themselves."""
    gateway = make(stub.url).gateway
    await gateway.send(stream("me", "alice"))
    await gateway.send(stream("me", "bob"))
    tokens = [r.headers["authorization"] for r in stub.requests if r.url.path == "/users/me"]
    assert tokens == ["Bearer token-1", "Bearer token-2"]


@pytest.mark.parametrize(("age", "logins"), [(3569, 1), (3570, 2), (4000, 2)])
async def test_a_token_is_used_until_shortly_before_it_expires(
    stub: Stub, make: Make, stream: MakeStream, age: float, logins: int
) -> None:
    """A token of an hour is replaced from half a minute before its end."""
    client = make(stub.url)
    await client.gateway.send(stream("me"))
    client.time.seconds += age
    await client.gateway.send(stream("me"))
    assert stub.count("login") == logins


async def test_a_refused_token_is_replaced_once_a_second_at_most(stub: Stub, make: Make, stream: MakeStream) -> None:
    """After a 401 the client logs in again, but its requests never become as many logins."""
    client = make(stub.url)
    stub.answers["users"] = 401
    assert await client.gateway.send(stream("me")) == "401"
    assert [await client.gateway.send(stream("me")) for _ in range(5)] == ["no_token"] * 5
    client.time.seconds += 1
    del stub.answers["users"]
    assert await client.gateway.send(stream("me")) == "200"
    assert stub.count("login") == 2


@pytest.mark.parametrize(
    "body", [b"", b"not json", b"[]", b'{"access_token": 7, "expires_in": 60}', b'{"expires_in": 1}']
)
async def test_a_login_without_a_token_is_no_login(stub: Stub, make: Make, stream: MakeStream, body: bytes) -> None:
    """An answer of 200 that carries no token leaves the request unsent."""
    stub.bodies["login"] = body
    client = make(stub.url)
    assert await client.gateway.send(stream("order")) == "no_token"
    assert stub.count("orders") == 0
    assert [login.outcome for login in client.logins] == ["200"]


async def test_a_failed_login_is_one_for_all_who_wait(stub: Stub, make: Make, stream: MakeStream) -> None:
    """When login answers 503, all waiting requests stay unsent after one attempt."""
    stub.answers["login"] = 503
    client = make(stub.url)
    assert set(await asyncio.gather(*(client.gateway.send(stream("order")) for _ in range(10)))) == {"no_token"}
    assert stub.seen == {("login", 503): 1}
    assert [(login.kind, login.outcome) for login in client.logins] == [("login", "503")]


@pytest.mark.parametrize("status", [200, 202, 301, 404, 429, 500, 503])
async def test_the_status_is_the_outcome(stub: Stub, make: Make, stream: MakeStream, status: int) -> None:
    """Whatever the gateway answers is counted as that; a redirect is not followed."""
    stub.answers["orders"] = status
    assert await make(stub.url).gateway.send(stream("order")) == str(status)
    assert stub.count("users") == 0


async def test_no_answer_is_a_timeout(stub: Stub, make: Make, stream: MakeStream) -> None:
    """A request that gets no answer in time is an outcome of its own, and the gateway is said to be silent."""
    gateway = make(stub.url, timeout=0.2).gateway
    await gateway.send(stream("me"))
    assert gateway.problem is None
    stub.stalled.add("orders")
    assert await gateway.send(stream("order")) == "timeout"
    assert gateway.problem == "no answer within 0.2 s"


async def test_nobody_there_is_a_connection_error(nobody: str, make: Make, stream: MakeStream) -> None:
    """A refused connection is told in the system's words; the login failed, so the request was not sent."""
    client = make(nobody)
    assert await client.gateway.send(stream("order")) == "no_token"
    assert client.gateway.problem == "Connection refused"
    assert [login.outcome for login in client.logins] == ["connection_error"]


async def test_a_connection_that_breaks_off_is_a_connection_error(make: Make, stream: MakeStream) -> None:
    """A server that speaks no HTTP, or hangs up, costs the request and nothing else."""

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00\x01nonsense\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        client = make(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await client.gateway.send(stream("order"))
    assert [login.outcome for login in client.logins] == ["connection_error"]


async def test_an_endless_answer_is_not_read_to_its_end(stub: Stub, make: Make, stream: MakeStream) -> None:
    """An answer that never ends counts by its status after its first bytes, and the client goes on."""
    gateway = make(stub.url, timeout=2.0).gateway
    stub.endless.add("users")
    assert await gateway.send(stream("me")) == "200"
    assert await gateway.send(stream("order")) == "202"


async def test_an_answer_is_asked_for_where_the_question_said(stub: Stub, make: Make, stream: MakeStream) -> None:
    """The answer's path comes from a question that was taken; before that an id that nobody has is asked for."""
    gateway = make(stub.url).gateway
    for request in ("answer", "question", "answer"):
        await gateway.send(stream(request))
    assert [r.url.path for r in stub.requests[1:]] == ["/answers/none-yet", "/questions", "/answers/q1"]


@pytest.mark.parametrize("url", ["http://elsewhere.invalid/answers/1", "//elsewhere.invalid/answers/1", 7, None])
async def test_the_token_goes_to_the_gateway_alone(stub: Stub, make: Make, stream: MakeStream, url: object) -> None:
    """An answer_url that leads to another host is not followed."""
    stub.answer_url = url
    gateway = make(stub.url).gateway
    await gateway.send(stream("question"))
    await gateway.send(stream("answer"))
    assert stub.requests[-1].url.path == "/answers/none-yet"


async def test_each_request_has_a_trace_of_its_own(stub: Stub, make: Make, stream: MakeStream, tracer: Tracer) -> None:
    """Every request carries a valid, sampled (bit 0) W3C traceparent and is the root of its trace."""
    gateway = make(stub.url).gateway
    with tracer.start_as_current_span("whatever goes on around it"):
        await asyncio.gather(*(gateway.send(stream("me")) for _ in range(5)))
    headers = [r.headers["traceparent"] for r in stub.requests]
    assert all(re.fullmatch(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[13]", header) for header in headers)
    assert len({header.split("-")[1] for header in headers}) == 6


async def test_the_load_goes_on_while_the_server_stalls(
    stub: Stub, make: Make, stream: MakeStream, until: Until
) -> None:
    """A stalled server gets every request that was due meanwhile, and their latencies hold the whole stall."""
    gateway = make(stub.url).gateway
    await gateway.login("alice")
    results: list[Result] = []
    generator = Generator(gateway.send, results.append)
    stub.stalled.add("orders")
    await generator.run(arrivals_of(stream("order"), 40), None)
    await until(lambda: stub.count("orders") == 40)
    assert (generator.in_flight, results) == (40, [])
    stub.stalled.clear()
    await generator.drain(5)
    assert Counter(one.outcome for one in results) == {"202": 40}


async def test_the_stall_is_in_the_latency(stub: Stub, make: Make, stream: MakeStream, until: Until) -> None:
    """Requests that waited for a stalled server are timed from when they were due, by the generator's clock."""
    gateway = make(stub.url).gateway
    await gateway.login("alice")
    time, results = Hand(), list[Result]()
    generator = Generator(gateway.send, results.append, Clock(time.now, lambda _: asyncio.sleep(0)))
    stub.stalled.add("orders")
    await generator.run(arrivals_of(stream("order"), 3), None)
    await until(lambda: stub.count("orders") == 3)
    time.seconds += 60
    stub.stalled.clear()
    await generator.drain(5)
    # due 10, 20 and 30 ms after the start, answered when a minute had passed
    assert sorted(one.seconds or 0 for one in results) == pytest.approx([59.97, 59.98, 59.99])
