"""Variables filled into PromQL."""

import ast
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.console.interpolate import Choice, interpolate, intervals

BUILTINS = intervals(step=15, scrape=5, length=3600)
CHOICES = {
    "group": Choice(("billing",), several=True),
    "groups": Choice(("billing", "a.b"), several=True),
    "every": Choice(("x", "y"), several=True, custom_all=".*"),
    "one": Choice(('say "hi"\\',)),
    "none": Choice((), several=False),
}


@pytest.mark.parametrize(
    ("query", "filled"),
    [
        ("rate(x[$__rate_interval])", "rate(x[20s])"),
        ("rate(x[${__rate_interval}])", "rate(x[20s])"),
        ("avg_over_time(x[$__interval])", "avg_over_time(x[15s])"),
        ("increase(x[$__range])", "increase(x[3600s])"),
        ('lag{g=~"$group"}', 'lag{g=~"billing"}'),
        ('lag{g=~"${group}"}', 'lag{g=~"billing"}'),
        ('lag{g=~"$groups"}', 'lag{g=~"(billing|a\\\\.b)"}'),
        ('lag{g=~"${groups:regex}"}', 'lag{g=~"(billing|a\\\\.b)"}'),
        ("${groups:pipe}", "billing|a.b"),
        ("${groups:csv}", "billing,a.b"),
        ("${one:raw}", 'say "hi"\\'),
        ('lag{g=~"$every"}', 'lag{g=~".*"}'),
        ('lag{g="$one"}', 'lag{g="say \\"hi\\"\\\\"}'),
        ('lag{g="$none"}', 'lag{g=""}'),
        ('label_replace(up, "a", "$1", "b", "(.*)")', 'label_replace(up, "a", "$1", "b", "(.*)")'),
        ("$unknown ${unknown}", "$unknown ${unknown}"),
        ("$groupish", "$groupish"),
    ],
)
def test_a_query_is_filled(query: str, filled: str) -> None:
    """Each form of reference gives what Grafana's Prometheus data source would ask."""
    assert interpolate(query, CHOICES, BUILTINS) == filled


@pytest.mark.parametrize(
    ("step", "scrape", "expected"), [(5, 5, "20s"), (15, 5, "20s"), (60, 5, "65s"), (15, 15, "60s"), (60, 15, "75s")]
)
def test_the_rate_interval_always_holds_four_scrapes(step: float, scrape: float, expected: str) -> None:
    """$__rate_interval is the larger of step + scrape and four scrapes."""
    assert intervals(step, scrape, 3600)["__rate_interval"] == expected


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)


@given(st.lists(TEXT, min_size=1, max_size=4))
def test_no_value_leaves_its_string(values: list[str]) -> None:
    """Whatever a label holds, the string ends where the query ends it, and its regex matches that label alone."""
    query = interpolate('"$v"', {"v": Choice(tuple(values), several=True)}, {})
    pattern = re.compile(ast.literal_eval(query))
    assert all(pattern.fullmatch(value) for value in values)
    assert not pattern.fullmatch("".join(values) + "?")


@given(TEXT)
def test_a_single_value_is_kept_letter_for_letter(value: str) -> None:
    """A variable that goes into = and not into =~ is only quoted."""
    assert ast.literal_eval(interpolate('"$v"', {"v": Choice((value,))}, {})) == value
