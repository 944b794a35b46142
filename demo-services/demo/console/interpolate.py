"""Fills the variables of a dashboard into PromQL, as Grafana's Prometheus data source does. Pure.

Source of the rules: Grafana documentation, "Variable syntax" and "Prometheus template variables".
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ALL = "$__all"
"""What a URL and a saved dashboard write when every value is chosen."""

_REFERENCE = re.compile(r"\$(?P<plain>[A-Za-z_]\w*)|\$\{(?P<braced>[A-Za-z_]\w*)(?::(?P<form>\w+))?\}")


@dataclass(frozen=True)
class Choice:
    """What is chosen for one variable.

    `values` are the chosen values (every one of them for All); `several` says that more than one could be, so that
    the text goes into ``=~``; `custom_all` is PromQL used untouched when All is chosen and the dashboard names it.
    """

    values: tuple[str, ...]
    several: bool = False
    custom_all: str | None = None


def intervals(step: float, scrape: float, length: float) -> dict[str, str]:
    """``$__interval``, ``$__rate_interval`` = max(step + scrape, 4 x scrape), and ``$__range``, from seconds."""
    rate = max(step + scrape, 4 * scrape)
    return {
        "__interval": f"{round(step)}s",
        "__interval_ms": str(round(step * 1000)),
        "__rate_interval": f"{round(rate)}s",
        "__range": f"{round(length)}s",
        "__range_s": str(round(length)),
        "__range_ms": str(round(length * 1000)),
    }


def interpolate(query: str, choices: Mapping[str, Choice], builtins: Mapping[str, str]) -> str:
    """Replace ``$name``, ``${name}`` and ``${name:form}`` (regex, pipe, csv, raw).

    A name that is no variable stays as it is: ``$1`` and ``${1}`` belong to label_replace().
    """

    def value(match: re.Match[str]) -> str:
        name = match["plain"] or match["braced"]
        if name in builtins:
            return builtins[name]
        if name not in choices:
            return match[0]
        return _written(choices[name], match["form"])

    return _REFERENCE.sub(value, query)


def _written(choice: Choice, form: str | None) -> str:
    if choice.custom_all is not None:
        return choice.custom_all
    match form:
        case "raw" | "csv":
            return ",".join(choice.values)
        case "pipe":
            return "|".join(choice.values)
        case "regex":
            return _alternatives(choice.values)
    if choice.several:
        return _alternatives(choice.values)
    return quoted("".join(choice.values[:1]))


def _alternatives(values: Sequence[str]) -> str:
    escaped = [quoted(_regex(value)) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def _regex(value: str) -> str:
    """Escape RE2's own characters; re.escape would also escape spaces and dashes, which RE2 in PromQL refuses."""
    return re.sub(r"[\\^$.*+?()\[\]{}|]", r"\\\g<0>", value)


def quoted(value: str) -> str:
    """Escape for the inside of a PromQL string in double quotes."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
