"""conversations.*: reading channels a page at a time."""

from typing import Any

import pytest


async def _fill(slack: Any, count: int) -> list[str]:
    posted = []
    for number in range(count):
        slack.clock[0] += 1
        posted.append(await slack.post(text=str(number)))
    return posted


async def test_history_pages_newest_first(slack: Any) -> None:
    """Following next_cursor gives every message once, newest first."""
    await _fill(slack, 5)
    pages = []
    async for page in await slack.client().conversations_history(channel=slack.channels["kafka"], limit=2):
        pages.append([message["text"] for message in page["messages"]])
    assert pages == [["4", "3"], ["2", "1"], ["0"]]


WINDOWS = [
    ({}, "43210"),
    ({"oldest": 1}, "432"),
    ({"oldest": 1, "inclusive": "true"}, "4321"),
    ({"latest": 3}, "210"),
    ({"latest": 3, "inclusive": "1"}, "3210"),
    ({"oldest": 0, "latest": 4}, "321"),
    ({"oldest": 2, "latest": 2, "inclusive": "true"}, "2"),
    ({"limit": 1}, "4"),
]


@pytest.mark.parametrize(("window", "texts"), WINDOWS)
async def test_history_window(slack: Any, window: dict[str, Any], texts: str) -> None:
    """Oldest and latest are outside of the window unless inclusive is given."""
    posted = await _fill(slack, 5)
    named = {key: posted[value] if key in ("oldest", "latest") else value for key, value in window.items()}
    answer = await slack.ask("conversations.history", channel=slack.channels["kafka"], **named)
    assert "".join(message["text"] for message in answer["messages"]) == texts


async def test_metadata_only_on_request(slack: Any) -> None:
    """History has metadata only with include_all_metadata."""
    metadata = {"event_type": "alert", "event_payload": {"delivery": "7f3a"}}
    await slack.post(metadata=metadata)
    client, channel = slack.client(), slack.channels["kafka"]
    without = await client.conversations_history(channel=channel)
    with_it = await client.conversations_history(channel=channel, include_all_metadata=True)
    assert "metadata" not in without["messages"][0]
    assert with_it["messages"][0]["metadata"] == metadata


async def test_replies_page_oldest_first(slack: Any) -> None:
    """A thread is its first message and then the replies, oldest first, each once over the pages."""
    parent = await slack.post(text="parent")
    for number in range(4):
        await slack.post(text=str(number), thread_ts=parent)
    await slack.post(text="another")
    texts = []
    async for page in await slack.client().conversations_replies(channel=slack.channels["kafka"], ts=parent, limit=2):
        texts += [message["text"] for message in page["messages"]]
    assert texts == ["parent", "0", "1", "2", "3"]


async def test_replies_of_a_message_without_a_thread(slack: Any) -> None:
    """A message without replies is a thread of itself alone."""
    ts = await slack.post()
    answer = await slack.ask("conversations.replies", channel=slack.channels["kafka"], ts=ts)
    assert [message["ts"] for message in answer["messages"]] == [ts]


async def test_a_reply_says_whose_thread_it_is_in(slack: Any) -> None:
    """The user of the first message stands in each reply."""
    parent = await slack.post(text="parent")
    await slack.post(text="reply", thread_ts=parent, token="xoxb-other")
    answer = await slack.ask("conversations.replies", channel=slack.channels["kafka"], ts=parent)
    first, reply = answer["messages"]
    assert reply["parent_user_id"] == first["user"] != reply["user"]


async def test_list_pages(slack: Any) -> None:
    """The channel list is paged; archived channels can be left out."""
    names = []
    async for page in await slack.client().conversations_list(limit=3):
        names += [channel["name"] for channel in page["channels"]]
    assert names == ["kafka", "gateway", "elsewhere", "old"]
    active = await slack.client().conversations_list(exclude_archived=True)
    assert [channel["name"] for channel in active["channels"]] == ["kafka", "gateway", "elsewhere"]


async def test_join_makes_a_member(slack: Any) -> None:
    """After joining a bot can post; joining twice warns."""
    channel = slack.channels["elsewhere"]
    assert not (await slack.client().conversations_info(channel=channel))["channel"]["is_member"]
    assert (await slack.client().conversations_join(channel=channel))["channel"]["is_member"]
    assert (await slack.client().conversations_join(channel=channel))["warning"] == "already_in_channel"
    assert await slack.post("elsewhere")


ERRORS = [
    ("conversations.history", {}, "invalid_arguments"),
    ("conversations.history", {"channel": "kafka"}, "channel_not_found"),
    ("conversations.history", {"channel": "@elsewhere"}, "not_in_channel"),
    ("conversations.history", {"channel": "@kafka", "cursor": "x"}, "invalid_cursor"),
    ("conversations.history", {"channel": "@kafka", "cursor": "b2Zmc2V0OjE="}, "invalid_cursor"),
    ("conversations.history", {"channel": "@kafka", "oldest": "yesterday"}, "invalid_ts_oldest"),
    ("conversations.history", {"channel": "@kafka", "latest": "1e9"}, "invalid_ts_latest"),
    ("conversations.history", {"channel": "@kafka", "limit": "many"}, "invalid_arguments"),
    ("conversations.history", {"channel": "@kafka", "limit": "-1"}, "invalid_arguments"),
    ("conversations.replies", {"channel": "@kafka"}, "thread_not_found"),
    ("conversations.replies", {"channel": "@kafka", "ts": "1.000001"}, "thread_not_found"),
    ("conversations.list", {"types": "secret"}, "invalid_types"),
    ("conversations.list", {"limit": "all"}, "invalid_limit"),
    ("conversations.list", {"types": "public_channel,im"}, "missing_scope"),
    ("conversations.info", {"channel": "C0"}, "channel_not_found"),
    ("conversations.join", {"channel": "@old"}, "is_archived"),
]


@pytest.mark.parametrize(("method", "arguments", "error"), ERRORS)
async def test_refuses(slack: Any, method: str, arguments: dict[str, str], error: str) -> None:
    """Wrong arguments have Slack's errors; ``@name`` stands for the channel's id here."""
    await slack.post()
    named = {key: slack.channels[value[1:]] if value[:1] == "@" else value for key, value in arguments.items()}
    assert (await slack.ask(method, **named))["error"] == error
