"""What the thread of a message was not told yet: the present state against the marks that it knows. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerting.model import Act, Alert, Episode, Outcome, Status
from alerting.view import Labels, View, common_labels, line, rank

REMINDERS = "reminders"
"""Stands in `told` beside the fingerprints, which are hashes."""

NAMED = 5
"""How many alerts a line of history names."""

CALLED = "called"
"""Where the thread remembers who was called; no fingerprint is a word."""


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


def history(episode: Episode, seen: View) -> History:
    """Compare what the thread was told with the present state."""
    joined: list[Alert] = []
    left: list[Alert] = []
    passed: list[Alert] = []
    held: dict[str, list[Alert]] = {}
    freed: list[Alert] = []
    for alert in sorted(episode.alerts, key=rank):
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
    common = common_labels(episode)
    told = told_of(episode, seen)
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


def told_of(episode: Episode, seen: View) -> dict[str, str]:
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


def _named(alerts: list[Alert], common: Labels) -> Named:
    return Named(len(alerts), tuple(_title(alert, common) for alert in alerts[:NAMED]))


def _title(alert: Alert, common: Labels) -> str:
    labels = line(alert, common).labels
    return " ".join(f"{name}={value}" for name, value in labels.items()) or alert.labels.get("alertname", "")
