"""Untrusted text made safe for Slack, within Slack's lengths.

In mrkdwn only ``&``, ``<`` and ``>`` are control characters (docs.slack.dev, "Formatting message text"): escaped, no
label value can mention a channel or a person, or forge a link. Lengths count UTF-16 units, the widest way that a
limit of "characters" can be meant.
"""

from collections.abc import Sequence
from datetime import datetime

ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
IN_URL = {"<": "%3C", ">": "%3E", "|": "%7C", '"': "%22", "\\": "%5C", "&": "&amp;"}
MAX_URL = 1500
"""As it is written, escapes and all: what stands around it fits into 2,000."""


def width(text: str) -> int:
    """Length in UTF-16 units."""
    return len(text) + sum(character > "\uffff" for character in text)


def escape(raw: str, limit: int) -> str:
    """Escape for mrkdwn, cut at `limit` with an ellipsis and never inside an entity."""
    return _clip([ENTITIES.get(character, character) for character in _printable(raw, limit)], limit)


def plain(raw: str, limit: int) -> str:
    """Text for a plain_text object: one line, not interpreted by Slack."""
    return _clip(list(one_line(_printable(raw, limit))), limit)


def code(raw: str, limit: int) -> str:
    """One line in backticks, where no formatting character means anything."""
    return f"`{escape(one_line(_printable(raw, limit)).replace('`', 'ˋ'), limit - 2)}`"


def one_line(raw: str) -> str:
    """Every run of white space becomes one space."""
    return " ".join(raw.split())


def link(url: str, label: str) -> str | None:
    """A mrkdwn link, or None for what is not a plain http(s) URL of reasonable length."""
    if not url.startswith(("http://", "https://")) or not url.isprintable() or " " in url:
        return None
    safe = "".join(IN_URL.get(character, character) for character in url)
    if width(safe) > MAX_URL:
        return None
    return f"<{safe}|{escape(label, 80).replace('|', '¦')}>"


def when(moment: datetime) -> str:
    """A time in the reader's own zone; the part after the bar is for clients that can't."""
    return f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} {{time_secs}}|{moment:%Y-%m-%d %H:%M:%S} UTC>"


def joined(lines: Sequence[str], limit: int, separator: str = "\n") -> tuple[str, int]:
    """As many of the lines as fit, and how many that were."""
    kept: list[str] = []
    used = 0
    for line in lines:
        used += width(line) + len(separator)
        if used > limit:
            break
        kept.append(line)
    return separator.join(kept), len(kept)


def _printable(raw: str, limit: int) -> str:
    """Drop control characters (they reverse a line, or hide in it) except white space; look no further than needed."""
    return "".join(character for character in raw[: 4 * limit] if character.isprintable() or character in "\n\t ")


def _clip(characters: list[str], limit: int) -> str:
    if sum(map(width, characters)) <= limit:
        return "".join(characters)
    kept: list[str] = []
    used = 1
    for character in characters:
        used += width(character)
        if used > limit:
            break
        kept.append(character)
    return "".join(kept) + "…"
