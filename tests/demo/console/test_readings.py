"""Tiles and bars."""

from demo.console.charts import Answer
from demo.console.display import Shown
from demo.console.links import Here
from demo.console.panels import Link, Panel, Target, Threshold
from demo.console.readings import Mark, Tile, bars, tiles
from demo.console.series import Series
from demo.console.timerange import Window

WINDOW = Window(1000, 1010, 5, 1010)
HERE = Here("now-15m", "now", {})


def pods(**values: float) -> list[Answer]:
    """An answer with one point for each pod."""
    found = tuple(Series({"pod": pod}, ((1010, value),)) for pod, value in values.items())
    return [Answer(Target("cpu", legend="{{pod}}"), found)]


def test_a_tile_for_each_series() -> None:
    """Number, state and link of each; the history only where the panel draws one."""
    panel = Panel(
        "stat",
        unit="percentunit",
        thresholds=(Threshold(None, "green"), Threshold(0.8, "red")),
        links=(Link("", "/d/pods?var-pod=${__field.labels.pod}"),),
    )
    assert tiles(panel, pods(a=0.5, b=0.9), WINDOW, HERE) == (
        Tile("a", Shown("50 %", "ok"), "/d/pods?var-pod=a"),
        Tile("b", Shown("90 %", "bad"), "/d/pods?var-pod=b"),
    )
    spark = Panel("stat", graph="area")
    assert tiles(spark, [Answer(Target("x"), (Series({}, ((1000, 1), (1010, 2))),))], WINDOW, HERE)[0].history == (
        1,
        None,
        2,
    )


def test_bars_share_one_scale() -> None:
    """The longest first; a share's bar is full at its whole, and the threshold is marked where it stands."""
    panel = Panel("bargauge", unit="percentunit", thresholds=(Threshold(None, "green"), Threshold(0.8, "red")))
    drawn = bars(panel, pods(a=0.25, b=0.9), HERE)
    assert [(bar.name, bar.shown.text, bar.fraction) for bar in drawn.bars] == [("b", "90 %", 0.9), ("a", "25 %", 0.25)]
    assert drawn.marks == (Mark(0.8, "bad"),)


def test_bars_without_a_whole_reach_to_the_largest() -> None:
    """Without maximum and whole the largest of values and thresholds is a full bar; zeros are no bar at all."""
    assert [bar.fraction for bar in bars(Panel("bargauge"), pods(a=5, b=10), HERE).bars] == [1, 0.5]
    assert [bar.fraction for bar in bars(Panel("bargauge"), pods(a=0), HERE).bars] == [0]
