"""What comes back of ``&``, ``<`` and ``>``."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.slack.entities import escaped, unescaped

TEXTS = [
    ("lag & limits", "lag &amp; limits"),
    ("lag &amp; limits", "lag &amp; limits"),
    ("p99 > 2 s, p50 < 1 s", "p99 &gt; 2 s, p50 &lt; 1 s"),
    ("> quoted", "&gt; quoted"),
    ("&lt;none&gt; &copy;", "&lt;none&gt; &amp;copy;"),
    ("<https://x.y/?a=1&b=2|here>", "<https://x.y/?a=1&amp;b=2|here>"),
    ("<!here> <@U1> <#C1|kafka> <mailto:a@b.c>", "<!here> <@U1> <#C1|kafka> <mailto:a@b.c>"),
    ("<!date^0^{date}|then> -> now", "<!date^0^{date}|then> -&gt; now"),
    ("<script>", "&lt;script&gt;"),
]


@pytest.mark.parametrize(("sent", "back"), TEXTS)
async def test_of_a_formatted_text(slack: Any, sent: str, back: str) -> None:
    """What is no sequence becomes an entity: in text, mrkdwn objects and attachments, in the answer and in history."""
    block = {"type": "section", "text": {"type": "mrkdwn", "text": sent}}
    attachment = {"text": sent, "fields": [{"title": "t", "value": sent}]}
    answer = await slack.call("chat.postMessage", channel="kafka", text=sent, blocks=[block], attachments=[attachment])
    history = await slack.ask("conversations.history", channel=slack.channels["kafka"])
    for message in (answer["message"], history["messages"][0]):
        (shown,) = message["attachments"]
        assert message["text"] == message["blocks"][0]["text"]["text"] == back
        assert shown["text"] == shown["fields"][0]["value"] == back


async def test_of_a_plain_text(slack: Any) -> None:
    """It has no sequences, wherever it stands; what is no text stays as it is."""
    button = {
        "type": "button",
        "action_id": "a",
        "value": "a&b",
        "text": {"type": "plain_text", "text": "<!here> & on"},
    }
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "a > b"}},
        {"type": "actions", "elements": [button]},
    ]
    answer = await slack.call("chat.postMessage", channel="kafka", text="x", blocks=blocks)
    header, actions = answer["message"]["blocks"]
    assert header["text"]["text"] == "a &gt; b"
    assert actions["elements"][0] == button | {"text": {"type": "plain_text", "text": "&lt;!here&gt; &amp; on"}}


async def test_an_edit_is_no_exception(slack: Any) -> None:
    """chat.update answers with the text as it is kept."""
    ts = await slack.post()
    answer = await slack.call("chat.update", channel=slack.channels["kafka"], ts=ts, text="a & b")
    assert answer["text"] == answer["message"]["text"] == "a &amp; b"


@given(st.text(alphabet="&<>amplgt;#@!|ht:/ x", max_size=40))
def test_once_is_enough(text: str) -> None:
    """What is escaped is not escaped again, nothing else changes, and no control character is left over."""
    once = escaped(text)
    assert escaped(once) == once
    assert unescaped(once) == unescaped(text)
    assert not re.search(r"&(?!(amp|lt|gt);)", once)
    assert re.sub(r"<[^<>\n]+>", "", once).count("<") == 0
