"""reactions.add, remove, get."""

from typing import Any

import pytest


async def test_reactions_come_and_go(slack: Any) -> None:
    """A bot reacts once with each emoji, others add to it, and each takes only its own back."""
    where = {"channel": slack.channels["kafka"], "timestamp": await slack.post()}
    other = slack.client("xoxb-other")
    await slack.client().reactions_add(name="eyes", **where)
    await other.reactions_add(name="eyes", **where)
    assert (await slack.call("reactions.add", name="eyes", **where))["error"] == "already_reacted"
    seen = await slack.client().reactions_get(**where)
    assert [(one["name"], one["count"]) for one in seen["message"]["reactions"]] == [("eyes", 2)]
    await slack.client().reactions_remove(name="eyes", **where)
    assert (await slack.call("reactions.remove", name="eyes", **where))["error"] == "no_reaction"
    await other.reactions_remove(name="eyes", **where)
    assert (await slack.messages())[0]["reactions"] == []


ERRORS = [
    ({"name": "eyes"}, "no_item_specified"),
    ({"name": "eyes", "channel": "C0", "timestamp": "1.000001"}, "channel_not_found"),
    ({"name": "eyes", "channel": "@kafka", "timestamp": "1.000001"}, "message_not_found"),
    ({"name": "eyes", "channel": "@kafka", "timestamp": "yesterday"}, "bad_timestamp"),
    ({"name": "<b>", "channel": "@kafka", "timestamp": "1.000001"}, "invalid_name"),
    ({"channel": "@kafka", "timestamp": "1.000001"}, "invalid_arguments"),
]


@pytest.mark.parametrize(("arguments", "error"), ERRORS)
async def test_refuses(slack: Any, arguments: dict[str, str], error: str) -> None:
    """Wrong arguments have Slack's errors."""
    named = {key: slack.channels["kafka"] if value == "@kafka" else value for key, value in arguments.items()}
    assert (await slack.call("reactions.add", **named))["error"] == error


async def test_too_many_emoji(slack: Any) -> None:
    """A message takes a limited number of different emoji."""
    where = {"channel": slack.channels["kafka"], "timestamp": await slack.post()}
    answers = [await slack.call("reactions.add", name=f"emoji{number}", **where) for number in range(24)]
    assert [answer.get("error") for answer in answers] == [None] * 23 + ["too_many_emoji"]
