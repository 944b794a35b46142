"""No Watchdog comes any more: which part of the way from Prometheus to here is broken, and what people read. Pure.

    Prometheus      evaluates the rule that always fires
    Alertmanager    is sent its alert, and tells the router again and again
    router          notes when it was heard

The first part that does not have it is the one that is broken.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from alerting.model import Notice, Sight, Standing
from alerting.text import escape, link, when
from alerting.units import duration


class Finding(StrEnum):
    """Which part is silent; the `finding` label of router_watchdog_silent."""

    PROMETHEUS_DOWN = "prometheus_down"
    NOT_EVALUATED = "not_evaluated"
    ALERTMANAGER_DOWN = "alertmanager_down"
    NOT_SENT = "not_sent"
    HELD_BACK = "held_back"
    NOT_RECEIVED = "not_received"
    UNKNOWN = "unknown"


SAID = {
    Finding.PROMETHEUS_DOWN: "Prometheus does not answer",
    Finding.NOT_EVALUATED: "Prometheus does not evaluate its rule",
    Finding.ALERTMANAGER_DOWN: "Alertmanager does not answer",
    Finding.NOT_SENT: "Prometheus does not send to Alertmanager",
    Finding.HELD_BACK: "Alertmanager holds it back",
    Finding.NOT_RECEIVED: "Alertmanager does not reach the router",
    Finding.UNKNOWN: "nobody can be asked why",
}

PROMETHEUS = {
    Standing.UNASKED: "is not asked: the settings have no `prometheus.url`",
    Standing.SILENT: "does not answer",
    Standing.LACKS: "answers, and has evaluated no Watchdog lately",
    Standing.FIRES: "answers, and its Watchdog fires",
}

ALERTMANAGER = {
    Standing.UNASKED: "is not asked: the settings have no `alertmanager.urls`",
    Standing.SILENT: "does not answer",
    Standing.LACKS: "answers, and has no Watchdog",
    Standing.HOLDS_BACK: "has the Watchdog silenced, inhibited or muted",
    Standing.FIRES: "has the Watchdog",
}


def diagnose(prometheus: Sight, alertmanager: Sight) -> Finding:
    """Return the first part on the way that does not have the Watchdog."""
    match prometheus.standing, alertmanager.standing:
        case Standing.SILENT, _:
            return Finding.PROMETHEUS_DOWN
        case Standing.LACKS, _:
            return Finding.NOT_EVALUATED
        case _, Standing.SILENT:
            return Finding.ALERTMANAGER_DOWN
        case _, Standing.LACKS:
            return Finding.NOT_SENT
        case _, Standing.HOLDS_BACK:
            return Finding.HELD_BACK
        case _, Standing.FIRES:
            return Finding.NOT_RECEIVED
    return Finding.UNKNOWN


def silence(
    prometheus: Sight,
    alertmanager: Sight,
    heard_at: datetime | None,
    since: datetime,
    runbook: str | None,
    mention: tuple[str, ...],
) -> Notice:
    """Say that the Watchdog is silent, and where; `heard_at` is None when it never came and was awaited `since`."""
    last = f"It came last {when(heard_at)}." if heard_at else f"It has never come, and was awaited since {when(since)}."
    lines = [
        f"No alert can be trusted to arrive until it is back. {last}",
        f"• Prometheus {_seen(PROMETHEUS, prometheus)}",
        f"• Alertmanager {_seen(ALERTMANAGER, alertmanager)}",
        link(runbook, "Runbook") if runbook else None,
    ]
    title = f"🔇 The Watchdog is silent: {SAID[diagnose(prometheus, alertmanager)]}"
    return Notice(mention, title, "\n".join(line for line in lines if line))


def back(finding: Finding, since: datetime, heard_at: datetime) -> Notice:
    """Say that the Watchdog is heard again, and what was found first: on the way back the finding changes."""
    text = f"Alerts arrive again. It was silent from {when(since)} to {when(heard_at)}; found first: {SAID[finding]}."
    return Notice((), f"✅ The Watchdog is back after {duration(heard_at - since)}", text)


def unwatched(finding: Finding) -> Notice:
    """Say that nobody waits for the Watchdog any more: the settings have no delay for it now."""
    return Notice((), "The Watchdog is no longer watched", f"It was silent: {SAID[finding]}.")


def silent(heard_at: datetime, began: datetime, after: timedelta, now: datetime) -> bool:
    """Say whether it has not come for too long; what a router missed before it `began` says nothing."""
    return now - max(heard_at, began) >= after


def _seen(words: dict[Standing, str], sight: Sight) -> str:
    note = f" ({escape(sight.note, 300)})" if sight.note else ""
    return f"{words[sight.standing]}{note}."
