"""The alerts of the benchmark: which come when, as Alertmanager takes them and as it tells of them. Pure."""

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

SEVERITIES = {"critical": 0.1, "warning": 0.3, "info": 0.6}
"""How many of the groups of a storm have which."""

CHANNELS = tuple(f"team-{number:02}" for number in range(20))
STORM_CHANNELS = CHANNELS[:4]

JOINED = 0.3
"""Of so many groups a second alert fires a while after the first."""

RESOLVED = 0.2
"""Of so many groups the first alert resolves a while after it fired."""

WHILE = (5.0, 30.0)
"""Seconds."""

NAME = re.compile(r"\b(g\d{4})a\d\b")
"""An alert's name, and in it that of its group; nothing else in a message looks like it."""


@dataclass(frozen=True)
class Change:
    """An alert that fires, or has resolved, `at` so many seconds."""

    at: float
    group: str
    alert: str
    severity: str
    channel: str
    fires: bool = True
    first: bool = False
    """Whether nothing was heard of the group before."""


def apart(count: int, seconds: float, chance: random.Random) -> tuple[Change, ...]:
    """Return groups of one alert each, one about every so many seconds, each time in another channel."""
    return tuple(
        Change(
            (number + chance.random()) * seconds,
            f"g{number:04}",
            f"g{number:04}a0",
            "warning",
            CHANNELS[number % len(CHANNELS)],
            first=True,
        )
        for number in range(count)
    )


def storm(count: int, seconds: float, chance: random.Random) -> tuple[Change, ...]:
    """Return `count` groups that begin within so many seconds; some grow, and some end, a little later."""
    changes: list[Change] = []
    for number in range(count):
        (severity,) = chance.choices(tuple(SEVERITIES), tuple(SEVERITIES.values()))
        begins, group, channel = number * seconds / count, f"g{number:04}", chance.choice(STORM_CHANNELS)
        changes.append(Change(begins, group, f"{group}a0", severity, channel, first=True))
        if chance.random() < JOINED:
            changes.append(Change(begins + chance.uniform(*WHILE), group, f"{group}a1", severity, channel))
        if chance.random() < RESOLVED:
            changes.append(Change(begins + chance.uniform(*WHILE), group, f"{group}a0", severity, channel, fires=False))
    return tuple(sorted(changes, key=lambda change: change.at))


def posted(change: Change, begun: datetime, now: datetime) -> dict[str, Any]:
    """Return the alert as Prometheus posts it to Alertmanager."""
    return {
        "labels": _labels(change),
        "annotations": _annotations(),
        "startsAt": begun.isoformat(),
        "endsAt": (now + timedelta(hours=1) if change.fires else now).isoformat(),
        "generatorURL": "http://prometheus.example:9090/graph?g0.expr=kafka_consumergroup_lag_seconds+%3E+60&g0.tab=1",
    }


def told(changes: Sequence[Change], now: datetime) -> bytes:
    """Return the body in which Alertmanager tells of a group's alerts, as they are after these changes."""
    newest = {change.alert: change for change in changes}
    alerts = [
        {
            **posted(change, now - timedelta(minutes=1), now),
            "status": "firing" if change.fires else "resolved",
            "fingerprint": change.alert,
        }
        for change in newest.values()
    ]
    labels = {"alertname": f"Storm-{changes[0].group}", "severity": changes[0].severity}
    payload = {
        "receiver": "router",
        "status": "firing" if any(change.fires for change in newest.values()) else "resolved",
        "alerts": alerts,
        "groupLabels": labels,
        "commonLabels": labels,
        "commonAnnotations": _annotations(),
        "externalURL": "http://alertmanager.example:9093",
        "version": "4",
        "groupKey": f"{{}}:{json.dumps(labels)}",
        "truncatedAlerts": 0,
    }
    return json.dumps(payload).encode()


def lives(number: int) -> tuple[bytes, ...]:
    """Return the three bodies of a group's life: it fires, a second alert joins, all resolve."""
    group = f"g{number:07}"
    alerts = [f"{group}a0", f"{group}a1"]
    channel, severity = CHANNELS[number % len(CHANNELS)], tuple(SEVERITIES)[number % len(SEVERITIES)]
    fires = [Change(0, group, alert, severity, channel) for alert in alerts]
    over = [Change(1, group, alert, severity, channel, fires=False) for alert in alerts]
    now = datetime.now(UTC)
    return told(fires[:1], now), told(fires, now), told(over, now)


def _labels(change: Change) -> dict[str, str]:
    return {
        "alertname": f"Storm-{change.group}",
        "severity": change.severity,
        "signal": "kafka_lag",
        "channel": change.channel,
        "consumergroup": "billing",
        "instance": change.alert,
    }


def _annotations() -> dict[str, str]:
    return {
        "summary": "A consumer group falls behind",
        "description": "billing is 97 s behind in a topic, and was not when the day began.",
        "value": "97",
        "threshold": "60",
        "unit": "s",
        "query": 'max by (consumergroup) (kafka_consumergroup_lag_seconds{consumergroup="billing"})',
        "runbook_url": "/runbooks/KafkaConsumerLagHigh",
        "dashboard_url": "/d/bongsu-kafka?var-consumergroup=billing",
    }
