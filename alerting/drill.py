"""A test alert, as a webhook body: it fires and resolves like any other, and says that it is none. Pure."""

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

PREFIX = "test/"
"""What the keys of test groups begin with, so that they are never looked for in Alertmanager."""


@dataclass(frozen=True)
class Drill:
    """One test alert."""

    name: str
    severity: str
    began: datetime

    @property
    def key(self) -> str:
        """The key of its group, as the router keeps it."""
        return f"{PREFIX}{self.name}"

    def body(self, *, resolved: bool) -> bytes:
        """Return the notification that it fires, or that it has resolved."""
        alert = {
            "status": "resolved" if resolved else "firing",
            "labels": {"alertname": "TestAlert", "severity": self.severity, "signal": "pipeline", "test": self.name},
            "annotations": {
                "summary": "This is a test of the alert router.",
                "description": "Nothing is wrong: somebody ran `bongsu router test-fire`.",
            },
            "startsAt": self.began.isoformat(),
            "endsAt": datetime.now(UTC).isoformat() if resolved else "0001-01-01T00:00:00Z",
            "fingerprint": self.name,
        }
        group = {"groupKey": self.name, "groupLabels": {"alertname": "TestAlert"}, "version": "4", "alerts": [alert]}
        return json.dumps(group).encode()


def fired(severity: str) -> Drill:
    """Make a test alert that has just begun."""
    return Drill(uuid.uuid4().hex[:12], severity, datetime.now(UTC))
