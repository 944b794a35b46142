"""Failures ordered from outside, as slack-sdk and a plain HTTP client meet them."""

import asyncio
from typing import Any

import aiohttp
import httpx
import pytest
from slack_sdk.errors import SlackApiError


async def _order(slack: Any, kind: str, **more: Any) -> None:
    answer = await slack.http.post("/faults", json={"method": "chat.postMessage", "kind": kind} | more)
    assert answer.status_code == 201, answer.text


async def test_accept_then_drop(slack: Any) -> None:
    """The message is stored, then the connection closes without one byte of answer."""
    await _order(slack, "accept_then_drop")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await slack.client().chat_postMessage(channel="kafka", text="stored")
    assert [message["text"] for message in await slack.messages()] == ["stored"]
    (call,) = [one for one in await slack.calls() if one["method"] == "chat.postMessage"]
    assert (call["outcome"], call["fault"], call["channel"]) == ("ok", "accept_then_drop", "kafka")
    assert await slack.post()


async def test_accept_then_drop_closes_the_socket(slack: Any) -> None:
    """Seen from the socket: the end of the stream or a reset, and nothing before it."""
    await _order(slack, "accept_then_drop")
    url = httpx.URL(slack.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    body = b'{"channel":"kafka","text":"x"}'
    writer.write(
        b"POST /api/chat.postMessage HTTP/1.1\r\nhost: x\r\nauthorization: Bearer xoxb-test\r\n"
        b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    )
    try:
        answer = await reader.read()
    except ConnectionResetError:
        answer = b""
    assert answer == b""
    writer.close()


async def test_accept_meets_only_calls_that_were_carried_out(slack: Any) -> None:
    """A call that is refused does not use up an order to accept and then fail."""
    await _order(slack, "accept_then_drop")
    assert (await slack.call("chat.postMessage", channel="kafka"))["error"] == "no_text"
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await slack.client().chat_postMessage(channel="kafka", text="stored")


async def test_accept_then_hang(slack: Any) -> None:
    """The message is stored at once; a caller that gives up never sees the answer."""
    await _order(slack, "accept_then_hang", seconds=600)
    with pytest.raises(httpx.ReadTimeout):
        await slack.http.post(
            "/api/chat.postMessage",
            json={"channel": "kafka", "text": "stored"},
            headers={"authorization": "Bearer xoxb-test"},
            timeout=0.2,
        )
    assert [message["text"] for message in await slack.messages()] == ["stored"]


async def test_late_answer(slack: Any) -> None:
    """A caller that waits long enough gets the answer."""
    await _order(slack, "accept_then_hang", seconds=0.05)
    assert await slack.post()


async def test_hang(slack: Any) -> None:
    """Nothing is stored, nothing is answered; at the end the connection closes."""
    await _order(slack, "hang", seconds=0.05)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await slack.client().chat_postMessage(channel="kafka", text="lost")
    assert await slack.messages() == []


INSTEAD = [
    ({"kind": "ratelimited", "retry_after": 7}, 429, "ratelimited"),
    ({"kind": "http_500"}, 500, None),
    ({"kind": "message_limit_exceeded"}, 200, "message_limit_exceeded"),
    ({"kind": "error:fatal_error"}, 200, "fatal_error"),
]


@pytest.mark.parametrize(("order", "status", "error"), INSTEAD)
async def test_failures_in_place_of_an_answer(slack: Any, order: dict[str, Any], status: int, error: str) -> None:
    """The call fails as ordered, nothing is stored, and the next call is served."""
    await _order(slack, **order)
    with pytest.raises(SlackApiError) as refused:
        await slack.client().chat_postMessage(channel="kafka", text="x")
    assert refused.value.response.status_code == status
    if error:
        assert refused.value.response["error"] == error
    if status == 429:
        assert refused.value.response.headers["Retry-After"] == "7"
    assert await slack.messages() == []
    assert await slack.post()


async def test_orders_are_met_in_turn_and_used_up(slack: Any) -> None:
    """Orders are met in the order in which they came, each as often as ordered."""
    await _order(slack, "error:first", times=2)
    await _order(slack, "error:second")
    answers = [await slack.call("chat.postMessage", channel="kafka", text="x") for _ in range(4)]
    assert [answer.get("error") for answer in answers] == ["first", "first", "second", None]
    assert (await slack.http.get("/faults")).json() == {"faults": []}


async def test_order_for_one_channel_and_one_method(slack: Any) -> None:
    """An order for a channel, by name or id, meets only calls for it; * meets each method."""
    await _order(slack, "error:one", channel="#gateway", method="*")
    await _order(slack, "error:two", channel=slack.channels["gateway"], method="chat.update")
    assert await slack.post("kafka")
    gateway = {"channel": slack.channels["gateway"], "ts": "1.000001", "text": "x"}
    assert (await slack.call("chat.delete", **gateway))["error"] == "one"
    assert (await slack.call("chat.delete", **gateway))["error"] == "message_not_found"
    assert (await slack.call("chat.update", **gateway))["error"] == "two"


async def test_orders_can_be_forgotten(slack: Any) -> None:
    """DELETE /faults ends all failures."""
    await _order(slack, "http_500", times=100)
    listed = (await slack.http.get("/faults")).json()["faults"]
    assert [(one["kind"], one["times"], one["left"]) for one in listed] == [("http_500", 100, 100)]
    assert (await slack.http.delete("/faults")).json() == {"forgotten": 1}
    assert await slack.post()


async def test_tokens_are_checked_before_failures(slack: Any) -> None:
    """A call that is not let in does not use up an order."""
    await _order(slack, "http_500")
    assert (await slack.call("chat.postMessage", token="nobody"))["error"] == "invalid_auth"
    assert len((await slack.http.get("/faults")).json()["faults"]) == 1


WRONG = [
    {"kind": "explode"},
    {"kind": "error:Not a code"},
    {"kind": "http_500", "times": 0},
    {"kind": "hang", "seconds": -1},
    {"kind": "http_500", "when": "now"},
]


@pytest.mark.parametrize("order", WRONG)
async def test_refuses_an_order(slack: Any, order: dict[str, Any]) -> None:
    """An order that can't be met is refused."""
    assert (await slack.http.post("/faults", json=order)).status_code == 422


async def test_orders_are_bounded(slack: Any) -> None:
    """At most 100 orders are kept."""
    answers = [await slack.http.post("/faults", json={"kind": "http_500"}) for _ in range(101)]
    assert [answer.status_code for answer in answers] == [201] * 100 + [409]
