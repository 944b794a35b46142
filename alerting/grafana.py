"""A body of Grafana's webhook becomes a Notification. Pure.

The format is version 1 of Grafana Alerting's webhook notifier (grafana.com/docs, "Configure the webhook notifier for
Alerting"): Alertmanager's with other fields beside it. What its alerts have under other names is put where a message
looks for it; what the rule's own annotations say wins.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from alerting.auth import same
from alerting.model import Alert, Notification
from alerting.receive import AlertPart, Payload, Text, notified, parsed, report

KEY = "grafana"
"""What the keys of its groups begin with here: they look like Alertmanager's, and are none of its."""

AGE = timedelta(minutes=5)
"""How old, or ahead, a signed timestamp may be."""

Numbers = Annotated[dict[str, Any], BeforeValidator(lambda value: value if isinstance(value, dict) else {})]


class _Alert(AlertPart):
    dashboard_url: Text = Field("", alias="dashboardURL")
    panel_url: Text = Field("", alias="panelURL")
    values: Numbers = Field(default_factory=dict)


class GrafanaPayload(Payload):
    """A body of Grafana's."""

    version: Literal["1"]
    organisation: int = Field(1, alias="orgId")
    alerts: list[_Alert]


def receive_grafana(body: bytes) -> Notification:
    """Parse and check one webhook body. Raises Rejected."""
    payload = parsed(GrafanaPayload, body)
    found = notified(payload, [_alert(part) for part in payload.alerts])
    return replace(found, group=replace(found.group, key=f"{KEY}/{payload.organisation}/{found.group.key}"))


def _alert(part: _Alert) -> Alert:
    told = report(part)
    extra = {"dashboard_url": part.panel_url or part.dashboard_url, "value": _value(part.values)}
    return replace(told, annotations={**{name: text for name, text in extra.items() if text}, **told.annotations})


def _value(values: Mapping[str, Any]) -> str:
    """The value of a rule that has one; of several nobody can say which is compared with the threshold."""
    numbers = [value for value in values.values() if isinstance(value, int | float)]
    return f"{numbers[0]:.6g}" if len(numbers) == 1 else ""


def signed(body: bytes, secret: str, signature: str, timestamp: str | None, now: datetime) -> bool:
    """Say whether the signature is Grafana's: hex HMAC-SHA256 of the body, or of ``timestamp:body`` and fresh.

    `timestamp` is None where Grafana is not told to send one.
    """
    content = body if timestamp is None else timestamp.encode("utf-8", "surrogateescape") + b":" + body
    expected = hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()
    return same(signature, expected) and (timestamp is None or _fresh(timestamp, now))


def _fresh(timestamp: str, now: datetime) -> bool:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    return abs(now.timestamp() - int(timestamp)) <= AGE.total_seconds()
