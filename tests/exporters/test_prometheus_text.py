"""Prometheus' text format as it arrives, whole, in pieces, and when it is something else."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from exporters.prometheus_text import Reader, Sample, TextError, Vocabulary, read


def everything() -> Vocabulary:
    return Vocabulary(lambda name: True)


LINES = {
    b"up 1\n": [Sample("up", {}, 1.0)],
    b'a{b="c",d="e"} 2.5\n': [Sample("a", {"b": "c", "d": "e"}, 2.5)],
    b'a{b="c",} 1e3\n': [Sample("a", {"b": "c"}, 1000.0)],
    b"a{} +Inf\n": [Sample("a", {}, math.inf)],
    b'a{b="}"} 1 1700000000000\n': [Sample("a", {"b": "}"}, 1.0)],
    b'a { b = "c" } 1\n': [Sample("a", {"b": "c"}, 1.0)],
    b'a{b="x\\"y\\\\z\\nw"} 1\n': [Sample("a", {"b": 'x"y\\z\nw'}, 1.0)],
    'a{b="봉수"} 1\n'.encode(): [Sample("a", {"b": "봉수"}, 1.0)],
    b"# HELP a what it is\n# TYPE a counter\n\n# anything\na 1\n": [Sample("a", {}, 1.0)],
    b"a 1 -5\n": [Sample("a", {}, 1.0)],
    b"": [],
}


@pytest.mark.parametrize("text", LINES)
def test_a_text(text: bytes) -> None:
    """Names, labels with their escapes, values; a timestamp is left out."""
    assert read(text, everything()) == LINES[text]


NOT_THE_FORMAT = {
    b"<!doctype html>\n<html></html>\n": "not a sample: '<!doctype'",
    b"a 1.2.3\n": "not a sample: 'a 1.2.3'",
    b"a\n": "not a sample: 'a'",
    b"a one\n": "not a sample: 'a one'",
    b"a 1 2 3\n": "not a sample: 'a 1 2 3'",
    b"a 1 2.5\n": "not a sample: 'a 1 2.5'",
    b"a 1_000\n": "not a sample: 'a 1_000'",
    b'a{b="c} 1\n': "not a sample: 'a{b=\"c}'",
    b'a{b="c"d="e"} 1\n': "not a sample",
    b'a{b="c",,} 1\n': "not a sample",
    # would take minutes if each space were tried with each other
    b'a{b="c"' + b" " * 60_000 + b"!} 1\n": "not a sample",
    b"a{" + b" " * 60_000 + b"!} 1\n": "not a sample",
    b"a{b=1} 1\n": "not a sample: 'a{b=1}'",
    b"1a 1\n": "not a sample: '1a'",
    b"\xff\xfe\n": "not UTF-8 text: invalid start byte",
    b"a 1": "the text is cut: its last line has no end",
    b"x" * 100_000: "a line is longer than 65536 bytes",
}


@pytest.mark.parametrize("text", NOT_THE_FORMAT)
def test_what_is_not_the_format(text: bytes) -> None:
    """The message shows the line."""
    with pytest.raises(TextError) as caught:
        read(text, everything())
    assert NOT_THE_FORMAT[text] in str(caught.value)


def test_only_what_is_wanted_is_kept_but_all_is_checked() -> None:
    """A line that is no sample is found among those that nobody wants."""
    assert read(b"b 2\na 1\n", Vocabulary("a".__eq__)) == [Sample("a", {}, 1.0)]
    with pytest.raises(TextError):
        read(b"a 1\n<html>\n", Vocabulary("a".__eq__))


def test_the_memory_of_series_is_bounded() -> None:
    """A text whose series are new each time is still read right."""
    vocabulary = Vocabulary(lambda name: True, remembered=10)
    for round in range(5):
        samples = read("".join(f'a{{b="{round}-{i}"}} {i}\n' for i in range(25)).encode(), vocabulary)
        assert [(sample.labels["b"], sample.value) for sample in samples] == [(f"{round}-{i}", i) for i in range(25)]


NAMES = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,10}", fullmatch=True)
LABELS = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,10}", fullmatch=True)
# the reference splits lines at every kind of line end, also inside values
VALUES = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]) | st.sampled_from('\\"{}, =\n'), max_size=20
)
SERIES = st.tuples(NAMES, st.dictionaries(LABELS, VALUES, max_size=4), st.floats(allow_nan=False))


def written(name: str, labels: dict[str, str], value: float) -> str:
    escaped = {
        label: text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"") for label, text in labels.items()
    }
    inside = ",".join(f'{label}="{text}"' for label, text in escaped.items())
    number = "+Inf" if value == math.inf else "-Inf" if value == -math.inf else repr(value)
    return f"{name}{{{inside}}} {number}\n"


@settings(deadline=None)
@given(st.lists(SERIES, max_size=10), st.lists(st.integers(0, 400)))
def test_any_text_in_any_pieces(series: list[tuple[str, dict[str, str], float]], cuts: list[int]) -> None:
    """Wherever the network cuts it, what was written is read."""
    text = "".join(written(*one) for one in series).encode()
    reader = Reader(everything())
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    for start, end in pairwise(places):
        reader.feed(text[start:end])
    assert reader.close() == [Sample(*one) for one in series]


def test_it_reads_what_the_reference_reads() -> None:
    """prometheus_client's parser and this one agree on a real page."""
    text = "".join(written(f"m{i % 7}", {"route": f"r{i}", "code": str(i)}, i / 3) for i in range(200))
    theirs = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    ours = read(text.encode(), everything())
    assert sorted((s.name, sorted(s.labels.items()), s.value) for s in ours) == sorted(
        (s.name, sorted(s.labels.items()), s.value) for s in theirs
    )
