"""What another system is told while Slack does not show an alert: a POST of JSON, signed if there is a secret. Pure.

    {"version": "1", "sent_at": TIME, "alerts": [{"id", "status", "name", "severity", "summary", "description",
     "channel", "starts_at", "ends_at", "labels", "annotations", "links"}, …]}

`status` is ``firing`` or ``resolved``. An alert has one `id` from its start to its end, however often it is told. The
signature is that of Slack's own requests with other names: hex HMAC-SHA256 of ``v1:TIMESTAMP:BODY``.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alerting.config import LinkSettings
from alerting.model import Alert
from alerting.view import links_of

VERSION = "1"
TIMESTAMP, SIGNATURE = "X-Bongsu-Timestamp", "X-Bongsu-Signature"


@dataclass(frozen=True)
class Tale:
    """An alert of an episode, as it is told; what is told of its beginning is told of its end."""

    episode_id: int
    channel: str
    alertmanager_url: str
    alert: Alert

    @property
    def id(self) -> str:
        """Name the alert from this start to its end."""
        name = [self.episode_id, self.alert.fingerprint, self.alert.starts_at.isoformat()]
        return hashlib.sha256(json.dumps(name).encode()).hexdigest()[:32]


def body(tales: Sequence[Tale], settings: LinkSettings, now: datetime) -> bytes:
    """Return the body that tells them."""
    alerts = [_alert(tale, settings) for tale in tales]
    told = {"version": VERSION, "sent_at": now.isoformat(), "alerts": alerts}
    return json.dumps(told, ensure_ascii=False).encode()


def signature(secret: str, content: bytes, now: datetime) -> dict[str, str]:
    """Return the headers that show who sent it, and when."""
    stamp = str(int(now.timestamp()))
    signed = hmac.new(secret.encode(), f"v1:{stamp}:".encode() + content, hashlib.sha256).hexdigest()
    return {TIMESTAMP: stamp, SIGNATURE: f"v1={signed}"}


def _alert(tale: Tale, settings: LinkSettings) -> dict[str, Any]:
    alert = tale.alert
    return {
        "id": tale.id,
        "status": alert.status.value,
        "name": alert.labels.get("alertname", ""),
        "severity": alert.labels.get("severity", ""),
        "summary": alert.annotations.get("summary", ""),
        "description": alert.annotations.get("description", ""),
        "channel": tale.channel,
        "starts_at": alert.starts_at.isoformat(),
        "ends_at": alert.ends_at.isoformat() if alert.ends_at else None,
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "links": {name.lower(): url for name, url in links_of(alert, tale.alertmanager_url, settings).items()},
    }
