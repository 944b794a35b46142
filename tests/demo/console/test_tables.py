"""Tables."""

import math

from demo.console.charts import Answer
from demo.console.links import Here
from demo.console.panels import Link, Order, Override, Panel, Property, Target, Transformation
from demo.console.series import Series
from demo.console.tables import MAX_ROWS, Column, table

HERE = Here("now-15m", "now", {})
LAG = (
    Series({"__name__": "lag", "group": "a", "instance": "x:1"}, ((0, 5),)),
    Series({"__name__": "lag", "group": "b", "instance": "x:1"}, ((0, 70),)),
)


def texts(panel: Panel, answers: list[Answer]) -> list[list[str]]:
    """Titles, then the rows as they are read."""
    drawn = table(panel, answers, HERE)
    return [[column.title for column in drawn.columns]] + [[cell.shown.text for cell in row] for row in drawn.rows]


def test_labels_are_columns_and_the_value_is_last() -> None:
    """Without transformations every label is shown, the metric's name is not."""
    assert texts(Panel("table"), [Answer(Target("lag"), LAG)]) == [
        ["group", "instance", "Value"],
        ["a", "x:1", "5"],
        ["b", "x:1", "70"],
    ]


def test_our_dashboards_transformations() -> None:
    """FilterFieldsByName keeps, organize orders and renames, sortBy speaks of the new name."""
    panel = Panel(
        "table",
        transformations=(
            Transformation("filterFieldsByName", {"include": {"names": ["group", "Value"]}}),
            Transformation("organize", {"indexByName": {"Value": 0, "group": 1}, "renameByName": {"Value": "lag"}}),
        ),
        sort_by=(Order("lag", True),),
        links=(Link("", "/d/lag?var-group=${__data.fields.group}"),),
    )
    assert texts(panel, [Answer(Target("lag"), LAG)]) == [["lag", "group"], ["70", "b"], ["5", "a"]]
    drawn = table(panel, [Answer(Target("lag"), LAG)], HERE)
    assert drawn.columns == (Column("lag", True), Column("group", False))
    assert drawn.rows[0][0].link == "/d/lag?var-group=b"


def test_several_queries_meet_in_one_row() -> None:
    """Equal labels are one row; a value that one query does not have is no data, not 0."""
    panel = Panel("table", overrides=(Override("byName", (Property("unit", "percentunit"),), "Value #B"),))
    first = Answer(Target("used", ref="A"), (Series({"pod": "a"}, ((0, 1),)), Series({"pod": "b"}, ((0, 2),))))
    second = Answer(Target("share", ref="B"), (Series({"pod": "b"}, ((0, 0.5),)),))
    assert texts(panel, [first, second]) == [["pod", "Value #A", "Value #B"], ["a", "1", "no data"], ["b", "2", "50 %"]]


def test_rows_without_a_number_sort_last() -> None:
    """NaN is below every number when the largest comes first."""
    series = tuple(Series({"g": str(n)}, ((0, value),)) for n, value in enumerate((math.nan, 1, 3, -math.inf)))
    panel = Panel("table", sort_by=(Order("Value", True),))
    assert [row[1] for row in texts(panel, [Answer(Target("x"), series)])[1:]][:2] == ["3", "1"]


def test_too_many_rows_are_counted() -> None:
    """A table of thousands shows its first rows and the number of the others."""
    series = tuple(Series({"g": str(n)}, ((0, n),)) for n in range(MAX_ROWS + 5))
    drawn = table(Panel("table"), [Answer(Target("x"), series)], HERE)
    assert (len(drawn.rows), drawn.left_out) == (MAX_ROWS, 5)
