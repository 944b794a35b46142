"""What is made of an answer that is not a gateway's: an error that says so, and no number, for every kind alike."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter
from starlette.responses import Response

from exporters.errors import Reason, SourceError
from exporters.gateway_limits.config import Gateway
from exporters.gateway_limits.sources import KINDS

PATHS = {"envoy": "/stats/prometheus"}
OVER_HTTP = sorted(KINDS.keys() - {"nginx"})
TEN_MEGABYTES = 10 * 1024 * 1024

Reading = Callable[..., Any]


def settings(kind: str, url: str) -> Any:
    """The least settings of a kind; `url` is that of its metrics, or of Envoy's admin interface."""
    place = {"admin": url.removesuffix("/metrics")} if kind == "envoy" else {"metrics": url}
    return TypeAdapter(Gateway).validate_python({"kind": kind, "name": "edge", **place})


NOT_AN_ANSWER = {
    "html": (b"<!doctype html>\n<html><body>It works!</body></html>\n", "not a sample: '<!doctype'"),
    "noise": (b"\xff\xfe\x00\x01\n", "not UTF-8 text: "),
    "cut in a line": (b"envoy_a 1\nb", "the text is cut"),
    "ten megabytes in a line": (b"x" * TEN_MEGABYTES, ""),
}


@pytest.mark.parametrize("kind", OVER_HTTP)
@pytest.mark.parametrize("case", NOT_AN_ANSWER)
async def test_what_is_not_the_format(reading: Reading, kind: str, case: str) -> None:
    """Nothing is taken from an answer that is wrong in one place."""
    body, message = NOT_AN_ANSWER[case]
    path = PATHS.get(kind, "/metrics")
    with pytest.raises(SourceError) as caught:
        await reading(KINDS[kind], lambda url: settings(kind, f"{url}/metrics"), {path: Response(body)})
    assert caught.value.reason == Reason.INVALID_ANSWER
    assert f"{path}: " in caught.value.message
    assert message in caught.value.message


@pytest.mark.parametrize("kind", OVER_HTTP)
async def test_another_programs_metrics_are_not_taken_for_a_gateway_without_requests(
    reading: Reading, kind: str
) -> None:
    """Zero and somebody else must not look the same."""
    path = PATHS.get(kind, "/metrics")
    with pytest.raises(SourceError, match=r"holds no metric of|is not a statistic of Envoy's") as caught:
        await reading(KINDS[kind], lambda url: settings(kind, f"{url}/metrics"), {path: "node_load1 1\n"})
    assert caught.value.reason == Reason.INVALID_ANSWER


@pytest.mark.parametrize("number", ["NaN", "-1", "+Inf", "1.5"])
async def test_a_count_that_is_none(reading: Reading, number: str) -> None:
    """Counts are whole and not negative."""
    page = f"haproxy_frontend_http_requests_total {number}\n"
    with pytest.raises(SourceError, match="haproxy_frontend_http_requests_total counts") as caught:
        await reading(KINDS["haproxy"], lambda url: settings("haproxy", f"{url}/metrics"), {"/metrics": page})
    assert caught.value.reason == Reason.INVALID_ANSWER


async def test_ten_megabytes_of_good_text_are_read(reading: Reading) -> None:
    """A large gateway is slow to read, not wrong: what is not wanted is passed over."""
    wanted = 'kong_http_requests_total{route="orders",code="429",source="kong"} 7\n'
    line = 'kong_request_latency_ms_bucket{service="orders",route="orders",workspace="default",le="25"} 30\n'
    page = line * (TEN_MEGABYTES // len(line)) + wanted
    (snapshot,) = await reading(KINDS["kong"], lambda url: settings("kong", f"{url}/metrics"), {"/metrics": page})
    assert 7 in snapshot.decisions.values()


async def test_an_answer_without_end_is_given_up(reading: Reading) -> None:
    """Envoy's filtered statistics are small; what goes on is no such answer."""
    page = "# \n" * (2 * 1024 * 1024)
    with pytest.raises(SourceError, match="answer is larger than 4194304 bytes") as caught:
        await reading(KINDS["envoy"], lambda url: settings("envoy", url), {"/stats/prometheus": page})
    assert caught.value.reason == Reason.INVALID_ANSWER


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
async def test_a_status_other_than_200_is_an_error(reading: Reading, status: int, reason: Reason) -> None:
    """The message says which status."""
    answer = Response(status_code=status, headers={"location": "/"})
    with pytest.raises(SourceError) as caught:
        await reading(KINDS["kong"], lambda url: settings("kong", f"{url}/metrics"), {"/metrics": answer})
    assert caught.value.reason == reason
    assert caught.value.message.endswith(f"/metrics: answered {status}")


async def test_a_body_that_ends_early_is_an_error() -> None:
    """A connection closed before the announced length gives no numbers."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nkong_nginx_requests_total 5\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        source = KINDS["kong"](settings("kong", f"http://127.0.0.1:{port}/metrics"))
        try:
            with pytest.raises(SourceError) as caught:
                await source.read()
        finally:
            await source.close()
    assert caught.value.reason == Reason.INVALID_ANSWER


@pytest.mark.parametrize("kind", OVER_HTTP)
async def test_nothing_listening_is_unreachable(kind: str) -> None:
    """The message names the URL."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        source = KINDS[kind](settings(kind, f"{url}/metrics"))
        try:
            with pytest.raises(SourceError) as caught:
                await source.read()
        finally:
            await source.close()
    assert caught.value.reason == Reason.UNREACHABLE
    assert caught.value.message.startswith(f"{url}{PATHS.get(kind, '/metrics')}: ")


@pytest.mark.parametrize("kind", OVER_HTTP)
async def test_a_password_in_a_url_is_not_told(kind: str) -> None:
    """It is sent, and stands in no message."""
    source = KINDS[kind](settings(kind, "http://scraper:hunter2@127.0.0.1:1/metrics"))
    try:
        with pytest.raises(SourceError) as caught:
            await source.read()
    finally:
        await source.close()
    assert caught.value.message.startswith("http://127.0.0.1:1/")
    assert "hunter2" not in caught.value.message
