"""One metric and its series, as an exporter names them and exposition.py writes them."""

from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

LabelValues: TypeAlias = tuple[str, ...]
"""Values of a series' labels, in the order of the family's label names."""

Keys: TypeAlias = tuple[LabelValues, ...]
"""Series that come together, collection after collection: the partitions in which a group has commits, say."""


class Family:
    """A metric: its name, help, type, label names, and its series in the order in which they were added.

    Not prometheus_client's Metric: an object for each of 300,000 series takes seconds, and garbage collection.
    """

    def __init__(self, name: str, text: str, kind: Literal["gauge", "counter"], labels: LabelValues) -> None:
        """Start without a series. `name` is whole: that of a counter ends in ``_total``."""
        self.name = name
        self.help = text
        self.kind = kind
        self.labels = labels
        self._blocks: list[tuple[Keys, Sequence[float]]] = []
        self._keys: list[LabelValues] = []
        self._values: list[float] = []

    def add(self, labels: Sequence[str], value: float) -> None:
        """Add one series."""
        self._keys.append(tuple(labels))
        self._values.append(value)

    def extend(self, keys: Keys, values: Sequence[float]) -> None:
        """Add a series for each of `keys`. Those that come again, here or in the next collection, are nearly free."""
        self._close()
        if keys:
            self._blocks.append((keys, values))

    def blocks(self) -> Iterator[tuple[Keys, Sequence[float]]]:
        """Give the series, those together that were added together."""
        self._close()
        return iter(self._blocks)

    def count(self) -> int:
        """Count the series."""
        return sum(len(keys) for keys, _ in self.blocks())

    def _close(self) -> None:
        if self._keys:
            self._blocks.append((tuple(self._keys), self._values))
            self._keys, self._values = [], []


def gauge(name: str, text: str, *labels: str) -> Family:
    """Begin a metric that goes up and down."""
    return Family(name, text, "gauge", labels)


def counter(name: str, text: str, *labels: str) -> Family:
    """Begin a metric that only rises, but for a reset to 0."""
    return Family(name, text, "counter", labels)
