"""429: posts a second in each channel, calls a minute of each method."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError


async def _statuses(slack: Any, count: int, **arguments: Any) -> list[int]:
    answers = []
    for _ in range(count):
        body = {"channel": "kafka", "text": "x"} | arguments
        headers = {"authorization": "Bearer xoxb-test"}
        answers.append(await slack.http.post("/api/chat.postMessage", json=body, headers=headers))
    return [answer.status_code for answer in answers]


async def test_one_post_a_second_after_a_burst(make_slack: Any) -> None:
    """A channel takes a short burst and then one post a second; other channels are not held up."""
    slack = make_slack(rates={"posts_burst": 2})
    assert await _statuses(slack, 3) == [200, 200, 429]
    assert await _statuses(slack, 1, channel="gateway") == [200]
    slack.clock[0] += 1
    assert await _statuses(slack, 2) == [200, 429]
    assert len(await slack.messages()) == 3


async def test_429_as_slack_words_it(make_slack: Any) -> None:
    """The answer has a whole number of seconds in Retry-After, and slack-sdk reads it."""
    slack = make_slack(rates={"posts_burst": 1, "posts_per_second": 0.3})
    await slack.post()
    with pytest.raises(SlackApiError) as refused:
        await slack.client().chat_postMessage(channel="kafka", text="x")
    assert refused.value.response.status_code == 429
    assert refused.value.response.headers["Retry-After"] == "4"
    assert refused.value.response.data == {"ok": False, "error": "ratelimited"}


async def test_workspace_wide_posts(make_slack: Any) -> None:
    """All channels together have a limit too."""
    slack = make_slack(rates={"posts_per_minute": 3, "posts_burst": 3})
    assert await _statuses(slack, 2) == [200, 200]
    assert await _statuses(slack, 2, channel="gateway") == [200, 429]


async def test_refused_posts_cost_nothing(make_slack: Any) -> None:
    """Neither a post refused for its content nor one refused with 429 uses up the allowance."""
    slack = make_slack(rates={"posts_burst": 1})
    for _ in range(3):
        assert (await slack.call("chat.postMessage", channel="kafka"))["error"] == "no_text"
    assert await _statuses(slack, 3) == [200, 429, 429]
    slack.clock[0] += 1
    assert await _statuses(slack, 1) == [200]


async def test_calls_a_minute_of_a_method(make_slack: Any) -> None:
    """A method has its tier's calls a minute, for each app on its own; another method has its own."""
    slack = make_slack(rates={"posts": False, "tier_3": 3})
    headers = {"authorization": "Bearer xoxb-test"}
    update = [(await slack.http.post("/api/chat.update", headers=headers)).status_code for _ in range(4)]
    assert update == [200, 200, 200, 429]
    assert (await slack.http.post("/api/chat.delete", headers=headers)).status_code == 200
    other = {"authorization": "Bearer xoxb-other"}
    assert (await slack.http.post("/api/chat.update", headers=other)).status_code == 200
    slack.clock[0] += 20
    assert (await slack.http.post("/api/chat.update", headers=headers)).status_code == 200


async def test_clock_that_goes_back(make_slack: Any) -> None:
    """A clock that is set back neither gives posts away nor blocks for ever."""
    slack = make_slack(rates={"posts_burst": 1})
    await slack.post()
    slack.clock[0] -= 3600
    assert await _statuses(slack, 1) == [429]
    slack.clock[0] += 1
    assert await _statuses(slack, 1) == [200]
