"""Series into ECharts options."""

import json
import math
from collections.abc import Callable

import pytest

from demo.console.charts import MAX_LINES, Answer, chart
from demo.console.events import Event
from demo.console.panels import Override, Panel, Property, Target, Threshold
from demo.console.series import Series
from demo.console.timerange import Window

WINDOW = Window(1000, 1020, 5, 1020)
LAG = Target("lag", legend="{{group}}")


def lag(group: str, *points: tuple[float, float]) -> Series:
    """A series of one consumer group."""
    return Series({"group": group}, points)


def test_a_panel_becomes_options(golden: Callable[[str, str], None]) -> None:
    """Lines in the order of their names, gaps where Prometheus has no sample, the threshold as a dashed line.

    A line that ends early has no newest value in the legend.
    """
    panel = Panel(
        "timeseries",
        title="Lag",
        unit="short",
        minimum=0,
        fill=8,
        width=9,
        soft_maximum=375,
        thresholds=(Threshold(None, "green"), Threshold(300, "orange")),
        threshold_style="dashed",
        overrides=(Override("byName", (Property("color", {"fixedColor": "red"}),), "billing"),),
    )
    answers = [
        Answer(LAG, (lag("orders", (1000, 1), (1005, 2), (1020, 120)), lag("billing", (1010, math.nan), (1015, 40)))),
    ]
    drawn = chart(panel, answers, WINDOW)
    golden("lag.json", json.dumps(drawn.options, indent=1, ensure_ascii=False) + "\n")
    assert [(line.name, line.last, line.tone) for line in drawn.lines] == [
        ("billing", "—", "bad"),
        ("orders", "120", "line-2"),
    ]


@pytest.mark.parametrize(
    ("unit", "peak", "top", "interval"),
    [
        ("s", 0, 1, 1),
        ("s", 0.4, 0.4, 0.1),
        ("s", 10, 10, 2.5),
        ("short", 0.5, 0.5, 0.1),
        ("short", 0, 1, 1),
        ("short", 1, 1, 1),
        ("short", 2, 2, 1),
        ("short", 7, 8, 2),
        ("short", 10, 10, 2),
        ("short", 11, 15, 5),
        ("short", 100, 100, 25),
        ("short", 1001, 1500, 500),
    ],
)
def test_an_axis_has_ticks_for_what_can_be(unit: str, peak: float, top: float, interval: float) -> None:
    """Where all is 0 nothing is divided; what is counted has no halves."""
    panel = Panel("timeseries", unit=unit, minimum=0)
    axis = chart(panel, [Answer(LAG, (lag("a", (1000, peak)),))], WINDOW).options["yAxis"]
    assert (axis["max"], axis["interval"]) == pytest.approx((top, interval))


def test_a_threshold_says_its_own_number() -> None:
    """In the unit that fits it, not in the one of the axis, and on which side it is crossed."""
    for first, threshold, second, written in (
        ("green", 30.0, "red", "alert at 30 s"),
        ("green", 0.0, "red", "alert above 0 s"),
        ("red", 1800.0, "green", "alert below 30 min"),
    ):
        steps = (Threshold(None, first), Threshold(threshold, second))
        panel = Panel("timeseries", unit="s", minimum=0, thresholds=steps, threshold_style="dashed")
        drawn = chart(panel, [Answer(LAG, (lag("a", (1000, 600)),))], WINDOW)
        assert drawn.options["series"][0]["markLine"]["data"][0]["label"]["formatter"] == written


def test_what_happened_is_marked(golden: Callable[[str, str], None]) -> None:
    """A span has a ground, a moment a line alone; the name is that of the alert, whatever is in it."""
    happened = (
        Event("Alerts", "Lag {b}", "warning", "bad", 1005, 1015, goes_on=False),
        Event("New pods", "billing has a new pod", "billing-1", "info", 1010, 1010, goes_on=False),
    )
    drawn = chart(Panel("timeseries"), [Answer(LAG, (lag("a", (1000, 1)),))], WINDOW, happened)
    golden("happened.json", json.dumps(drawn.options["series"][-1], indent=1, ensure_ascii=False) + "\n")


