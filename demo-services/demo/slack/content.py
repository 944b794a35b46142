"""What one message says: text, blocks, attachments, metadata; checked, cut and completed as Slack does it."""

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from demo.slack import blocks as block_kit
from demo.slack import entities, limits
from demo.slack.arguments import Arguments
from demo.slack.errors import SlackError
from demo.slack.schema import Check, array, at, boolean, number, shape, string, url

Json = dict[str, Any]


@dataclass(frozen=True)
class Content:
    """The parts of a message; None means that the call did not name the part."""

    text: str | None
    blocks: tuple[Json, ...] | None
    attachments: tuple[Json, ...] | None
    metadata: Json | None

    @property
    def says_nothing(self) -> bool:
        """Tell whether there is nothing to show (``no_text``)."""
        return not (self.text or self.blocks or self.attachments)

    def file_ids(self) -> Iterator[str]:
        """Yield the id of each file that an image block refers to."""
        for block in self.all_blocks():
            for image in (block, block.get("accessory", {}), *block.get("elements", ())):
                if image.get("type") == "image" and "slack_file" in image:
                    yield image["slack_file"].get("id", "")

    def all_blocks(self) -> Iterator[Json]:
        """Yield the blocks of the message and then those inside its attachments."""
        yield from self.blocks or ()
        for attachment in self.attachments or ():
            yield from attachment.get("blocks", ())


def read(arguments: Arguments, *, text_limit: int | None) -> Content:
    """Check what the call says; `text_limit` refuses a longer text with ``msg_too_long``, else it is cut at 40 000.

    Raises SlackError with Slack's codes: invalid_blocks_format, invalid_blocks, msg_blocks_too_long,
    invalid_attachments, too_many_attachments, invalid_metadata_format, metadata_too_large, markdown_text_conflict.
    """
    blocks = _blocks(arguments)
    text = arguments.text("text") if "text" in arguments else None
    if "markdown_text" in arguments:
        if text or blocks:
            raise SlackError("markdown_text_conflict")
        text = arguments.text("markdown_text")
        if len(text) > limits.MARKDOWN_TEXT.value:
            raise SlackError("msg_too_long")
    if text_limit is not None and len(text or "") > text_limit:
        raise SlackError("msg_too_long")
    content = Content(
        text=None if text is None else entities.escaped(text[: limits.POST_TEXT.value]),
        blocks=blocks,
        attachments=_attachments(arguments),
        metadata=_metadata(arguments),
    )
    if _length(content) > limits.BLOCKS_CHARACTERS.value:
        raise SlackError("msg_blocks_too_long")
    return content


def _length(content: Content) -> int:
    return sum(len(json.dumps(block, ensure_ascii=False, separators=(",", ":"))) for block in content.all_blocks())


def _blocks(arguments: Arguments) -> tuple[Json, ...] | None:
    given = arguments.parsed("blocks", "invalid_blocks_format")
    if given is None:
        return None
    if not isinstance(given, list):
        raise SlackError("invalid_blocks_format")
    if problems := block_kit.problems(given, "/blocks"):
        raise SlackError("invalid_blocks", problems)
    return _named(given)


def _named(blocks: list[Json]) -> tuple[Json, ...]:
    """Give a block_id to each block that has none, and entities to its texts, as Slack does."""
    return tuple(
        {**entities.in_objects(block), "block_id": block.get("block_id") or secrets.token_urlsafe(4)}
        for block in blocks
    )


# --- legacy attachments (https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments) --------


def _color(value: Any, pointer: str) -> Iterator[str]:
    if not isinstance(value, str) or not re.fullmatch(r"good|warning|danger|#?[0-9A-Fa-f]{6}|#?[0-9A-Fa-f]{3}", value):
        yield at(pointer, "must be good, warning, danger or a hexadecimal colour")


def _timestamp(value: Any, pointer: str) -> Iterator[str]:
    if not (isinstance(value, str) and re.fullmatch(r"\d{1,12}(\.\d{1,9})?", value)):
        yield from number(value, pointer)


_LONG = string(limits.POST_TEXT.value, least=0)

_FIELD = shape({}, {"title": _LONG, "value": _LONG, "short": boolean})

_LEGACY: dict[str, Check] = {
    **dict.fromkeys(("text", "pretext", "title", "author_name", "author_subname"), _LONG),
    **dict.fromkeys(("title_link", "author_link", "author_icon", "image_url", "thumb_url", "footer_icon"), url(3000)),
    "fields": array(_FIELD, 100, least=0),
    "footer": string(limits.ATTACHMENT_FOOTER.value, least=0),
    "ts": _timestamp,
    "mrkdwn_in": array(string(20), 10, least=0),
    "callback_id": string(255, least=0),  # Alertmanager sends an empty one
}

_COMMON: dict[str, Check] = {"color": _color, "fallback": _LONG, "id": number}

_ATTACHMENT = shape({}, {**_COMMON, **_LEGACY}, either=("text", "fallback", "title", "pretext", "fields", "image_url"))


def _attachments(arguments: Arguments) -> tuple[Json, ...] | None:
    given = arguments.parsed("attachments", "invalid_attachments")
    if given is None:
        return None
    if not isinstance(given, list):
        raise SlackError("invalid_attachments")
    if len(given) > limits.ATTACHMENTS.value:
        raise SlackError("too_many_attachments")
    for index, attachment in enumerate(given):
        if problems := list(_attachment_problems(attachment, f"/attachments/{index}")):
            raise SlackError("invalid_attachments", problems)
    return tuple(_completed(attachment, number) for number, attachment in enumerate(given, start=1))


def _attachment_problems(attachment: Any, pointer: str) -> Iterator[str]:
    """Yield what is wrong; beside ``blocks`` only colour and fallback may stand (slackapi/java-slack-sdk#415)."""
    if not isinstance(attachment, dict) or not attachment.get("blocks"):
        yield from _ATTACHMENT(attachment, pointer)
        return
    if attachment.keys() - {"blocks", *_COMMON}:
        yield "invalid_keys"
        return
    for name, check in _COMMON.items():
        if name in attachment:
            yield from check(attachment[name], f"{pointer}/{name}")
    yield from block_kit.problems(attachment["blocks"], f"{pointer}/blocks")


def _completed(attachment: Json, number: int) -> Json:
    fallback = attachment.get("fallback") or attachment.get("text") or "[no preview available]"
    kept = entities.in_attachment({**attachment, "id": number, "fallback": fallback})
    if attachment.get("blocks"):
        kept["blocks"] = list(_named(attachment["blocks"]))
    return kept


# --- metadata (https://docs.slack.dev/messaging/message-metadata) ----------------------------------------------------


def _metadata(arguments: Arguments) -> Json | None:
    """Return the metadata; an empty object (``chat.update`` removes with it) comes back empty."""
    given = arguments.parsed("metadata", "invalid_metadata_format")
    if given is None:
        return None
    if given == {}:
        return {}
    check = shape({"event_type": string(255), "event_payload": _any_object}, {})
    if problems := list(check(given, "/metadata")):
        raise SlackError("invalid_metadata_format", problems)
    if len(json.dumps(given, ensure_ascii=False).encode()) > limits.METADATA_BYTES.value:
        raise SlackError("metadata_too_large")
    return dict(given)


def _any_object(value: Any, pointer: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield at(pointer, "must provide an object")
