"""A dashboard's variables: what to ask Prometheus for, and what the URL chose. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from demo.console.interpolate import ALL, Choice
from demo.console.panels import Variable

SHOWN = ("query", "custom", "textbox")
"""Types that a person chooses from; the data source is always this Prometheus, a constant never changes."""

_LABEL_VALUES = re.compile(
    r"\s*label_values\(\s*(?:(?P<selector>.+?)\s*,\s*)?(?P<label>[A-Za-z_]\w*)\s*\)\s*", re.DOTALL
)


@dataclass(frozen=True)
class LabelValues:
    """``label_values(selector, label)``; without a selector, of every series."""

    label: str
    selector: str | None


class VariableError(ValueError):
    """A variable whose values can't be found; ``str()`` says what is supported."""


def question(variable: Variable) -> LabelValues:
    """What a query variable asks. Raises VariableError for anything but ``label_values``."""
    match = _LABEL_VALUES.fullmatch(variable.query)
    if not match:
        raise VariableError(
            f"variable {variable.name}: only label_values(selector, label) is understood, not {variable.query!r}"
        )
    return LabelValues(match["label"], match["selector"])


def options(variable: Variable, found: Sequence[str]) -> tuple[str, ...]:
    """Values to choose from: those that Prometheus gave, kept by the variable's own regex, or the written list."""
    if variable.kind == "custom":
        return tuple(part.strip() for part in variable.query.split(",") if part.strip())
    return tuple(value for value in found if re.search(variable.regex, value))


def choose(variable: Variable, known: Sequence[str], chosen: Sequence[str]) -> Choice:
    """Read the URL's ``var-name=…`` (`chosen`, empty when it says nothing) against the values that exist.

    A value that Prometheus does not know is kept: an alert links to the thing in breach, which may be gone by now.
    """
    several = variable.multi or variable.include_all
    if variable.kind == "datasource":
        return Choice(("prometheus",))
    if variable.kind in ("constant", "textbox", "interval"):
        return Choice(tuple(chosen[:1]) or (variable.query,))
    values = tuple(chosen) or _default(variable, known)
    if ALL in values or values == ("All",):
        return Choice(tuple(known) or ("",), several, variable.all_value or (None if known else ".*"))
    return Choice(values if variable.multi else values[:1], several)


def chosen_values(variable: Variable, parameters: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """What the query string says of a variable."""
    return tuple(value for value in parameters.get(f"var-{variable.name}", ()) if value)


def _default(variable: Variable, known: Sequence[str]) -> tuple[str, ...]:
    kept = tuple(value for value in variable.current if value == ALL or value in known)
    if kept:
        return kept
    return (ALL,) if variable.include_all else tuple(known[:1]) or ("",)
