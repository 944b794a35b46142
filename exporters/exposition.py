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
        used = _Used(self._kept)
        for family in families:
            yield from _family(family, used)
        self._kept = used.written


class _Used:
    """Label texts of the families that are being written: taken from those kept, or made."""

    def __init__(self, kept: Written) -> None:
        self._kept = kept
        self._by_identity: dict[tuple[LabelValues, int], tuple[Keys, list[str]]] = {}
        self.written: Written = {}

    def labels(self, names: LabelValues, keys: Keys) -> list[str]:
        """Label texts of the series `keys`.

        Several families share one object of keys; to find it by identity saves hashing a hundred tuples each time.
        """
        same = (names, id(keys))
        if same not in self._by_identity:
            key = (names, keys)
            texts = self.written.get(key) or self._kept.get(key) or [_labels(names, values) for values in keys]
            self.written[key] = texts
            # the keys are held here, so that their identity is not given to others
            self._by_identity[same] = (keys, texts)
        return self._by_identity[same][1]


def _family(family: Family, used: _Used) -> Iterator[bytes]:
    help_text = family.help.translate(_ESCAPED_IN_HELP)
    yield f"# HELP {family.name} {help_text}\n# TYPE {family.name} {family.kind}\n".encode()
    separator = "\n" + family.name
    for keys, values in family.blocks():
        series = map("".join, zip(used.labels(family.labels, keys), _numbers(values), strict=True))
        # half of a pair of surrogates is no text, and must not cost all the others
        yield f"{family.name}{separator.join(series)}\n".encode(errors="replace")


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
