"""Names and single numbers of series."""

import math

import pytest

from demo.console import series


@pytest.mark.parametrize(
    ("labels", "legend", "expected"),
    [
        ({"group": "a", "topic": "b"}, "{{group}} / {{ topic }}", "a / b"),
        ({"group": "a"}, "{{group}}{{missing}}", "a"),
        ({"__name__": "up", "job": "demo"}, "", "demo"),
        ({"__name__": "up", "job": "demo", "part": "users"}, "", 'up{job="demo", part="users"}'),
        ({"__name__": "up"}, "__auto", "up"),
        ({}, "", "value"),
        ({"group": "{{topic}}", "topic": "b"}, "{{group}}", "{{topic}}"),
    ],
)
def test_a_series_has_the_name_of_its_legend(labels: dict[str, str], legend: str, expected: str) -> None:
    """{{label}} is filled once: a label's value is never read as a legend again."""
    assert series.name(labels, legend) == expected


@pytest.mark.parametrize(
    ("calculation", "expected"),
    [("lastNotNull", 3), ("last", 3), ("mean", 3), ("max", 5), ("min", 1), ("sum", 9), ("somethingNew", 3)],
)
def test_points_become_one_number(calculation: str, expected: float) -> None:
    """Points without a number are left out of every reducer."""
    assert series.reduce([(0, 1), (1, 5), (2, 3), (3, math.nan)], calculation) == expected


def test_no_number_is_no_zero() -> None:
    """Without any number there is none."""
    assert series.reduce([(0, math.nan)], "sum") is None
