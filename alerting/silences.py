"""The silences that put an episode to rest in Alertmanager. Pure.

One for each alertname, with the labels that its firing alerts have in common: it holds for them, and for those that
join the message later, and never for alerts of another name.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from alerting.model import Act, Alert, Deed, Episode


@dataclass(frozen=True)
class Silence:
    """What is asked of Alertmanager. `mark` is in the comment, and tells it from every other silence."""

    matchers: tuple[tuple[str, str], ...]
    ends_at: datetime
    created_by: str
    comment: str
    mark: str


def wanted(episode: Episode, act: Act) -> tuple[Silence, ...]:
    """Return the silences that an act asks for."""
    if act.by is None or act.until is None:
        return ()
    named: dict[str, list[Alert]] = {}
    for alert in episode.alerts:
        if alert.firing:
            named.setdefault(alert.labels.get("alertname", ""), []).append(alert)
    found = []
    for name, alerts in sorted(named.items()):
        common = frozenset.intersection(*(frozenset(alert.labels.items()) for alert in alerts))
        mark = hashlib.sha256(f"{act.key}/{name}".encode()).hexdigest()[:12]
        comment = f"Silenced in Slack, {episode.channel}, by {act.by.name} ({mark})"
        found.append(Silence(tuple(sorted(common)), act.until, act.by.name, comment, mark))
    return tuple(found)


def made(episode: Episode) -> frozenset[str]:
    """Return the ids of the silences that were made for an episode."""
    return frozenset(name for act in episode.acts if act.deed is Deed.SILENCE for name in act.silences)
