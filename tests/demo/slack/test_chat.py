"""chat.postMessage, chat.update, chat.delete."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "*lag*"}}


@pytest.mark.parametrize("name", ["kafka", "#kafka", "id"])
async def test_posts_by_id_and_by_name(slack: Any, name: str) -> None:
    """A channel to post to may be named by its id, by #name and by name; the answer has the id."""
    channel = slack.channels["kafka"] if name == "id" else name
    answer = await slack.client().chat_postMessage(channel=channel, text="hello", blocks=[SECTION])
    assert answer["channel"] == slack.channels["kafka"]
    assert answer["message"]["text"] == "hello"
    assert answer["message"]["ts"] == answer["ts"]
    assert answer["message"]["blocks"][0]["text"] == SECTION["text"]
    assert answer["message"]["blocks"][0]["block_id"]
    assert answer["message"]["bot_profile"]["name"] == "Bongsu"


async def test_ts_rises_within_one_instant(slack: Any) -> None:
    """Messages posted at the same instant have different ts that rise; each is seconds, a dot, six digits."""
    posted = [await slack.post() for _ in range(3)]
    assert posted == ["1800000000.250000", "1800000000.250001", "1800000000.250002"]


async def test_ts_rises_when_the_clock_goes_back(slack: Any) -> None:
    """A clock that is set back does not make ts fall."""
    first = await slack.post()
    slack.clock[0] -= 3600
    assert float(await slack.post()) > float(first)


POST_ERRORS = [
    ({}, "invalid_arguments"),
    ({"channel": "nowhere", "text": "x"}, "channel_not_found"),
    ({"channel": "C0NOWHERE", "text": "x"}, "channel_not_found"),
    ({"channel": "elsewhere", "text": "x"}, "not_in_channel"),
    ({"channel": "old", "text": "x"}, "is_archived"),
    ({"channel": "kafka"}, "no_text"),
    ({"channel": "kafka", "text": ""}, "no_text"),
    ({"channel": "kafka", "blocks": []}, "no_text"),
    ({"channel": ["kafka"], "text": "x"}, "invalid_arguments"),
    ({"channel": "kafka", "text": {"a": 1}}, "invalid_arguments"),
    ({"channel": "kafka", "text": "x", "blocks": "{"}, "invalid_blocks_format"),
    ({"channel": "kafka", "text": "x", "blocks": {}}, "invalid_blocks_format"),
    ({"channel": "kafka", "text": "x", "blocks": [{"type": "sectoin"}]}, "invalid_blocks"),
    ({"channel": "kafka", "blocks": [SECTION] * 51}, "invalid_blocks"),
    (
        {"channel": "kafka", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2900}}] * 5},
        "msg_blocks_too_long",
    ),
    ({"channel": "kafka", "attachments": {}}, "invalid_attachments"),
    ({"channel": "kafka", "attachments": [{"text": "x"}] * 101}, "too_many_attachments"),
    ({"channel": "kafka", "attachments": [{"color": "#12345g", "text": "x"}]}, "invalid_attachments"),
    ({"channel": "kafka", "text": "x", "thread_ts": "1.000001"}, "thread_not_found"),
    ({"channel": "kafka", "text": "x", "thread_ts": "0"}, "invalid_thread_ts"),
    ({"channel": "kafka", "text": "x", "metadata": "{"}, "invalid_metadata_format"),
    ({"channel": "kafka", "text": "x", "metadata": {"event_type": "a"}}, "invalid_metadata_format"),
    ({"channel": "kafka", "text": "x", "metadata": {"event_type": "", "event_payload": {}}}, "invalid_metadata_format"),
    (
        {"channel": "kafka", "text": "x", "metadata": {"event_type": "a", "event_payload": {"b": "c" * 20_000}}},
        "metadata_too_large",
    ),
    ({"channel": "kafka", "text": "x", "markdown_text": "y"}, "markdown_text_conflict"),
    (
        {"channel": "kafka", "blocks": [{"type": "image", "slack_file": {"id": "F1"}, "alt_text": "x"}]},
        "invalid_blocks",
    ),
]


@pytest.mark.parametrize(("arguments", "error"), POST_ERRORS)
async def test_refuses_a_post(slack: Any, arguments: dict[str, Any], error: str) -> None:
    """A post that Slack refuses is refused with Slack's error and stores nothing."""
    answer = await slack.call("chat.postMessage", **arguments)
    assert (answer["ok"], answer["error"]) == (False, error)
    assert await slack.messages() == []


