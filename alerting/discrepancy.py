"""What is stored of a group against Alertmanager's list: what has to be put right. Pure.

The webhook is quicker, the list is whole. So the list only speaks where it is younger than the last report:

    stored    listed                  then
    firing    not, though it once was it has resolved, and nobody was told
    firing    suppressed or no more   it is silenced, inhibited or muted, or no longer
    firing    with a later start      it has resolved and fires again, and neither was told
    resolved  still, after EXPIRED    it fires: a former list, or a report, was wrong

An alert that was never listed, nor another of the same Alertmanager, may belong to one that is not asked, and is left
alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerting.model import Alert, Group, Listing, Status, Suppression

EXPIRED = timedelta(minutes=5)
"""After that long a replica that missed a resolve has dropped the alert by itself (its `resolve_timeout`)."""


@dataclass(frozen=True)
class Known:
    """The newest report of an alert, when it was heard, and whether it was ever listed since.

    `asked` says that another alert of the same Alertmanager was: its list would have had this one.
    """

    alert: Alert
    heard_at: datetime
    listed: bool
    asked: bool = False


@dataclass(frozen=True)
class Correction:
    """What a list tells of one group: reports as a webhook would have brought them, and what is only marked.

    `held` are the alerts whose suppression is another than stored; `seen` are listed for the first time.
    """

    reports: tuple[Alert, ...]
    held: Mapping[str, Suppression | None]
    seen: frozenset[str]
    truncated: int

    def empty(self, truncated: int) -> bool:
        """Say that there is nothing to put right of a group of which `truncated` alerts were left out."""
        return not (self.reports or self.held or self.seen) and self.truncated == truncated


def compare(group: Group, known: Sequence[Known], truncated: int, listing: Listing) -> Correction:
    """Return what has to be put right."""
    older = [one for one in known if one.heard_at < listing.asked_at]
    reports = [report for one in older if (report := _report(one, listing))]
    told = {report.fingerprint for report in reports}
    pairs = [
        (one, listed)
        for one in older
        if one.alert.firing
        and one.alert.fingerprint not in told
        and (listed := listing.alerts.get(one.alert.fingerprint)) is not None
    ]
    held = {
        one.alert.fingerprint: listed.suppressed for one, listed in pairs if listed.suppressed != one.alert.suppressed
    }
    seen = frozenset(one.alert.fingerprint for one, _ in pairs if not one.listed)
    return Correction(tuple(reports), held, seen, _left_out(group, known, truncated, listing))


def _report(known: Known, listing: Listing) -> Alert | None:
    """Return what a webhook should have told of this alert."""
    alert = known.alert
    listed = listing.alerts.get(alert.fingerprint)
    if listed is None:
        if alert.firing and (known.listed or known.asked) and listing.whole:
            end = max(listing.asked_at, alert.starts_at)
            return replace(alert, status=Status.RESOLVED, ends_at=end, suppressed=None)
        return None
    if alert.firing:
        return listed if listed.starts_at > alert.starts_at else None
    expired = listing.asked_at - known.heard_at >= EXPIRED
    again = alert.ends_at is not None and listed.starts_at <= alert.ends_at
    return listed if expired and again and listed.active else None


def _left_out(group: Group, known: Iterable[Known], truncated: int, listing: Listing) -> int:
    """How many alerts of the group may be missing: no more than are listed with its labels and not known."""
    if not truncated or not listing.whole:
        return truncated
    names = {one.alert.fingerprint for one in known}
    others = (alert for name, alert in listing.alerts.items() if name not in names)
    return min(truncated, sum(group.labels.items() <= alert.labels.items() for alert in others))
