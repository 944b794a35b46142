"""The load's control API, over a transport in place of the network."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from demo.console.load import Load, LoadError, LoadState, Scenario

STATE = {
    "current": "lag",
    "since": "2026-01-01T00:00:00Z",
    "remaining_seconds": 61.5,
    "scenarios": [{"name": "lag", "title": "Slow worker", "description": "Billing is slow."}],
    "fault_errors": [],
}


def client(handler: Callable[[httpx.Request], httpx.Response]) -> Load:
    """A client whose requests `handler` answers."""
    return Load(httpx.AsyncClient(transport=httpx.MockTransport(handler), base_url="http://load.test"))


def refused(request: httpx.Request) -> httpx.Response:
    """No one listens."""
    raise httpx.ConnectError("refused", request=request)


def slow(request: httpx.Request) -> httpx.Response:
    """The time is over."""
    raise httpx.ReadTimeout("slow", request=request)


async def test_the_state_is_read() -> None:
    """What runs, how long yet, and what could run."""
    state = await client(lambda _: httpx.Response(200, json=STATE)).state()
    assert state == LoadState("lag", (Scenario("lag", "Slow worker", "Billing is slow."),), 61.5)


async def test_a_button_sends_one_order() -> None:
    """Start puts the scenario's name, stop deletes it."""
    seen: list[tuple[str, str, bytes]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.method, request.url.path, request.content))
        return httpx.Response(200, json=STATE)

    load = client(answer)
    await load.start("lag")
    await load.stop()
    assert seen == [("PUT", "/scenario", b'{"name":"lag"}'), ("DELETE", "/scenario", b"")]


@pytest.mark.parametrize(
    ("handler", "text"),
    [
        (refused, "The load can't be reached at http://load.test."),
        (slow, "The load does not answer in time."),
        (lambda _: httpx.Response(409, json={"detail": "users is down"}), "The load refused (409): users is down"),
        (lambda _: httpx.Response(500, text="oops"), "The load refused (500): oops"),
        (lambda _: httpx.Response(200, text="{}"), "The load gave an answer that is not its API's JSON."),
    ],
)
async def test_what_went_wrong_is_said(handler: Any, text: str) -> None:
    """A sentence that a toast can show."""
    with pytest.raises(LoadError) as caught:
        await client(handler).state()
    assert str(caught.value).startswith(text)
