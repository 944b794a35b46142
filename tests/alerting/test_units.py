"""Numbers as people read them."""

from datetime import timedelta

import pytest

from alerting.units import duration, quantity


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        ("0.97", "percentunit", "97 %"),
        ("0.97234", "percentunit", "97.2 %"),
        ("97", "percent", "97 %"),
        ("12.5", "reqps", "12.5 req/s"),
        ("1234", "short", "1,234"),
        ("999999", "short", "999,999"),
        ("999999.6", "short", "1 M"),
        ("1234567", "short", "1.23 M"),
        ("999600000", "short", "1 G"),
        ("-999600000", "short", "-1 G"),
        ("999400000", "short", "999 M"),
        ("99.96", "short", "100"),
        ("0", "short", "0"),
        ("-3", "", "-3"),
        ("0.25", "s", "250 ms"),
        ("0.9994", "s", "999 ms"),
        ("0.9999", "s", "1 s"),
        ("0", "s", "0 s"),
        ("59.97", "s", "1m"),
        ("2.5", "s", "2.5 s"),
        ("200", "s", "3m 20s"),
        ("-200", "s", "-3m 20s"),
        ("1e99", "s", "1e+87 T s"),
        ("1e300", "s", "1e300"),
        ("1536", "bytes", "1.5 KiB"),
        ("12", "bytes", "12 B"),
        ("1023.6", "bytes", "1 KiB"),
        ("1034240", "bytes", "1,010 KiB"),
        ("1048500", "bytes", "1 MiB"),
        ("3", "apples", "3 apples"),
        ("NaN", "percentunit", "NaN"),
        ("+Inf", "s", "+Inf"),
        ("a lot", "short", "a lot"),
        ("", "short", ""),
    ],
)
def test_a_value_is_written_with_its_unit(value, unit, text):
    """What is no finite number is shown as it came."""
    assert quantity(value, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.6, "1s"),
        (59, "59s"),
        (60, "1m"),
        (200, "3m 20s"),
        (3600, "1h"),
        (3661, "1h 1m"),
        (90061, "1d 1h"),
        (86460, "1d"),
        (-5, "0s"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds, text):
    """Seconds matter in minutes, not in hours."""
    assert duration(timedelta(seconds=seconds)) == text
