"""Text and state of a number in a panel."""

import math
from typing import Any

import pytest

from demo.console.display import Shown, State, state, style
from demo.console.panels import Override, Panel, Property, Threshold

ABOVE = (Threshold(None, "green"), Threshold(0.5, "orange"), Threshold(0.8, "red"))
BELOW = (Threshold(None, "red"), Threshold(1, "green"))


@pytest.mark.parametrize(
    ("thresholds", "value", "expected"),
    [
        (ABOVE, 0.49, "ok"),
        (ABOVE, 0.5, "warn"),
        (ABOVE, 0.8, "bad"),
        (ABOVE, None, "plain"),
        (ABOVE, math.nan, "plain"),
        (ABOVE, math.inf, "bad"),
        (BELOW, 0.9, "bad"),
        (BELOW, 1, "ok"),
        ((Threshold(None, "green"),), 5, "plain"),
        ((), 5, "plain"),
    ],
)
def test_the_highest_threshold_reached_colours(thresholds: tuple[Threshold, ...], value: Any, expected: State) -> None:
    """A value on a threshold has reached it; no data and panels without thresholds have no state."""
    assert style(Panel("stat", thresholds=thresholds), "x").state(value) == expected


@pytest.mark.parametrize(
    ("colour", "expected"),
    [("green", "ok"), ("semi-dark-red", "bad"), ("light-yellow", "warn"), ("text", "plain"), ("#ff00ff", "plain")],
)
def test_a_colour_is_a_state(colour: str, expected: State) -> None:
    """Grafana's shades of one colour mean the same."""
    assert state(colour) == expected


MAPPINGS: tuple[dict[str, Any], ...] = (
    {"type": "value", "options": {"0": {"text": "down", "color": "red"}, "1": {"text": "up"}}},
    {"type": "range", "options": {"from": 10, "to": None, "result": {"text": "many"}}},
    {"type": "special", "options": {"match": "null", "result": {"text": "gone", "color": "orange"}}},
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, Shown("down", "bad")),
        (1.0, Shown("up", "plain")),
        (2.0, Shown("2", "plain")),
        (11.0, Shown("many", "plain")),
        (None, Shown("gone", "warn")),
    ],
)
def test_a_mapping_replaces_the_number(value: float | None, expected: Shown) -> None:
    """The first mapping that fits gives text and colour."""
    assert style(Panel("stat", mappings=MAPPINGS), "x").show(value) == expected


def test_no_data_is_said_in_the_panels_words() -> None:
    """Without a number: the panel's own text, else "no data", never 0."""
    assert style(Panel("stat", no_value="No pod"), "x").show(None) == Shown("No pod")
    assert style(Panel("stat"), "x").show(None) == Shown("no data")


def test_an_override_changes_one_field() -> None:
    """ByName and byRegexp reach the fields they name and no other."""
    panel = Panel(
        "table",
        unit="short",
        overrides=(
            Override("byName", (Property("unit", "percentunit"), Property("displayName", "share")), "Value #A"),
            Override("byRegexp", (Property("custom.hidden", True),), "/^inst/"),
        ),
    )
    share = style(panel, "Value #A")
    assert (share.title, share.show(0.5).text) == ("share", "50 %")
    assert style(panel, "instance").hidden
    assert style(panel, "Value #B").show(0.5).text == "0.5"
