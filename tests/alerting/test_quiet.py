"""What quiet hours hold back, and until when: over midnight, and in the nights in which clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.config import RouterSettings
from alerting.people import QuietHoursSettings
from alerting.quiet import quiet_hours
from alerting.routes import compiled

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
SEOUL, BERLIN = "Asia/Seoul", "Europe/Berlin"


def until(severity, now, zone, **fields):
    """The end of the quiet hours that hold this back, on the wall clock of `zone`; `now` is of that clock too."""
    held = quiet_hours(QuietHoursSettings(**fields), zone).hold(severity, datetime.fromisoformat(now))
    return held and f"{held.until.astimezone(ZoneInfo(zone)):%d %H:%M}"


@pytest.mark.parametrize(
    ("severity", "now", "fields", "end"),
    [
        ("info", "2026-11-25T21:59:59+09:00", {}, None),
        ("info", "2026-11-25T22:00:00+09:00", {}, "26 07:00"),
        ("info", "2026-11-26T00:00:00+09:00", {}, "26 07:00"),
        ("info", "2026-11-25T21:59:59.999999+00:00", {}, "26 07:00"),
        ("info", "2026-11-25T22:00:00+00:00", {}, None),
        ("warning", "2026-11-25T23:00:00+09:00", {}, None),
        ("warning", "2026-11-25T23:00:00+09:00", {"hold": ("info", "warning")}, "26 07:00"),
        ("critical", "2026-11-25T23:00:00+09:00", {"hold": ("info", "warning")}, None),
        ("", "2026-11-25T23:00:00+09:00", {}, None),
        ("info", "2026-11-25T23:00:00+09:00", {"hold": ()}, None),
        ("info", "2026-11-25T12:30:00+09:00", {"begins": "12:00", "ends": "13:00"}, "25 13:00"),
        ("info", "2026-11-25T13:00:00+09:00", {"begins": "12:00", "ends": "13:00"}, None),
        ("info", "2026-11-25T23:00:00+09:00", {"begins": 22 * 60, "ends": "07:30"}, "26 07:30"),
    ],
)
def test_the_severity_and_the_hour_decide(severity, now, fields, end):
    """In Seoul, by default from 22:00 until 07:00."""
    assert until(severity, now, SEOUL, **fields) == end


@pytest.mark.parametrize(
    ("now", "hours"),
    [("2026-03-28T22:00:00+01:00", 8), ("2026-10-24T22:00:00+02:00", 10), ("2026-03-29T22:00:00+02:00", 9)],
)
def test_a_night_in_which_clocks_change_ends_by_the_clock(now, hours):
    """In Berlin clocks go forward at 02:00 on 29 March 2026, and back at 03:00 on 25 October."""
    begun = datetime.fromisoformat(now)
    held = quiet_hours(QuietHoursSettings(), BERLIN).hold("info", begun)
    assert held.until - begun == timedelta(hours=hours)
    assert str(held) == "07:00 Europe/Berlin"


@pytest.mark.parametrize(
    ("ends", "utc"),
    [
        ("02:30", "2026-03-29T01:30"),  # that the clock skips: 03:30 of the new time
        ("03:00", "2026-03-29T01:00"),
    ],
)
def test_a_time_that_a_clock_skips_is_after_the_gap(ends, utc):
    """The night is never without an end."""
    begun = datetime(2026, 3, 28, 23, tzinfo=UTC)
    held = quiet_hours(QuietHoursSettings(ends=ends), BERLIN).hold("info", begun)
    assert held.until == datetime.fromisoformat(f"{utc}+00:00")


clocks = st.times().map(lambda time: f"{time:%H:%M}")


@given(
    st.integers(0, 2 * 365 * 24 * 3600).map(lambda seconds: NEW_YEAR + timedelta(seconds=seconds)),
    st.tuples(clocks, clocks).filter(lambda pair: pair[0] != pair[1]),
    st.sampled_from([SEOUL, BERLIN, "Australia/Lord_Howe", "America/St_Johns", "UTC"]),
)
def test_whatever_is_held_is_let_go(now, pair, zone):
    """Within a day and an hour: at its end, and not before. What is not held comes at once."""
    quiet = quiet_hours(QuietHoursSettings(begins=pair[0], ends=pair[1]), zone)
    held = quiet.hold("info", now)
    if held:
        assert now < held.until <= now + timedelta(hours=25)
        assert quiet.hold("info", held.until) is None or quiet.hold("info", held.until).until > held.until
        assert quiet.hold("info", held.until - timedelta(microseconds=1)) == held


def test_a_route_has_its_own_quiet_hours_or_those_around_it():
    """In its own zone; `hold: []` holds nothing back."""
    routes = compiled(
        RouterSettings.model_validate(
            {
                "listen": "127.0.0.1:1",
                "store": "r.db",
                "slack": {"token": "x"},
                "default_channel": "#alerts",
                "timezone": SEOUL,
                "quiet_hours": {},
                "routes": [
                    {"match": {"team": "berlin"}, "quiet_hours": {"timezone": BERLIN, "ends": "06:00"}},
                    {"match": {"team": "night"}, "quiet_hours": {"hold": []}},
                    {"match": {"team": "seoul"}, "channel": "#seoul"},
                ],
            }
        )
    )
    now = datetime(2026, 11, 25, 21, 30, tzinfo=UTC)
    held = {team: str(routes.hold({"team": team, "severity": "info"}, now)) for team in ("berlin", "night", "seoul")}
    assert held == {"berlin": "06:00 Europe/Berlin", "night": "None", "seoul": "07:00 Asia/Seoul"}