async def test_error_detail_is_worded_as_by_slack(slack: Any) -> None:
    """The detail of invalid_blocks is in response_metadata.messages, with a JSON pointer."""
    long = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}
    with pytest.raises(SlackApiError) as refused:
        await slack.client().chat_postMessage(channel="#kafka", text="x", blocks=[long])
    assert refused.value.response["response_metadata"]["messages"] == [
        "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    ]


async def test_public_scope_posts_without_membership(slack: Any) -> None:
    """A token with chat:write.public posts to public channels that the bot is not in."""
    answer = await slack.call("chat.postMessage", token="xoxb-public", channel="elsewhere", text="x")
    assert answer["ok"]


async def test_long_text_is_cut_with_a_warning(slack: Any) -> None:
    """A post's text is cut at 40 000 characters, and the answer warns."""
    answer = await slack.call("chat.postMessage", channel="kafka", text="x" * 40_001)
    assert answer["warning"] == "message_truncated"
    assert len(answer["message"]["text"]) == 40_000


async def test_form_post_is_the_same_as_json(slack: Any) -> None:
    """Blocks, attachments and metadata may come as JSON text in a form."""
    form = {
        "channel": "kafka",
        "text": "x",
        "blocks": '[{"type":"divider","block_id":"d"}]',
        "attachments": '[{"text":"a","color":"good"}]',
        "metadata": '{"event_type":"e","event_payload":{"n":1}}',
    }
    await slack.http.post("/api/chat.postMessage", data=form, headers={"authorization": "Bearer xoxb-test"})
    (message,) = await slack.messages()
    assert message["blocks"] == [{"type": "divider", "block_id": "d"}]
    assert message["color"] == "good"
    assert message["metadata"] == {"event_type": "e", "event_payload": {"n": 1}}


async def test_replies_hang_below_their_parent(slack: Any) -> None:
    """A reply to a reply joins the same thread; only a broadcast reply is seen in the channel."""
    parent = await slack.post()
    reply = await slack.post(thread_ts=parent, text="one")
    await slack.post(thread_ts=reply, text="two", reply_broadcast=True)
    history = (await slack.ask("conversations.history", channel=slack.channels["kafka"]))["messages"]
    assert [message["text"] for message in history] == ["two", "hello"]
    assert history[1]["reply_count"] == 2
    (message,) = await slack.messages()
    assert [one["text"] for one in message["thread"]] == ["one", "two"]


# --- editing ---------------------------------------------------------------------------------------------------------


async def test_edits_in_place(slack: Any) -> None:
    """An edit keeps the ts, marks the message, and leaves metadata that it does not name."""
    ts = await slack.post(metadata={"event_type": "e", "event_payload": {}})
    slack.clock[0] += 60
    answer = await slack.client().chat_update(channel=slack.channels["kafka"], ts=ts, text="bye")
    assert (answer["ts"], answer["text"], answer["message"]["text"]) == (ts, "bye", "bye")
    (message,) = await slack.messages()
    assert (message["text"], message["edits"], message["edited"]) == ("bye", 1, "1800000060.250000")
    assert message["metadata"] == {"event_type": "e", "event_payload": {}}


EDITS = [
    ({"text": "new"}, ("new", [], ["old"])),
    ({"blocks": [SECTION]}, ("old", ["section"], ["old"])),
    ({"text": "new", "blocks": [SECTION]}, ("new", ["section"], ["old"])),
    ({"attachments": []}, ("old", ["divider"], [])),
    ({"attachments": [{"text": "new"}]}, ("old", ["divider"], ["new"])),
]


@pytest.mark.parametrize(("change", "result"), EDITS)
async def test_edit_keeps_what_it_does_not_name(slack: Any, change: dict[str, Any], result: tuple[Any, ...]) -> None:
    """Parts that an edit does not name stay, but text without blocks removes the blocks."""
    ts = await slack.post(text="old", blocks=[{"type": "divider"}], attachments=[{"text": "old"}])
    if "text" not in change and "blocks" not in change:
        change = {**change, "blocks": [{"type": "divider"}]}
    answer = await slack.call("chat.update", channel=slack.channels["kafka"], ts=ts, **change)
    assert answer["ok"], answer
    (message,) = await slack.messages()
    shown = (message["text"], [b["type"] for b in message["blocks"]], [a["text"] for a in message["attachments"]])
    assert shown == result


async def test_empty_metadata_removes_metadata(slack: Any) -> None:
    """An edit with an empty metadata object removes the metadata."""
    ts = await slack.post(metadata={"event_type": "e", "event_payload": {}})
    await slack.call("chat.update", channel=slack.channels["kafka"], ts=ts, text="x", metadata={})
    assert (await slack.messages())[0]["metadata"] is None


UPDATE_ERRORS = [
    ({"channel": "kafka"}, "channel_not_found"),
    ({"channel": "#kafka"}, "channel_not_found"),
    ({"ts": "1.000001"}, "message_not_found"),
    ({"ts": ""}, "invalid_arguments"),
    ({"text": "x" * 4001}, "msg_too_long"),
    ({"text": None}, "no_text"),
    ({"text": ""}, "no_text"),
    ({"blocks": [{"type": "header"}]}, "invalid_blocks"),
]


@pytest.mark.parametrize(("change", "error"), UPDATE_ERRORS)
async def test_refuses_an_edit(slack: Any, change: dict[str, Any], error: str) -> None:
    """An edit that Slack refuses is refused with Slack's error and changes nothing."""
    ts = await slack.post()
    arguments = {"channel": slack.channels["kafka"], "ts": ts, "text": "new"} | change
    assert (await slack.call("chat.update", **arguments))["error"] == error
    assert (await slack.messages())[0]["text"] == "hello"


async def test_only_own_messages_can_be_changed(slack: Any) -> None:
    """Another app's message can be neither edited nor deleted."""
    where = {"channel": slack.channels["kafka"], "ts": await slack.post()}
    assert (await slack.call("chat.update", token="xoxb-other", text="x", **where))["error"] == "cant_update_message"
    assert (await slack.call("chat.delete", token="xoxb-other", **where))["error"] == "cant_delete_message"


async def test_edit_window_closes(make_slack: Any) -> None:
    """With an edit window, an edit after it is refused."""
    slack = make_slack(edit_window="1m")
    ts = await slack.post()
    channel = (await slack.ask("conversations.list"))["channels"][0]["id"]
    slack.clock[0] += 60
    assert (await slack.call("chat.update", channel=channel, ts=ts, text="in time"))["ok"]
    slack.clock[0] += 1
    late = await slack.call("chat.update", channel=channel, ts=ts, text="late")
    assert late["error"] == "edit_window_closed"


async def test_archived_channel_is_inactive_for_edits(slack: Any) -> None:
    """Posting to an archived channel says is_archived; editing there says is_inactive."""
    answer = await slack.call("chat.update", channel=slack.channels["old"], ts="1.000001", text="x")
    assert answer["error"] == "is_inactive"


async def test_deletes(slack: Any) -> None:
    """A deleted message is gone; one with replies leaves Slack's notice."""
    channel = slack.channels["kafka"]
    alone, parent = await slack.post(), await slack.post()
    await slack.post(thread_ts=parent)
    for ts in (alone, parent):
        assert (await slack.client().chat_delete(channel=channel, ts=ts))["ts"] == ts
    (left,) = await slack.messages()
    assert (left["ts"], left["deleted"], left["text"], len(left["thread"])) == (
        parent,
        True,
        "This message was deleted.",
        1,
    )
    assert (await slack.call("chat.update", channel=channel, ts=parent, text="x"))["error"] == "message_not_found"


async def test_keeps_the_last_messages_only(make_slack: Any) -> None:
    """The oldest messages go when there are more than messages_kept; editing one then finds nothing."""
    slack = make_slack(messages_kept=3)
    posted = [await slack.post(text=str(number)) for number in range(5)]
    assert [message["text"] for message in await slack.messages()] == ["2", "3", "4"]
    channel = (await slack.ask("conversations.list"))["channels"][0]["id"]
    gone = await slack.call("chat.update", channel=channel, ts=posted[0], text="x")
    assert gone["error"] == "message_not_found"


async def test_tells_where_a_message_is_shown(slack: Any) -> None:
    """The permalink leads a browser to the message on its channel's page; an unknown message has none."""
    channel, ts = slack.channels["kafka"], await slack.post()
    permalink = (await slack.ask("chat.getPermalink", channel=channel, message_ts=ts))["permalink"]
    answer = await slack.http.get(permalink)
    assert (answer.status_code, answer.headers["location"]) == (307, f"/channels/kafka#m{ts}")
    reply = await slack.post(thread_ts=ts)
    in_thread = (await slack.ask("chat.getPermalink", channel=channel, message_ts=reply))["permalink"]
    assert in_thread.partition("?")[2] == f"thread_ts={ts}&cid={channel}"
    gone = await slack.ask("chat.getPermalink", channel=channel, message_ts="1.000001")
    assert gone["error"] == "message_not_found"
