"""What Envoy's admin interface says, and what is made of an answer that is not its."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from exporters.errors import Reason, SourceError
from exporters.gateway_limits.config import Envoy
from exporters.gateway_limits.snapshot import Decision, Origin, Outcome, Snapshot
from exporters.gateway_limits.sources.envoy import MAX_BYTES, WANTED, EnvoySource, Limit, limits, parse

ANSWER = """\
# TYPE envoy_gw_requests counter
envoy_gw_requests{route="",code="404",flags="NR"} 1
envoy_gw_requests{route="",code="429",flags="-"} 9
envoy_gw_requests{route="orders",code="202",flags="-"} 5
envoy_gw_requests{route="orders",code="429",flags="RL"} 3
envoy_gw_requests{route="orders",code="429",flags="DC,RL"} 1
envoy_gw_requests{route="questions",code="429",flags="-"} 2
envoy_gw_requests{route="questions",code="429",flags="UH"} 1
# TYPE envoy_http_local_rate_limit_enforced counter
envoy_http_local_rate_limit_enforced{envoy_local_http_ratelimit_prefix="login"} 0
envoy_http_local_rate_limit_enforced{envoy_local_http_ratelimit_prefix="orders"} 4
# TYPE envoy_http_local_rate_limit_ok counter
envoy_http_local_rate_limit_ok{envoy_local_http_ratelimit_prefix="login"} 0
envoy_http_local_rate_limit_ok{envoy_local_http_ratelimit_prefix="orders"} 5
# TYPE envoy_http_local_rate_limit_rate_limited counter
envoy_http_local_rate_limit_rate_limited{envoy_local_http_ratelimit_prefix="login"} 0
envoy_http_local_rate_limit_rate_limited{envoy_local_http_ratelimit_prefix="orders"} 10
"""

Serve = Callable[..., Any]


@asynccontextmanager
async def reading(port: int) -> AsyncIterator[EnvoySource]:
    source = EnvoySource(Envoy(kind="envoy", name="edge", admin=f"http://127.0.0.1:{port}"))
    try:
        yield source
    finally:
        await source.close()


async def read(serve: Serve, answers: Sequence[Response]) -> list[Snapshot]:
    """Read once for each answer that the admin interface gives."""
    waiting = list(answers)

    async def stats(request: Request) -> Response:
        assert request.query_params["filter"] == WANTED
        return waiting.pop(0)

    app = Starlette(routes=[Route("/stats/prometheus", stats)])
    async with serve(app) as port, reading(port) as source:
        return [await source.read() for _ in answers]


async def test_an_answer_of_envoy(serve: Serve) -> None:
    """Accepted, rejected and shadow by limit; of the access logger's 429s only those that Envoy did not make."""
    (snapshot,) = await read(serve, [PlainTextResponse(ANSWER)])
    gateway, upstream = Origin.GATEWAY, Origin.UPSTREAM
    assert snapshot.gateway == "edge"
    assert snapshot.decisions == {
        Decision("login", "login", Outcome.ACCEPTED, gateway): 0,
        Decision("login", "login", Outcome.REJECTED, gateway): 0,
        Decision("login", "login", Outcome.SHADOW, gateway): 0,
        Decision("orders", "orders", Outcome.ACCEPTED, gateway): 5,
        Decision("orders", "orders", Outcome.REJECTED, gateway): 4,
        Decision("orders", "orders", Outcome.SHADOW, gateway): 6,
        Decision("orders", "", Outcome.REJECTED, upstream): 0,
        Decision("questions", "", Outcome.REJECTED, upstream): 3,
    }


async def test_an_envoy_without_limits_has_no_decisions(serve: Serve) -> None:
    """Nothing matches the filter: the answer is empty and so is the snapshot."""
    (snapshot,) = await read(serve, [PlainTextResponse("")])
    assert snapshot.decisions == {}


def test_both_spellings_are_the_same_limit() -> None:
    """Without Envoy's tag rules the prefix is in the name."""
    labelled = parse(b'envoy_http_local_rate_limit_ok{envoy_local_http_ratelimit_prefix="orders"} 7\n', "")
    named = parse(
        b"# TYPE envoy_orders_http_local_rate_limit_ok counter\nenvoy_orders_http_local_rate_limit_ok 7\n", ""
    )
    assert limits(labelled) == limits(named) == {"orders": Limit(ok=7)}


