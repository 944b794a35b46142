"""What a message shows: an episode's alerts, the worst first, counted, named and linked. Pure.

Nothing here depends on the time of day: equal states, equal views.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from alerting.config import LinkSettings
from alerting.handling import NOBODY, Handling, Offer, handling
from alerting.model import SEVERITIES, Alert, Episode, Suppression
from alerting.units import number

UNSHOWN_LABELS = frozenset({"alertname", "severity", "signal"})
"""Said by the title and the colour already."""

UNSHOWN_IN_DIGEST = frozenset({"signal"})
"""Its groups have their names and severities each."""

SHARED = "More alerts came than Slack takes messages: these share one."
LEFT = "Each of its alerts has a message of its own now."

Labels = frozenset[tuple[str, str]]
"""Label names with their values."""


class State(StrEnum):
    """What the title says.

    SILENCED, INHIBITED, MUTED: something fires, and Alertmanager tells nobody of any of it.
    UNCLEAR: no alert that was listed is active, but Alertmanager left some out.
    """

    FIRING = "firing"
    SILENCED = "silenced"
    INHIBITED = "inhibited"
    MUTED = "muted"
    UNCLEAR = "unclear"
    RESOLVED = "resolved"


@dataclass(frozen=True)
class Line:
    """One alert in the list of a message."""

    labels: Mapping[str, str]
    value: str | None
    unit: str
    firing: bool
    suppressed: Suppression | None
    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True)
class View:
    """All that a message shows. `alerts` holds the worst; `hidden` more are stored; `truncated` were never sent to us.

    `value` and `threshold` are those of the worst alert. `links` maps a link's name to its URL. `firing` counts the
    active alerts, `suppressed` those of which Alertmanager tells nobody, by why. `handling` is what people did and can
    do. `delayed` is how late this state came to be shown, in seconds; 0 when it was on time. `groups` share a digest.
    """

    name: str
    state: State
    severity: str
    summary: str
    description: str
    value: str | None
    threshold: str | None
    unit: str
    since: datetime
    ended: datetime | None
    firing: int
    suppressed: Mapping[str, int]
    resolved: int
    alerts: tuple[Line, ...]
    hidden: int
    truncated: int
    links: Mapping[str, str]
    handling: Handling
    delayed: int
    groups: int | None = None

    @property
    def lasted(self) -> timedelta | None:
        """From the first start to the last end; None while it is not over."""
        return self.ended - self.since if self.ended else None

    @property
    def digest(self) -> str:
        """Equal for equal views, in every process."""
        text = json.dumps(asdict(self), sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def view(episode: Episode, links: LinkSettings, max_alerts: int, offer: Offer = NOBODY) -> View:
    """Compute what the message should show."""
    ranked = sorted(episode.alerts, key=rank)
    worst = ranked[0]
    common = common_labels(episode)
    suppressed = Counter(str(alert.suppressed) for alert in ranked if alert.suppressed)
    state = _state(ranked, episode.truncated)
    return View(
        name=_name(episode.group.labels, worst),
        state=state,
        severity=worst.labels.get("severity", ""),
        summary=worst.annotations.get("summary", ""),
        description=worst.annotations.get("description", ""),
        value=worst.annotations.get("value"),
        threshold=worst.annotations.get("threshold"),
        unit=worst.annotations.get("unit", ""),
        since=episode.since,
        ended=_last_end(ranked) if state is State.RESOLVED else None,
        firing=sum(alert.active for alert in ranked),
        suppressed={kind.value: suppressed[kind] for kind in Suppression if suppressed[kind]},
        resolved=sum(not alert.firing for alert in ranked),
        alerts=tuple(line(alert, common) for alert in ranked[:max_alerts]),
        hidden=max(0, len(ranked) - max_alerts),
        truncated=episode.truncated,
        links=links_of(worst, episode.group.alertmanager_url, links),
        handling=handling(episode, worst.labels, open_=worst.firing, active=worst.active, offer=offer),
        delayed=episode.delayed,
    )


def digest(episode: Episode) -> View:
    """Compute what the message of several groups should show: each of their alerts."""
    ranked = sorted(episode.alerts, key=rank)
    state = _state(ranked, 0) if ranked else State.RESOLVED
    suppressed = Counter(str(alert.suppressed) for alert in ranked if alert.suppressed)
    return View(
        name=f"Digest of {episode.groups} groups",
        state=state,
        severity=ranked[0].labels.get("severity", "") if ranked else "",
        summary=SHARED if ranked else LEFT,
        description="",
        value=None,
        threshold=None,
        unit="",
        since=episode.since,
        ended=_last_end(ranked) if state is State.RESOLVED else None,
        firing=sum(alert.active for alert in ranked),
        suppressed={kind.value: suppressed[kind] for kind in Suppression if suppressed[kind]},
        resolved=sum(not alert.firing for alert in ranked),
        alerts=tuple(line(alert, frozenset(), UNSHOWN_IN_DIGEST) for alert in ranked),
        hidden=0,
        truncated=0,
        links={},
        handling=Handling(),
        delayed=episode.delayed,
        groups=episode.groups,
    )


def worst(episode: Episode) -> Alert:
    """Return the alert that decides what the message shows and whom it calls."""
    return min(episode.alerts, key=rank)


def _state(alerts: Iterable[Alert], truncated: int) -> State:
    """The worst alert's state, for the active come first; nothing is known of those that were left out."""
    worst = next(iter(alerts))
    if worst.active:
        return State.FIRING
    if truncated:
        return State.UNCLEAR
    return State(worst.suppressed.value) if worst.suppressed else State.RESOLVED


