"""Numbers as a person reads them."""

import math

import pytest

from demo.console import units


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (0, "short", "0"),
        (0, "percentunit", "0 %"),
        (0, "s", "0 s"),
        (-0.0, "short", "0"),
        (7, "", "7"),
        (1500, "", "1,500"),
        (1500, "short", "1,500"),
        (15_000, "short", "15 K"),
        (999.96, "short", "1,000"),
        (2_500_000, "short", "2.5 M"),
        (0.8312, "percentunit", "83.1 %"),
        (1.0, "percentunit", "100 %"),
        (12.5, "percent", "12.5 %"),
        (0.0042, "s", "4.2 ms"),
        (90, "s", "1.5 min"),
        (7200, "s", "2 h"),
        (1500, "ms", "1.5 s"),
        (1536, "bytes", "1.5 KiB"),
        (12.345, "reqps", "12.3 req/s"),
        (25_000, "reqps", "25 K req/s"),
        (0.42, "cores", "0.42 cores"),
        (3, "suffix: pods", "3 pods"),
        (-2.5, "short", "−2.5"),
        (-0.0001, "suffix:", "−0.0001"),
        (math.inf, "s", "∞"),
        (-math.inf, "s", "−∞"),
        (math.nan, "s", "—"),
        (None, "s", "—"),
    ],
)
def test_a_number_is_written_with_its_unit(value: float | None, unit: str, written: str) -> None:
    """Each unit id gives the text that a person reads; no number is a dash, never 0."""
    assert units.text(value, unit) == written


def test_decimals_of_the_panel_win() -> None:
    """A panel that asks for two digits gets two, zeros and all."""
    assert units.text(3, "short", 2) == "3.00"


def test_one_scale_serves_a_whole_axis() -> None:
    """Small values on the axis of a large one keep its unit, so that they can be compared."""
    scale = units.scale("s", 7200)
    assert [scale.text(value) for value in (0, 1800, 7200)] == ["0 h", "0.5 h", "2 h"]
