"""Private channels: who is in one reads and writes it with scopes of their own; to others it does not exist."""

from typing import Any

import pytest

CHANNELS = [
    {"name": "kafka"},
    {"name": "secret", "private": True},
    {"name": "hidden", "private": True, "joined": False},
]

TOKENS = [
    {"token": "xoxb-test", "name": "Bongsu"},
    {"token": "xoxb-reader", "name": "Reader", "scopes": ["channels:read", "channels:history", "chat:write"]},
    {"token": "xoxb-public", "name": "Public", "scopes": ["chat:write", "chat:write.public"]},
]

BOTH = "public_channel,private_channel"


@pytest.fixture
async def slack(make_slack: Any) -> Any:
    """A workspace with private channels, and apps with and without the scopes for them."""
    slack = make_slack(channels=CHANNELS, tokens=TOKENS)
    for name in ("secret", "hidden"):
        found = await slack.http.get("/messages", params={"channel": name})
        slack.channels[name] = found.json()["channel"]["id"]
    return slack


LISTS = [("public_channel", ["kafka"]), ("private_channel", ["secret"]), (BOTH, ["kafka", "secret"])]


@pytest.mark.parametrize(("types", "names"), LISTS)
async def test_the_list_has_those_that_the_bot_is_in(slack: Any, types: str, names: list[str]) -> None:
    """Only when private channels are asked for; each says that it is one."""
    channels = (await slack.client().conversations_list(types=types))["channels"]
    assert [one["name"] for one in channels] == names
    assert [one["name"] for one in channels if one["is_private"]] == [name for name in names if name == "secret"]


CALLS = [
    ("conversations.list", {"types": "private_channel"}, "groups:read"),
    ("conversations.list", {"types": BOTH}, "groups:read"),
    ("conversations.info", {"channel": "secret"}, "groups:read"),
    ("conversations.history", {"channel": "secret"}, "groups:history"),
    ("conversations.replies", {"channel": "secret", "ts": ""}, "groups:history"),
]


@pytest.mark.parametrize(("method", "arguments", "scope"), CALLS)
async def test_reading_needs_its_scopes(slack: Any, method: str, arguments: dict[str, str], scope: str) -> None:
    """What is enough for public channels is not for private ones; with the scope it goes."""
    known = {"channel": slack.channels["secret"], "ts": await slack.post("secret")}
    given = {key: known.get(key, value) for key, value in arguments.items()}
    refused = await slack.ask(method, token="xoxb-reader", **given)
    assert (refused["error"], refused["needed"]) == ("missing_scope", scope)
    assert (await slack.ask(method, **given))["ok"]


async def test_a_member_posts_by_name_without_a_scope_of_its_own(slack: Any) -> None:
    """chat:write holds for every channel that the bot is in."""
    answer = await slack.call("chat.postMessage", token="xoxb-reader", channel="#secret", text="x")
    assert answer["channel"] == slack.channels["secret"]


@pytest.mark.parametrize("method", ["conversations.info", "conversations.history", "conversations.join"])
async def test_to_others_it_does_not_exist(slack: Any, method: str) -> None:
    """Not even whoever knows the id is told that there is one."""
    assert (await slack.ask(method, channel=slack.channels["hidden"]))["error"] == "channel_not_found"


@pytest.mark.parametrize("token", ["xoxb-test", "xoxb-public"])
async def test_others_do_not_post(slack: Any, token: str) -> None:
    """chat:write.public is for public channels."""
    for name in ("hidden", slack.channels["hidden"]):
        answer = await slack.call("chat.postMessage", token=token, channel=name, text="x")
        assert answer["error"] == "channel_not_found"


async def test_nobody_joins_by_themselves(slack: Any) -> None:
    """One has to be invited."""
    answer = await slack.ask("conversations.join", channel=slack.channels["secret"])
    assert answer["error"] == "method_not_supported_for_channel_type"
