"""What Slack makes of ``&``, ``<`` and ``>`` that a sender left as they are: entities, for they are control characters.

docs.slack.dev, "Formatting message text", has the three entities and the sequences in angle brackets. That texts come
back with entities, those of plain_text objects too, is told in slackapi/bolt-python#513.
"""

import re
from typing import Any

_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt);)")

_SEQUENCE = re.compile(r"(<(?:[@#!]|https?://|mailto:|slack://)[^<>\n]+>)", re.IGNORECASE)
"""Mentions, dates, links: what angle brackets are for."""

_LEGACY = ("text", "pretext", "title", "fallback", "author_name", "author_subname", "footer", "value")
"""Texts of an attachment without blocks, and of its fields."""


def escaped(text: str) -> str:
    """Return a formatted text as it comes back: its sequences as they are, entities for the rest."""
    parts = _SEQUENCE.split(_AMPERSAND.sub("&amp;", text))
    return "".join(part if at % 2 else _bare(part) for at, part in enumerate(parts))


def unescaped(text: str) -> str:
    """Return what people read."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def in_objects(value: Any) -> Any:
    """Return blocks, or a part of one, with all its text objects escaped."""
    if isinstance(value, list):
        return [in_objects(one) for one in value]
    if not isinstance(value, dict):
        return value
    match value.get("type"), value.get("text"):
        case "mrkdwn", str(text):
            return {**value, "text": escaped(text)}
        case "plain_text", str(text):
            return {**value, "text": _bare(_AMPERSAND.sub("&amp;", text))}
    return {name: in_objects(one) for name, one in value.items()}


def in_attachment(attachment: dict[str, Any]) -> dict[str, Any]:
    """Return an attachment, or a field of one, with its texts escaped; its blocks are left as they are."""
    kept: dict[str, Any] = {name: escaped(text) if name in _LEGACY else text for name, text in attachment.items()}
    if "fields" in kept:
        kept["fields"] = [in_attachment(one) for one in kept["fields"]]
    return kept


def _bare(text: str) -> str:
    return text.replace("<", "&lt;").replace(">", "&gt;")
