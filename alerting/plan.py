"""Stored state becomes the one next step towards what Slack should show, or None when Slack shows it.

The order of steps: the message exists, then it shows the present state, then its thread tells what changed.
Each is derived from the difference between what is stored and what Slack was confirmed to show, so ten changes
during an outage become one edit and one reply. Nothing here depends on the time of day: equal states, equal steps.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from alerting.config import LinkSettings
from alerting.handling import NOBODY, Handling, Offer, handling
from alerting.model import SEVERITIES, Act, Alert, Episode, Notice, Outcome, Status, Suppression
from alerting.units import number

REMINDERS = "reminders"
"""Stands in `told` beside the fingerprints, which are hashes."""

NAMED = 5
"""How many alerts a line of history names."""

CALLED = "called"
"""Where the thread remembers who was called; no fingerprint is a word."""

UNSHOWN_LABELS = frozenset({"alertname", "severity", "signal"})
"""Said by the title and the colour already."""


UNSHOWN_IN_DIGEST = frozenset({"signal"})
"""Its groups have their names and severities each."""

SHARED = "More alerts came than Slack takes messages: these share one."
LEFT = "Each of its alerts has a message of its own now."

Labels = frozenset[tuple[str, str]]
"""Label names with their values."""


class Reason(StrEnum):
    """Why a step is taken, in words; logged with each delivery."""

    FIRST = "the group has no message yet"
    REPLACED = "Slack refused to edit the former message"
    CHANGED = "the message shows an older state"
    HISTORY = "the thread was not told what changed"
    PICTURE = "the message has no picture of its chart"


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


@dataclass(frozen=True)
class Named:
    """How many alerts changed in one way, and what the first of them are called."""

    count: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Still:
    """A reminder: how long it has burned when it came, and the value against its threshold as last told."""

    lasted: timedelta
    value: str | None
    threshold: str | None
    unit: str


@dataclass(frozen=True)
class History:
    """What the thread was not told yet.

    `passed` alerts fired and resolved between two replies; `held` are suppressed now, by why, and `freed` no longer.
    `over` is how long the whole lasted, once it is over; `still` a reminder that it burns. `acts` were done since;
    `mention` was not called yet.
    """

    first: bool
    joined: Named
    left: Named
    passed: Named
    held: Mapping[str, Named]
    freed: Named
    firing: int
    over: timedelta | None
    still: Still | None
    acts: tuple[Act, ...]
    mention: tuple[str, ...]

    @property
    def news(self) -> bool:
        """Whether an alert has changed, and not only what people did."""
        return any((self.joined.count, self.left.count, self.passed.count, self.held, self.freed.count))


@dataclass(frozen=True)
class Post:
    """Send a new message; `previous` links to the one that it replaces."""

    reason: Reason
    view: View | Notice
    previous: str | None


@dataclass(frozen=True)
class Edit:
    """Make the message show this."""

    reason: Reason
    view: View | Notice
    previous: str | None


@dataclass(frozen=True)
class Reply:
    """Tell the thread; afterwards it knows `told`."""

    reason: Reason
    history: History
    told: Mapping[str, str]


@dataclass(frozen=True)
class Picture:
    """Upload the picture of the chart into the thread."""

    reason: Reason


Step = Post | Edit | Reply | Picture


def plan(episode: Episode, links: LinkSettings, max_alerts: int, offer: Offer = NOBODY) -> Step | None:
    """Return the next step for this episode."""
    seen = episode.notice or (view(episode, links, max_alerts, offer) if episode.groups is None else digest(episode))
    if episode.root is None:
        reason = Reason.REPLACED if episode.shown else Reason.FIRST
        return Post(reason, seen, episode.previous)
    if episode.shown != seen.digest:
        return Edit(Reason.CHANGED, seen, episode.previous)
    if isinstance(seen, Notice) or episode.groups is not None:
        return None  # a storm has no room for threads, a notice no history
    told = _told(episode, seen)
    if not told.items() <= episode.told.items():
        return Reply(Reason.HISTORY, history(episode, seen), told)
    return None


def late(step: Step, seconds: int) -> Step:
    """Let a step that shows a state say how late it does."""
    return step if isinstance(step, Reply | Picture) else replace(step, view=replace(step.view, delayed=seconds))


def view(episode: Episode, links: LinkSettings, max_alerts: int, offer: Offer = NOBODY) -> View:
    """Compute what the message should show."""
    ranked = sorted(episode.alerts, key=_rank)
    worst = ranked[0]
    common = _common(episode)
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
        alerts=tuple(_line(alert, common) for alert in ranked[:max_alerts]),
        hidden=max(0, len(ranked) - max_alerts),
        truncated=episode.truncated,
        links=links_of(worst, episode.group.alertmanager_url, links),
        handling=handling(episode, worst.labels, open_=worst.firing, active=worst.active, offer=offer),
        delayed=episode.delayed,
    )


def digest(episode: Episode) -> View:
    """Compute what the message of several groups should show: each of their alerts."""
    ranked = sorted(episode.alerts, key=_rank)
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
        alerts=tuple(_line(alert, frozenset(), UNSHOWN_IN_DIGEST) for alert in ranked),
        hidden=0,
        truncated=0,
        links={},
        handling=Handling(),
        delayed=episode.delayed,
        groups=episode.groups,
    )


def worst(episode: Episode) -> Alert:
    """Return the alert that decides what the message shows and whom it calls."""
    return min(episode.alerts, key=_rank)


def history(episode: Episode, seen: View) -> History:
    """Compare what the thread was told with the present state."""
    joined: list[Alert] = []
    left: list[Alert] = []
    passed: list[Alert] = []
    held: dict[str, list[Alert]] = {}
    freed: list[Alert] = []
    for alert in sorted(episode.alerts, key=_rank):
        before = episode.told.get(alert.fingerprint, "")
        if before == _mark(episode, alert):
            continue
        known = _burned(before)
        if alert.suppressed:
            held.setdefault(alert.suppressed.value, []).append(alert)
        elif alert.firing and known and alert.starts_at <= (_start(before) or alert.starts_at):
            freed.append(alert)
        elif alert.firing:
            joined.append(alert)
        elif known:
            left.append(alert)
        else:
            passed.append(alert)
    common = _common(episode)
    told = _told(episode, seen)
    return History(
        first=_is_first(episode),
        joined=_named(joined, common),
        left=_named(left, common),
        passed=_named(passed, common),
        held={why: _named(alerts, common) for why, alerts in held.items()},
        freed=_named(freed, common),
        firing=seen.firing,
        over=seen.lasted,
        still=_still(episode, seen),
        acts=tuple(act for act in episode.acts if _act_key(act) in told.keys() - episode.told.keys()),
        mention=() if _is_first(episode) else _uncalled(episode, seen),
    )


def _reminders(episode: Episode) -> dict[str, str]:
    """How many reminders there were: told like the mark of an alert."""
    return {REMINDERS: str(episode.repeats)} if episode.repeats else {}


def _still(episode: Episode, seen: View) -> Still | None:
    """The reminder that the thread has not had, while anything burns."""
    if not seen.firing or episode.repeated_at is None or _reminders(episode).items() <= episode.told.items():
        return None
    return Still(episode.repeated_at - episode.since, seen.value, seen.threshold, seen.unit)


def _told(episode: Episode, seen: View) -> dict[str, str]:
    """What the thread should know: the mark of each alert, what came of each act, and who was called."""
    told = {alert.fingerprint: _mark(episode, alert) for alert in episode.alerts}
    told |= {_act_key(act): act.outcome for act in episode.acts if act.outcome is not Outcome.ASKED}
    told |= _reminders(episode)
    called = {*episode.told.get(CALLED, "").split(), *seen.handling.mention}
    return told | ({CALLED: " ".join(sorted(called))} if called else {})


def _is_first(episode: Episode) -> bool:
    """Whether the thread was told of no alert yet."""
    return not any(alert.fingerprint in episode.told for alert in episode.alerts)


def _uncalled(episode: Episode, seen: View) -> tuple[str, ...]:
    """Whom a severity calls that the message did not have when it was posted: an edit calls nobody."""
    called = episode.told.get(CALLED, "").split()
    return tuple(one for one in seen.handling.mention if one not in called)


def _act_key(act: Act) -> str:
    return f"act {act.id}"


def _mark(episode: Episode, alert: Alert) -> str:
    """What the thread should know of an alert: what it knows, if at most the start moved back since (``episodes``)."""
    before = episode.told.get(alert.fingerprint, "")
    start = _start(before)
    if start and before.partition(" ")[0] == alert.mark.partition(" ")[0] and alert.starts_at <= start:
        return before
    return alert.mark


def _burned(mark: str) -> bool:
    """Say whether the thread knows of an alert that it fires, suppressed or not."""
    return bool(mark) and not mark.startswith(Status.RESOLVED)


def _start(mark: str) -> datetime | None:
    start = mark.partition(" ")[2]
    return datetime.fromisoformat(start) if start else None


def _state(alerts: Iterable[Alert], truncated: int) -> State:
    """The worst alert's state, for the active come first; nothing is known of those that were left out."""
    worst = next(iter(alerts))
    if worst.active:
        return State.FIRING
    if truncated:
        return State.UNCLEAR
    return State(worst.suppressed.value) if worst.suppressed else State.RESOLVED


def _rank(alert: Alert) -> tuple[bool, bool, int, float, datetime, str]:
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


def _common(episode: Episode) -> Labels:
    """The labels that tell none of its alerts from the others; an alert that is alone is named by all it has."""
    if len(episode.alerts) == 1:
        return frozenset()
    return frozenset.intersection(*(frozenset(alert.labels.items()) for alert in episode.alerts))


def _line(alert: Alert, common: Labels, unshown: frozenset[str] = UNSHOWN_LABELS) -> Line:
    """Name an alert by the labels that tell it from the others of its message."""
    own = {
        name: value
        for name, value in sorted(alert.labels.items())
        if name not in unshown and (name, value) not in common
    }
    value = alert.annotations.get("value")
    unit = alert.annotations.get("unit", "")
    return Line(own, value, unit, alert.firing, alert.suppressed, alert.starts_at, alert.ends_at)


def _named(alerts: list[Alert], common: Labels) -> Named:
    return Named(len(alerts), tuple(_title(alert, common) for alert in alerts[:NAMED]))


def _title(alert: Alert, common: Labels) -> str:
    labels = _line(alert, common).labels
    return " ".join(f"{name}={value}" for name, value in labels.items()) or alert.labels.get("alertname", "")


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
