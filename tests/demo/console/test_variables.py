"""Variables of a dashboard: what to ask, and what was chosen."""

import pytest

from demo.console.interpolate import ALL, Choice
from demo.console.panels import Variable
from demo.console.variables import LabelValues, VariableError, choose, options, question

MULTI = Variable("g", "query", multi=True, include_all=True, all_value=".*")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("label_values(job)", LabelValues("job", None)),
        ("label_values(up, job)", LabelValues("job", "up")),
        (' label_values( up{a="x,y", b=~"$b"} , job ) ', LabelValues("job", 'up{a="x,y", b=~"$b"}')),
    ],
)
def test_label_values_is_understood(query: str, expected: LabelValues) -> None:
    """The label is what stands after the last comma; the selector may hold commas of its own."""
    assert question(Variable("g", "query", query=query)) == expected


def test_another_question_is_named() -> None:
    """What isn't understood is said with the variable's name."""
    with pytest.raises(VariableError) as caught:
        question(Variable("g", "query", query="query_result(up)"))
    assert str(caught.value) == ("variable g: only label_values(selector, label) is understood, not 'query_result(up)'")


@pytest.mark.parametrize(
    ("variable", "known", "chosen", "expected"),
    [
        (MULTI, ("a", "b"), (), Choice(("a", "b"), True, ".*")),
        (MULTI, ("a", "b"), (ALL,), Choice(("a", "b"), True, ".*")),
        (MULTI, ("a", "b"), ("b",), Choice(("b",), True)),
        (MULTI, ("a", "b"), ("a", "b"), Choice(("a", "b"), True)),
        (MULTI, ("a",), ("gone",), Choice(("gone",), True)),
        (MULTI, (), (), Choice(("",), True, ".*")),
        (Variable("g", "query", include_all=True), ("a", "b"), (), Choice(("a", "b"), True)),
        (Variable("g", "query"), ("a", "b"), (), Choice(("a",))),
        (Variable("g", "query", current=("b",)), ("a", "b"), (), Choice(("b",))),
        (Variable("g", "query", current=("old",)), ("a", "b"), (), Choice(("a",))),
        (Variable("g", "query"), ("a", "b"), ("a", "b"), Choice(("a",))),
        (Variable("g", "query"), (), (), Choice(("",))),
        (Variable("g", "datasource"), (), ("other",), Choice(("prometheus",))),
        (Variable("g", "constant", query="5"), (), (), Choice(("5",))),
        (Variable("g", "textbox", query="5"), (), ("7",), Choice(("7",))),
    ],
)
def test_the_url_chooses(variable: Variable, known: tuple[str, ...], chosen: tuple[str, ...], expected: Choice) -> None:
    """The URL wins, then the saved choice if it still exists, then All or the first value."""
    assert choose(variable, known, chosen) == expected


def test_options_are_kept_by_the_regex() -> None:
    """A variable's own regex keeps the values that match; a written list needs no answer."""
    assert options(Variable("g", "query", regex="^a"), ["ab", "ba"]) == ("ab",)
    assert options(Variable("g", "custom", query="5m, 1h"), []) == ("5m", "1h")
