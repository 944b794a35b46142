"""Which of two reports is the newer, and which message an alert belongs to."""

from datetime import UTC, datetime, timedelta

import pytest

from alerting.episodes import LATE, Heard, News, Placed, Span, judge, place
from alerting.model import Alert, Routed, Status

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def report(starts: float, ends: float | None = None, note: str = "") -> Alert:
    status = Status.FIRING if ends is None else Status.RESOLVED
    return Alert("print", status, at(starts), None if ends is None else at(ends), {"a": "b"}, {"note": note})


@pytest.mark.parametrize(
    ("known", "heard", "new", "news"),
    [
        (report(-60), -60, report(-60), News.SAME),
        (report(-60), -60, report(-60, note="other value"), News.NEWER),
        (report(-60), -60, report(-60, -10), News.NEWER),
        (report(-60), -60, report(-30), News.NEWER),
        (report(-60), -60, report(-30, -10), News.NEWER),
        (report(-60), -60, report(-90), News.SAME),
        (report(-60), -5, report(-90, note="other value"), News.OLDER),
        (report(-60), -LATE.total_seconds(), report(-90, note="other value"), News.NEWER),
        (report(-60), -60, report(-90, -70), News.OLDER),
        (report(-60), -60, report(-90, -60), News.OLDER),
        (report(-60), -60, report(-90, -59), News.NEWER),
        (report(-60, -10), -5, report(-90, -60), News.OLDER),
        (report(-60, -10), -5, report(-90, -20), News.OLDER),
        (report(-60, -10), -5, report(-90, -10), News.SAME),
        (report(-60, -10), -5, report(-90, -8), News.NEWER),
        (report(-60, -10), -5, report(-90), News.OLDER),
        (report(-60, -10), -LATE.total_seconds(), report(-90), News.NEWER),
        (report(-60, -10), -5, report(-60, -10), News.SAME),
        (report(-60, -10), -5, report(-60, -10, note="other"), News.SAME),
        (report(-60, -10), -5, report(-60, -20), News.OLDER),
        (report(-60, -10), -5, report(-60, -8), News.NEWER),
        (report(-60, -10), -5, report(-60), News.OLDER),
        (report(-60, -10), -LATE.total_seconds(), report(-60), News.NEWER),
        (report(-60, -10), -5, report(-8), News.NEWER),
    ],
)
def test_the_greatest_of_what_was_heard_is_the_state(known, heard, new, news):
    """Later start, then resolved, then later end; a start that moved back is the same fire, not an older one.

    A fire long after its resolve is a new one.
    """
    assert judge(known, at(heard), new, NOW) is news


OPEN = Span(1, "#kafka", None, None)
JUST_CLOSED = Span(2, "#kafka", at(-5), at(-10))
CLOSED = Span(3, "#kafka", at(-300), at(-310))


@pytest.mark.parametrize(
    ("heard", "last", "new", "episode"),
    [
        (None, None, report(-1), None),
        (None, OPEN, report(-1), 1),
        (None, OPEN, report(-90, -80), 1),
        (None, JUST_CLOSED, report(-1), None),
        (None, JUST_CLOSED, report(-20), 2),
        (None, JUST_CLOSED, report(-20, -2), 2),
        (None, CLOSED, report(-400), None),
        (None, None, report(-400, -300), None),
        (Heard(report(-60), at(-60), OPEN), OPEN, report(-1), 1),
        (Heard(report(-400, -310), at(-300), CLOSED), CLOSED, report(-1), None),
        (Heard(report(-400, -310), at(-300), CLOSED), CLOSED, report(-400), None),
        (Heard(report(-400, -310), at(-300), CLOSED), CLOSED, report(-400, -305), 3),
        (Heard(report(-400, -310), at(-300), CLOSED), CLOSED, report(-420, -305), 3),
        (Heard(report(-400, -310), at(-300), CLOSED), OPEN, report(-1), 1),
    ],
)
def test_an_alert_finds_its_episode(heard, last, new, episode):
    """An open message takes it; a closed one only what began before its end, told late."""
    placed = place(Routed(new, "#kafka"), heard, {"#kafka": last} if last else {}, NOW)
    assert placed == Placed(new, "#kafka", episode)


def test_an_alert_stays_in_its_open_message_when_routes_change():
    """Else one alert would burn in two channels."""
    heard = Heard(report(-60), at(-60), OPEN)
    assert place(Routed(report(-60, -1), "#elsewhere"), heard, {"#kafka": OPEN}, NOW).channel == "#kafka"