NOT_ENVOYS = {
    "html": (b"<!doctype html>\n<html><body>It works!</body></html>\n", "not Prometheus' text format: "),
    "noise": (b"\xff\xfe\x00\x01\n", "not Prometheus' text format: "),
    "cut in a line": (ANSWER[:-5].encode(), "answer is cut"),
    "no number": (b"envoy_x 1.2.3\n", "not Prometheus' text format: "),
    "another exporter's": (b"# TYPE node_load1 gauge\nnode_load1 1\n", "node_load1 is not a statistic of Envoy's"),
    "NaN": (b"envoy_http_local_rate_limit_ok NaN\n", "envoy_http_local_rate_limit_ok counts nan"),
    "negative": (b"envoy_http_local_rate_limit_ok -1\n", "envoy_http_local_rate_limit_ok counts -1"),
    "infinite": (b"envoy_http_local_rate_limit_ok +Inf\n", "envoy_http_local_rate_limit_ok counts inf"),
    "too large": (b"# \n" * MAX_BYTES, f"answer is larger than {MAX_BYTES} bytes"),
}


@pytest.mark.parametrize("case", NOT_ENVOYS)
async def test_what_is_not_envoys_answer_is_an_error(serve: Serve, case: str) -> None:
    """Nothing is taken from an answer that is wrong in one place."""
    body, message = NOT_ENVOYS[case]
    with pytest.raises(SourceError) as caught:
        await read(serve, [Response(body)])
    assert caught.value.reason == Reason.INVALID_ANSWER
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, Reason.REFUSED),
        (403, Reason.REFUSED),
        (404, Reason.INVALID_ANSWER),
        (500, Reason.UNREACHABLE),
        (503, Reason.UNREACHABLE),
        (302, Reason.INVALID_ANSWER),
    ],
)
async def test_a_status_other_than_200_is_an_error(serve: Serve, status: int, reason: Reason) -> None:
    """The message says which status."""
    with pytest.raises(SourceError) as caught:
        await read(serve, [Response(status_code=status, headers={"location": "/"})])
    assert caught.value.reason == reason
    assert caught.value.message.endswith(f"/stats/prometheus: answered {status}")


async def test_a_body_that_ends_early_is_an_error() -> None:
    """A connection closed before the announced length gives no numbers."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nenvoy_http_local_rate_limit_ok 5\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, reading(server.sockets[0].getsockname()[1]) as source:
        with pytest.raises(SourceError) as caught:
            await source.read()
    assert caught.value.reason == Reason.INVALID_ANSWER


async def test_nothing_listening_is_unreachable() -> None:
    """The message names the URL."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        async with reading(port) as source:
            with pytest.raises(SourceError) as caught:
                await source.read()
    assert caught.value.reason == Reason.UNREACHABLE
    assert caught.value.message.startswith(f"http://127.0.0.1:{port}/stats/prometheus: ")


async def test_counts_go_back_when_the_gateway_restarts(serve: Serve) -> None:
    """A reset is passed on as it is: Prometheus knows what a smaller counter means."""
    before = ANSWER.replace("} 5", "} 500")
    first, second = await read(serve, [PlainTextResponse(before), PlainTextResponse(ANSWER)])
    accepted = Decision("orders", "orders", Outcome.ACCEPTED, Origin.GATEWAY)
    assert (first.decisions[accepted], second.decisions[accepted]) == (500, 5)


@pytest.mark.parametrize(
    ("before", "now", "shadow"),
    [
        (None, Limit(rate_limited=10, enforced=4), 6),
        # read in the middle of a request: one was over the limit, and not yet counted as enforced
        (Limit(rate_limited=11, enforced=4, shadow=7), Limit(rate_limited=12, enforced=6), 7),
        (Limit(rate_limited=10, enforced=4, shadow=6), Limit(rate_limited=30, enforced=14), 16),
        # enforced read later than rate_limited
        (None, Limit(rate_limited=3, enforced=4), 0),
        # restarted
        (Limit(rate_limited=10, enforced=4, shadow=6), Limit(rate_limited=2, enforced=2), 0),
        (Limit(rate_limited=10, enforced=4, shadow=6), Limit(rate_limited=10, enforced=3), 7),
    ],
)
def test_requests_let_through_over_the_limit(before: Limit | None, now: Limit, shadow: int) -> None:
    """The difference of two counts never falls unless the counts themselves do."""
    assert now.after(before).shadow == shadow
