"""A webhook body becomes a Notification, or Rejected says what is wrong with it.

The format is Alertmanager's webhook, version 4 (prometheus.io/docs/alerting/latest/configuration/#webhook_config).
Later versions add fields (`notification_reason`, `routeLabels`); what is not needed is not looked at.
The group's own `status` is not read: Alertmanager computes it after `max_alerts` has cut the list, so it says
`resolved` while alerts that were cut still fire.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from alerting.errors import Refusal, Rejected
from alerting.model import Alert, Group, Notification, Status

MAX_BODY = 8 * 1024 * 1024
"""Bytes. About 10,000 alerts; Alertmanager's `max_alerts` bounds what one group can grow to."""

MAX_TRUNCATED = 1_000_000
"""More alerts left out of one group are a mistake of the sender's, and some numbers no database keeps."""

FOREIGN = "Alertmanager (4) posts to /api/v1/alertmanager, Grafana (1) to /api/v1/grafana"
"""Said to whoever sends another format."""

ALL_RESOLVED = "all alerts resolved"
"""`notification_reason` since Alertmanager 0.32; computed from the whole group, before the list is cut."""

NUL = b"\\u0000"
NUL_ESCAPED = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
"""JSON's escape of the one character that PostgreSQL can't keep, after an even number of backslashes."""

Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
Labels = Annotated[dict[str, str], BeforeValidator(lambda value: {} if value is None else value)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True)


class AlertPart(_Part):
    """One alert of a body."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: Labels = {}
    starts_at: AwareDatetime = Field(alias="startsAt")
    ends_at: AwareDatetime = Field(alias="endsAt")
    generator_url: Text = Field("", alias="generatorURL")
    fingerprint: str = Field(min_length=1, max_length=128)


class Payload(_Part):
    """What the bodies of all senders have."""

    version: str
    group_key: str = Field(alias="groupKey", min_length=1)
    group_labels: Labels = Field({}, alias="groupLabels")
    external_url: Text = Field("", alias="externalURL")
    truncated: int = Field(0, alias="truncatedAlerts", ge=0, le=MAX_TRUNCATED)
    reason: Text = Field("", alias="notification_reason")


class AlertmanagerPayload(Payload):
    """A body of Alertmanager's."""

    version: Literal["4"]
    alerts: list[AlertPart]


PayloadT = TypeVar("PayloadT", bound=Payload)


def too_large() -> Rejected:
    """Refuse a body above MAX_BODY."""
    return Rejected(
        Refusal.TOO_LARGE,
        413,
        f"the body is larger than {MAX_BODY} bytes; set max_alerts in Alertmanager's webhook_config",
    )


def receive(body: bytes) -> Notification:
    """Parse and check one webhook body. Raises Rejected."""
    payload = parsed(AlertmanagerPayload, body)
    return notified(payload, [report(part) for part in payload.alerts])


def parsed(model: type[PayloadT], body: bytes) -> PayloadT:
    """Read a body as JSON of this shape. Raises Rejected."""
    if len(body) > MAX_BODY:
        raise too_large()
    try:
        return model.model_validate_json(storable(body))
    except ValidationError as error:
        raise _rejected(error) from error


def storable(body: bytes) -> bytes:
    """Put U+FFFD in the place of the character that no database can be asked to keep."""
    return NUL_ESCAPED.sub(rb"\1\\ufffd", body) if NUL in body else body


def notified(payload: Payload, alerts: Sequence[Alert]) -> Notification:
    """Join the group of a payload with its alerts."""
    group = Group(payload.group_key, payload.group_labels, payload.external_url)
    truncated = 0 if payload.reason == ALL_RESOLVED else payload.truncated
    return Notification(group, tuple(alerts), truncated)


def report(part: AlertPart) -> Alert:
    """Read one alert."""
    status = Status(part.status)
    return Alert(
        fingerprint=part.fingerprint,
        status=status,
        starts_at=start(part.starts_at),
        ends_at=_utc(part.ends_at) if status is Status.RESOLVED else None,
        labels=part.labels,
        annotations=part.annotations,
        source_url=part.generator_url,
    )


def start(moment: datetime) -> datetime:
    """Return a start as it is kept, in UTC and cut to milliseconds.

    Alertmanager's API tells no more than those, and the same start told twice must be the same.
    """
    whole = _utc(moment)
    return whole.replace(microsecond=whole.microsecond // 1000 * 1000)


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # year 1 or 9999 in a zone that leaves the calendar
        return moment.replace(tzinfo=UTC)


def _rejected(error: ValidationError) -> Rejected:
    problem: Any = error.errors()[0]
    if problem["type"] == "json_invalid":
        return Rejected(Refusal.NOT_JSON, 400, f"the body is not JSON: {problem['ctx']['error']}")
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"]).lstrip(".")
    if place == "version":
        sentence = f"version is not the one that is taken here: {FOREIGN}"
    elif problem["type"] == "missing":
        sentence = f"{place} is missing"
    else:
        sentence = f"{place or 'the body'}: {problem['msg'][:1].lower()}{problem['msg'][1:]}"
    return Rejected(Refusal.WRONG_SHAPE, 422, sentence)