def test_charts_as_wide_as_the_page_have_one_time_axis() -> None:
    """Their lines begin at the same place, however long the numbers on their axes are."""
    grids = []
    for unit, peak in (("short", 3.0), ("bytes", 1e12)):
        panel = Panel("timeseries", width=24, unit=unit)
        grids.append(chart(panel, [Answer(LAG, (lag("a", (1000, peak)),))], WINDOW).options["grid"])
    assert grids[0] == grids[1]
    assert "containLabel" not in grids[0]


def test_a_share_keeps_its_threshold_in_sight() -> None:
    """A soft maximum is reached however low the lines are, and left behind when they are higher."""
    panel = Panel("timeseries", unit="percentunit", minimum=0, soft_maximum=1.0)
    for peak, top in ((0.03, 1.0), (1.2, 1.5)):
        axis = chart(panel, [Answer(LAG, (lag("a", (1000, peak)),))], WINDOW).options["yAxis"]
        assert axis["max"] == top


@pytest.mark.parametrize(
    ("unit", "peak", "top"),
    [("s", 610, 900), ("s", 45, 50), ("percentunit", 0.62, 0.8), ("short", 1590, 2000), ("bytes", 3000, 3072)],
)
def test_ticks_are_round_in_the_unit_that_is_written(unit: str, peak: float, top: float) -> None:
    """Ten minutes are 10 min on a round axis, not 13.33."""
    panel = Panel("timeseries", unit=unit, minimum=0)
    assert chart(panel, [Answer(LAG, (lag("a", (1000, peak)),))], WINDOW).options["yAxis"]["max"] == pytest.approx(top)


def test_the_panels_own_ends_are_kept() -> None:
    """A share from 0 to 1 has an axis from 0 to 100 % while its lines fit."""
    axis = chart(Panel("timeseries", minimum=0, maximum=1), [Answer(LAG, (lag("a", (1000, 0.2)),))], WINDOW).options[
        "yAxis"
    ]
    assert (axis["min"], axis["max"]) == (0, 1)
    free = chart(Panel("timeseries"), [Answer(LAG, (lag("a", (1000, -5)),))], WINDOW).options["yAxis"]
    assert (free["min"], free["max"]) == (None, None)


@pytest.mark.parametrize(
    ("first", "second", "tone"),
    [("green", "orange", "warn"), ("red", "green", "bad"), ("text", "text", "muted")],
)
def test_a_threshold_has_the_colour_of_its_bad_side(first: str, second: str, tone: str) -> None:
    """A minimum is bad below, a maximum above."""
    panel = Panel("timeseries", thresholds=(Threshold(None, first), Threshold(1, second)), threshold_style="dashed")
    drawn = chart(panel, [Answer(LAG, (lag("a", (1000, 1)),))], WINDOW)
    assert drawn.options["series"][0]["markLine"]["data"][0]["lineStyle"][":color"] == f'tone("{tone}")'


def test_too_many_lines_are_counted() -> None:
    """A query that matches hundreds of series draws some and says how many more there are."""
    drawn = chart(Panel("timeseries"), [Answer(LAG, tuple(lag(f"g{n:03}", (1000, n)) for n in range(100)))], WINDOW)
    assert (len(drawn.lines), drawn.left_out) == (MAX_LINES, 100 - MAX_LINES)


def test_names_never_become_code() -> None:
    """A label is a value of the options and never a key: keys that begin with ":" are evaluated by the browser."""
    hostile = ':alert(1)//"</script>'
    panel = Panel("timeseries", title=hostile, unit=hostile)
    drawn = chart(panel, [Answer(LAG, (Series({"group": hostile, hostile: "x"}, ((1000, 1),)),))], WINDOW)
    assert drawn.options["series"][0]["name"] == hostile
    assert not any(hostile in key for key in keys(drawn.options))
    assert json.dumps(hostile) in drawn.options["yAxis"]["axisLabel"][":formatter"].replace('" ', '"')


def keys(options: object) -> list[str]:
    """Every key at any depth."""
    if isinstance(options, dict):
        return [*options, *(key for value in options.values() for key in keys(value))]
    return [key for value in options for key in keys(value)] if isinstance(options, list) else []