def rank(alert: Alert) -> tuple[bool, bool, int, float, datetime, str]:
    """Sort key, worst first: active, suppressed, resolved; then severity, distance from the threshold, age."""
    severity = alert.labels.get("severity", "")
    order = SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
    return not alert.active, not alert.firing, order, -_distance(alert), alert.starts_at, alert.fingerprint


def _distance(alert: Alert) -> float:
    """How far the value is beyond its threshold, in thresholds; 0 when either is not told."""
    value, threshold = number(alert.annotations.get("value")), number(alert.annotations.get("threshold"))
    if value is None or threshold is None:
        return 0.0
    return abs(value - threshold) / (abs(threshold) or 1.0)


def _name(group_labels: Mapping[str, str], worst: Alert) -> str:
    return group_labels.get("alertname") or worst.labels.get("alertname") or "Alert without a name"


def common_labels(episode: Episode) -> Labels:
    """The labels that tell none of its alerts from the others; an alert that is alone is named by all it has."""
    if len(episode.alerts) == 1:
        return frozenset()
    return frozenset.intersection(*(frozenset(alert.labels.items()) for alert in episode.alerts))


def line(alert: Alert, common: Labels, unshown: frozenset[str] = UNSHOWN_LABELS) -> Line:
    """Name an alert by the labels that tell it from the others of its message."""
    own = {
        name: value
        for name, value in sorted(alert.labels.items())
        if name not in unshown and (name, value) not in common
    }
    value = alert.annotations.get("value")
    unit = alert.annotations.get("unit", "")
    return Line(own, value, unit, alert.firing, alert.suppressed, alert.starts_at, alert.ends_at)


def _last_end(alerts: Iterable[Alert]) -> datetime | None:
    return max((alert.ends_at for alert in alerts if alert.ends_at), default=None)


def links_of(alert: Alert, alertmanager_url: str, links: LinkSettings) -> dict[str, str]:
    """Return the links of an alert by their names."""
    found = {
        "Dashboard": _absolute(alert.annotations.get("dashboard_url", ""), links.dashboards),
        "Runbook": _absolute(alert.annotations.get("runbook_url", ""), links.runbooks),
        "Prometheus": alert.source_url,
        "Alertmanager": alertmanager_url,
    }
    return {name: url for name, url in found.items() if url}


def _absolute(url: str, base: str | None) -> str:
    """Put the settings' address before a path; a path without a base is no link."""
    if not url.startswith("/"):
        return url
    return f"{base}{url}" if base else ""
