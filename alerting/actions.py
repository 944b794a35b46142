"""What Slack sends when somebody clicks becomes a Click, or Rejected says why it is none. Pure.

The format is Slack's `block_actions` payload (docs.slack.dev/reference/interaction-payloads/block_actions-payload),
over HTTP as the form field `payload`, through a socket as it is. The message that was clicked says what is meant: a
button carries no state that somebody could forge or that could grow old.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from slack_sdk.signature import SignatureVerifier

from alerting.errors import Refusal, Rejected
from alerting.model import Deed, Person, Posted
from alerting.receive import storable

MAX_CLICK = 1024 * 1024
"""Bytes. A click carries its whole message."""

AGE_SECONDS = 300
"""An older request is a replay (docs.slack.dev, "Verifying requests from Slack")."""

MORNING = time(9)
"""When "until tomorrow" ends, in the time zone of the settings."""

HOURS: Mapping[str, float] = {"1h": 1.0, "4h": 4.0}
TOMORROW = "tomorrow"
"""Values of the silence menu, which says how long: some hours, or until the morning of the next day."""


@dataclass(frozen=True)
class Click:
    """Somebody wants something done about the message at `message`. `key` is the same when the click comes again."""

    key: str
    deed: Deed
    message: Posted
    by: Person
    at: datetime
    until: datetime | None


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True)


class _User(_Part):
    id: str = Field(pattern=r"^[UW][A-Z0-9]{1,20}$")
    username: str = Field("", max_length=200)
    name: str = Field("", max_length=200)


class _Container(_Part):
    channel_id: str = Field("", max_length=100)
    message_ts: str = Field("", max_length=50)


class _Option(_Part):
    value: str = ""


class _Action(_Part):
    action_id: str
    action_ts: str = Field("", max_length=50)
    selected_option: _Option | None = None


class _Payload(_Part):
    type: str
    user: _User
    container: _Container = _Container()
    actions: list[_Action] = []


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Check Slack's signature over the body as it came. Raises Rejected (401)."""
    sent = headers.get("x-slack-request-timestamp", "")
    signature = headers.get("x-slack-signature", "")
    if not (sent.isascii() and sent.isdigit() and len(sent) < 20 and signature.isascii()):
        raise _forged("is not signed as Slack signs")
    if abs(now.timestamp() - int(sent)) > AGE_SECONDS:
        raise _forged("was signed more than five minutes ago")
    try:
        expected = SignatureVerifier(secret).generate_signature(timestamp=sent, body=body)
    except UnicodeDecodeError:
        expected = None
    if expected is None or not hmac.compare_digest(expected, signature):
        raise _forged("is signed with another secret")


def payload(body: bytes) -> bytes:
    """Take the payload out of the form. Raises Rejected (400)."""
    try:
        found = parse_qs(body.decode(), strict_parsing=True, max_num_fields=10).get("payload", [])
    except ValueError:
        found = []
    if len(found) != 1:
        raise Rejected(Refusal.WRONG_SHAPE, 400, "the body is not a form with one payload")
    return found[0].encode()


def read(raw: bytes, now: datetime, zone: ZoneInfo) -> tuple[Click, ...]:
    """Read a payload. Raises Rejected (400); what is no click on a button of ours is none."""
    try:
        found = _Payload.model_validate_json(storable(raw))
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise Rejected(Refusal.WRONG_SHAPE, 400, f"{place or 'the payload'}: {problem['msg']}") from error
    if found.type != "block_actions":
        return ()
    by = Person(found.user.id, found.user.name or found.user.username or found.user.id)
    message = Posted(found.container.channel_id, found.container.message_ts)
    clicks = []
    for action in found.actions:
        if action.action_id in set(Deed):
            deed = Deed(action.action_id)
            until = _until(action, now, zone) if deed is Deed.SILENCE else None
            key = f"{by.id}/{message.channel_id}/{message.ts}/{deed}/{action.action_ts}"
            clicks.append(Click(key, deed, message, by, now, until))
    return tuple(clicks)


def _until(action: _Action, now: datetime, zone: ZoneInfo) -> datetime:
    chosen = action.selected_option.value if action.selected_option else ""
    if chosen in HOURS:
        return now + timedelta(hours=HOURS[chosen])
    if chosen == TOMORROW:
        day = now.astimezone(zone).date() + timedelta(days=1)
        return datetime.combine(day, MORNING, zone).astimezone(now.tzinfo)
    raise Rejected(Refusal.WRONG_SHAPE, 400, "a silence lasts 1h, 4h or until tomorrow")


def _forged(why: str) -> Rejected:
    return Rejected(Refusal.UNAUTHORIZED, 401, f"the request {why}")
