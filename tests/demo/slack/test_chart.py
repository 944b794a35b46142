"""data_visualization to SVG."""

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from demo.slack.chart import figure, short, ticks


def _block(kind: str, *series: list[float]) -> dict[str, Any]:
    labels = [f"{10 + number}:00" for number in range(len(series[0]))]
    data = [
        {"name": f"<s{number}>", "data": [{"label": a, "value": b} for a, b in zip(labels, values, strict=True)]}
        for number, values in enumerate(series)
    ]
    return {
        "type": "data_visualization",
        "title": "Lag & <threshold>",
        "chart": {"type": kind, "series": data, "axis_config": {"categories": labels}},
    }


@pytest.mark.parametrize("kind", ["line", "area", "bar"])
def test_draws(kind: str, golden: Callable[[str, str], None]) -> None:
    """Two series with axis, labels, legend and a spoken label."""
    golden(f"{kind}.html", str(figure(_block(kind, [0, 500, 1500], [1000, 1000, 1000]))) + "\n")


def test_pie_is_a_list_of_shares() -> None:
    """A pie shows each segment with its share."""
    segments = [{"label": "a", "value": 3}, {"label": "b", "value": 1}]
    html = figure({"title": "x", "chart": {"type": "pie", "segments": segments}})
    assert "a: 3 (75%)" in html
    assert "b: 1 (25%)" in html


@given(
    st.sampled_from(["line", "area", "bar"]),
    st.lists(st.floats(-1e300, 1e300) | st.just(0.0), min_size=1, max_size=20),
)
@example("line", [5e-324])
@example("bar", [-1e300, 1e300])
def test_any_values_give_well_formed_markup(kind: str, values: list[float]) -> None:
    """Whatever the numbers, the result is well-formed and holds no NaN."""
    html = str(figure(_block(kind, values)))
    ElementTree.fromstring(html)
    assert "nan" not in html
    assert "inf" not in html


@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12))
def test_ticks_enclose_the_values(one: float, other: float) -> None:
    """Ticks rise, enclose the values, and are few."""
    low, high = min(one, other, 0.0), max(one, other, 0.0)
    found = ticks(low, high)
    assert found == sorted(set(found))
    slack = 1e-9 * max(abs(low), abs(high))
    assert found[0] <= low + slack
    assert found[-1] >= high - slack
    assert 2 <= len(found) <= 7


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.8, "0.8"), (1500, "1.5k"), (2_000_000, "2M"), (-12_345, "-12.3k"), (3e9, "3G")]
)
def test_short_numbers(value: float, text: str) -> None:
    """Numbers on an axis are short."""
    assert short(value) == text
