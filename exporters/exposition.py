"""Families -> Prometheus' text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/."""

from collections.abc import Iterable, Iterator, Sequence
from math import isfinite, isnan
from typing import TypeAlias

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from exporters.family import Family, Keys, LabelValues

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_ESCAPED_IN_HELP = str.maketrans({"\\": r"\\", "\n": r"\n"})
_ESCAPED_IN_LABEL = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})

Written: TypeAlias = dict[tuple[LabelValues, Keys], list[str]]
"""Label texts by label names and values."""


class Exposition:
    """Writes families again and again, and keeps the text of their labels from one time to the next.

    What changes between two collections are values; labels are most of the text and most of the work.
    """

    def __init__(self) -> None:
        """Nothing is kept yet."""
        self._kept: Written = {}

    def render(self, families: Iterable[Family]) -> bytes:
        """Write `families` in their order."""
        return b"".join(self.write(families))

    def write(self, families: Iterable[Family]) -> Iterator[bytes]:
        """Write `families` piece by piece, for the whole may be large; labels that are not among them are forgotten."""
        used: Written = {}
        for family in families:
            yield from self._family(family, used)
        self._kept = used

    def _family(self, family: Family, used: Written) -> Iterator[bytes]:
        help_text = family.help.translate(_ESCAPED_IN_HELP)
        yield f"# HELP {family.name} {help_text}\n# TYPE {family.name} {family.kind}\n".encode()
        separator = "\n" + family.name
        for keys, values in family.blocks():
            kept = (family.labels, keys)
            labels = used.get(kept) or self._kept.get(kept) or [_labels(family.labels, key) for key in keys]
            used[kept] = labels
            series = map("".join, zip(labels, _numbers(values), strict=True))
            yield f"{family.name}{separator.join(series)}\n".encode()


def _labels(names: LabelValues, values: LabelValues) -> str:
    """Write what stands between the name of a metric and its value."""
    pairs = zip(names, values, strict=True)
    written = ",".join([f'{name}="{value.translate(_ESCAPED_IN_LABEL)}"' for name, value in pairs])
    return f"{{{written}}} " if written else " "


def _numbers(values: Sequence[float]) -> Iterable[str]:
    # a sum is finite only if each part is; finite numbers are written by Prometheus as Python does
    return map(repr, values) if isfinite(sum(values)) else map(_number, values)


def _number(value: float) -> str:
    if isfinite(value):
        return repr(value)
    return "NaN" if isnan(value) else "+Inf" if value > 0 else "-Inf"
