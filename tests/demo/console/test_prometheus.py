"""The client of Prometheus' API, over a transport in place of the network."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from demo.console.prometheus import Alert, Prometheus, PrometheusError
from demo.console.series import Series
from demo.console.timerange import Window

WINDOW = Window(1000, 1010, 5, 1010)

Handler = Callable[[httpx.Request], Any]


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def client(handler: Handler, clock: Callable[[], float] | None = None) -> Prometheus:
    """A client whose questions `handler` answers."""
    http = httpx.AsyncClient(transport=httpx.MockTransport(handler), base_url="http://prometheus.test")
    return Prometheus(http, clock or Clock())


def success(data: Any) -> httpx.Response:
    """What the API answers when all is well."""
    return httpx.Response(200, json={"status": "success", "data": data})


async def test_a_range_is_read() -> None:
    """Each series with its labels and points; NaN and infinity are numbers of their own."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        values = [[1000, "1"], [1005, "NaN"], [1010, "+Inf"]]
        return success({"resultType": "matrix", "result": [{"metric": {"job": "a"}, "values": values}]})

    (series,) = await client(answer).range("up", WINDOW)
    assert series.labels == {"job": "a"}
    assert [str(value) for _, value in series.points] == ["1.0", "nan", "inf"]
    assert asked[0].content == b"query=up&start=1000.000&end=1010.000&step=5"


async def test_a_scalar_is_a_series_without_labels() -> None:
    """``vector`` and ``scalar`` answers are read alike."""
    prometheus = client(lambda _: success({"resultType": "scalar", "result": [1010, "3"]}))
    assert await prometheus.instant("scalar(up)", 1010) == (Series({}, ((1010.0, 3.0),)),)


async def test_alerts_are_read() -> None:
    """State, labels, annotations and since when."""
    listed = {"labels": {"alertname": "A"}, "annotations": {}, "state": "firing", "activeAt": "2026-01-01T00:00:00Z"}
    prometheus = client(lambda _: success({"alerts": [listed]}))
    assert await prometheus.alerts() == (Alert("A", "firing", {"alertname": "A"}, {}, "2026-01-01T00:00:00Z"),)


async def test_ten_pages_cost_one() -> None:
    """The same question from ten pages at once, and again within five seconds, is asked once; later anew."""
    clock, asked = Clock(), 0

    def answer(_: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return success({"resultType": "vector", "result": []})

    prometheus = client(answer, clock)
    await asyncio.gather(*(prometheus.instant("up", 1010) for _ in range(10)))
    clock.now = 4.9
    await prometheus.instant("up", 1010)
    assert asked == 1
    await prometheus.instant("up", 1015)
    clock.now = 5.0
    await prometheus.instant("up", 1010)
    assert asked == 3


async def test_a_slow_question_is_not_asked_twice() -> None:
    """However long the answer is under way, an equal question waits for it."""
    clock, asked, go = Clock(), asyncio.Semaphore(0), asyncio.Event()

    async def answer(_: httpx.Request) -> httpx.Response:
        asked.release()
        await go.wait()
        return success({"resultType": "scalar", "result": [0, "1"]})

    prometheus = client(answer, clock)
    first = asyncio.create_task(prometheus.instant("up", 0))
    await asked.acquire()
    clock.now = 7.9
    second = asyncio.create_task(prometheus.instant("up", 0))
    go.set()
    assert await first == await second
    assert asked.locked()


async def test_a_page_that_closes_takes_nothing_from_the_others() -> None:
    """A cancelled question goes on for those who share it."""
    asked, go = asyncio.Event(), asyncio.Event()

    async def answer(_: httpx.Request) -> httpx.Response:
        asked.set()
        await go.wait()
        return success({"resultType": "scalar", "result": [0, "1"]})

    prometheus = client(answer)
    closing = asyncio.create_task(prometheus.instant("up", 0))
    staying = asyncio.create_task(prometheus.instant("up", 0))
    await asked.wait()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    go.set()
    assert len(await staying) == 1


def refused(request: httpx.Request) -> httpx.Response:
    """No one listens."""
    raise httpx.ConnectError("refused", request=request)


def slow(request: httpx.Request) -> httpx.Response:
    """The time is over."""
    raise httpx.ReadTimeout("slow", request=request)


async def endless() -> AsyncIterator[bytes]:
    """An answer that never ends."""
    while True:
        yield b"x" * 1_000_000


@pytest.mark.parametrize(
    ("handler", "reason", "text"),
    [
        (refused, "unreachable", "Prometheus can't be reached at http://prometheus.test: connection refused"),
        (slow, "slow", "Prometheus did not answer within 8 s."),
        (lambda _: httpx.Response(503, text="Service Unavailable"), "unreachable", "Prometheus answered 503."),
        (
            lambda _: httpx.Response(400, json={"status": "error", "errorType": "bad_data", "error": "parse error"}),
            "query",
            "Prometheus refused the query: parse error",
        ),
        (
            lambda _: httpx.Response(503, json={"status": "error", "errorType": "timeout", "error": "query timed out"}),
            "slow",
            "Prometheus did not finish the query in time: query timed out",
        ),
        (
            lambda _: httpx.Response(200, text="<html>"),
            "answer",
            "Prometheus gave an answer that is not its API's JSON.",
        ),
        (lambda _: success({"resultType": "vector", "result": [{}]}), "answer", "Prometheus gave an answer"),
        (lambda _: success([]), "answer", "Prometheus gave an answer"),
        (
            lambda _: httpx.Response(200, content=endless()),
            "answer",
            "The answer is larger than 8 MB: narrow the query.",
        ),
    ],
)
async def test_what_went_wrong_is_said(handler: Handler, reason: str, text: str) -> None:
    """Every failure has one of four reasons and a sentence for the panel."""
    with pytest.raises(PrometheusError) as caught:
        await client(handler).instant("up", 0)
    assert caught.value.reason == reason
    assert str(caught.value).startswith(text)


async def test_a_failure_is_shared_like_an_answer() -> None:
    """A Prometheus that is down is not asked again by every page; five seconds later it is."""
    clock, down = Clock(), True

    def answer(request: httpx.Request) -> httpx.Response:
        return refused(request) if down else success({"resultType": "vector", "result": []})

    prometheus = client(answer, clock)
    for _ in range(2):
        with pytest.raises(PrometheusError):
            await prometheus.instant("up", 0)
        down = False
    clock.now = 5
    assert await prometheus.instant("up", 0) == ()
