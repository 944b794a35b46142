"""Legacy attachments: the only way to a colour bar."""

from typing import Any

import pytest

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "x"}}

GOOD = [
    {"text": "x"},
    {"fallback": "x", "color": "good"},
    {"color": "#E01E5A", "blocks": [SECTION], "fallback": "x"},
    {"color": "e01", "title": "t", "title_link": "https://x", "fields": [{"title": "a", "value": "b", "short": True}]},
    {"text": "x", "footer": "f", "ts": 1800000000, "mrkdwn_in": ["text"]},
    # as Alertmanager sends it
    {"title": "[FIRING:1] Lag", "text": "", "fallback": "[FIRING:1] Lag", "callback_id": "", "footer": ""},
]


@pytest.mark.parametrize("attachment", GOOD)
async def test_accepts(slack: Any, attachment: dict[str, Any]) -> None:
    """Attachments as Slack documents them are kept; an id and a fallback are added."""
    await slack.post(attachments=[attachment])
    ((kept,),) = [message["attachments"] for message in await slack.messages()]
    for block in kept.get("blocks", ()):
        assert block.pop("block_id")
    assert kept == {"fallback": kept["fallback"], **attachment, "id": 1}
    assert kept["fallback"]


BAD = [
    ("x", "must provide an object [json-pointer:/attachments/1]"),
    ({}, "must define either `text` or `fallback`"),
    ({"text": "x", "colour": "good"}, "invalid additional property: colour [json-pointer:/attachments/1]"),
    ({"text": "x", "color": "red"}, "must be good, warning, danger or a hexadecimal colour"),
    ({"text": "x", "footer": "f" * 301}, "must be less than 301 characters [json-pointer:/attachments/1/footer]"),
    ({"text": "x", "image_url": "javascript:x"}, "invalid url [json-pointer:/attachments/1/image_url]"),
    ({"blocks": [SECTION], "text": "x"}, "invalid_keys"),
    ({"blocks": [{"type": "header"}]}, "missing required field: text [json-pointer:/attachments/1/blocks/0]"),
]


@pytest.mark.parametrize(("attachment", "problem"), BAD)
async def test_refuses(slack: Any, attachment: Any, problem: str) -> None:
    """A wrong attachment is invalid_attachments, with its place."""
    answer = await slack.call("chat.postMessage", channel="kafka", attachments=[{"text": "fine"}, attachment])
    assert answer["error"] == "invalid_attachments"
    assert any(message.startswith(f"[ERROR] {problem}") for message in answer["response_metadata"]["messages"])
