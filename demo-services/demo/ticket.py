"""The id of a question: where its record lies in the topic, signed, so that nobody can make one up.

``<partition>-<offset>-<signature>``: with it the service that answers knows, without a table of all questions,
whether an id was ever given out (signature), and whether its question was worked off yet (position).
"""

import hashlib
import hmac
import re

from demo.kafka import Position

FORM = re.compile(r"(\d{1,9})-(\d{1,18})-([0-9a-f]{16})", re.ASCII)


def issue(secret: bytes, position: Position) -> str:
    """Make the id of the question at `position`."""
    return f"{position.partition}-{position.offset}-{_sign(secret, position)}"


def read(secret: bytes, ticket: str) -> Position | None:
    """Return the position in `ticket`, or None when `ticket` was not issued with `secret`."""
    match = FORM.fullmatch(ticket)
    if match is None:
        return None
    position = Position(int(match[1]), int(match[2]))
    # Compared whole, so that 01-7-... is no second name of 1-7-...
    return position if hmac.compare_digest(issue(secret, position), ticket) else None


def _sign(secret: bytes, position: Position) -> str:
    text = f"{position.partition}-{position.offset}".encode()
    return hmac.new(secret, text, hashlib.sha256).hexdigest()[:16]
