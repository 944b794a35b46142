"""Prometheus' text format, held against two parsers that are not ours."""

import math
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as some
from prometheus_client.parser import text_string_to_metric_families

from exporters.exposition import Exposition
from exporters.family import Family, counter, gauge

TEXT = some.text(some.characters(exclude_categories=["Cs"]), max_size=12)
"""Label values are any Unicode."""

NUMBER = some.floats() | some.integers(-(2**63), 2**63)
SERIES = some.dictionaries(some.tuples(TEXT, TEXT), NUMBER, max_size=6)


def family(series: dict[tuple[str, str], float]) -> Family:
    made = gauge("thing", 'What it is:\na "thing" \\ n.', "one", "two")
    made.extend(tuple(series), list(series.values()))
    return made


def parsed(text: bytes) -> dict[tuple[str, str], float]:
    """Values by labels, as prometheus_client's parser reads them."""
    (found,) = text_string_to_metric_families(text.decode())
    assert (found.name, found.type, found.documentation) == ("thing", "gauge", 'What it is:\na "thing" \\ n.')
    return {(sample.labels["one"], sample.labels["two"]): sample.value for sample in found.samples}


def same(one: float, other: float) -> bool:
    return float(one) == float(other) or (math.isnan(one) and math.isnan(other))


@given(some.lists(SERIES, min_size=1, max_size=4))
def test_what_is_written_is_read_back(collections: list[dict[tuple[str, str], float]]) -> None:
    """Whatever the labels hold and the values are, and whatever was written before."""
    exposition = Exposition()
    for series in collections:
        read = parsed(exposition.render([family(series)]))
        assert read.keys() == series.keys()
        assert all(same(value, read[labels]) for labels, value in series.items())


def test_promtool_accepts_it() -> None:
    """Prometheus' own parser reads every escape and every special number."""
    promtool = shutil.which("promtool")
    assert promtool
    odd = family({('"', "\\"): math.nan, ("\n", "한글"): math.inf, ("", " {}"): -math.inf, ("e", "E"): 1e-300})
    total = counter("things_total", "How many.")
    total.add((), 2**63)
    text = Exposition().render([odd, total])
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_a_label_that_is_no_text_costs_no_other() -> None:
    """JSON has ways to write half a character, which UTF-8 has not."""
    read = parsed(Exposition().render([family({("\ud800", "a"): 1.0, ("b", "c"): 2.0})]))
    assert read == {("?", "a"): 1.0, ("b", "c"): 2.0}


@pytest.mark.parametrize("blocks", [[], [()], [(), (("a", "b"),), ()]])
def test_families_with_nothing_in_them(blocks: list[tuple[tuple[str, str], ...]]) -> None:
    """A family without series is its two lines, and nothing in between is empty."""
    made = gauge("thing", "A thing.", "one", "two")
    for keys in blocks:
        made.extend(keys, [1.0] * len(keys))
    lines = Exposition().render([made]).decode().split("\n")
    assert lines[:2] == ["# HELP thing A thing.", "# TYPE thing gauge"]
    assert lines[2:] == ['thing{one="a",two="b"} 1.0'] * any(blocks) + [""]


def test_series_keep_their_order() -> None:
    """Those that were added one by one and those that were added together."""
    made = gauge("thing", "A thing.", "name")
    made.add(["c"], 1)
    made.extend((("b",), ("d",)), [2, 3])
    made.add(["a"], 4)
    assert made.count() == 4
    text = Exposition().render([made]).decode()
    assert [line for line in text.splitlines() if line.startswith("thing")] == [
        'thing{name="c"} 1',
        'thing{name="b"} 2',
        'thing{name="d"} 3',
        'thing{name="a"} 4',
    ]
