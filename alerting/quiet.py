"""Quiet hours: what comes in them waits until they end, unless it is too severe. Pure.

Times of day are compared as instants, never by the clock on the wall: in the night in which clocks are put forward or
back, the hours between are one fewer or one more. A time that a clock skips is taken as the moment after the gap; one
that it shows twice as the first.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from alerting.model import Hold
from alerting.people import QuietHoursSettings

DAY = timedelta(days=1)


@dataclass(frozen=True)
class QuietHours:
    """Every day from `begins` until `ends` in `zone`, for severities in `held`."""

    begins: time
    ends: time
    held: frozenset[str]
    zone: ZoneInfo

    def hold(self, severity: str, now: datetime) -> Hold | None:
        """Return what holds back an alert of this severity that comes now."""
        if severity not in self.held:
            return None
        today = now.astimezone(self.zone).date()
        for day in (today - DAY, today):
            until = self._instant(day if self.begins < self.ends else day + DAY, self.ends)
            if self._instant(day, self.begins) <= now < until:
                return Hold(until, self.zone.key)
        return None

    def _instant(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, self.zone).astimezone(UTC)


def quiet_hours(settings: QuietHoursSettings, zone: str) -> QuietHours:
    """Read the settings; `zone` holds where they name none."""
    begins, ends = time.fromisoformat(settings.begins), time.fromisoformat(settings.ends)
    return QuietHours(begins, ends, frozenset(settings.hold), ZoneInfo(settings.timezone or zone))
