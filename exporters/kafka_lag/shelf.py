"""Where the exporter's families stand, in the order of /metrics, and what their series are labelled with."""

from collections.abc import Iterable, Iterator
from functools import cache

from exporters.family import Family, Keys, LabelValues, counter, gauge
from exporters.kafka_lag.snapshot import Partition

GROUP, TOPIC, PARTITION = "consumergroup", "topic", "partition"


class Shelf:
    """Families in the order of /metrics."""

    def __init__(self, named: bool) -> None:
        """Start empty; with `named` clusters, each series has the label ``cluster``."""
        self._cluster = ("cluster",) if named else ()
        self._families: list[Family] = []

    def __iter__(self) -> Iterator[Family]:
        """Give the families."""
        return iter(self._families)

    def gauge(self, name: str, text: str, *labels: str) -> Family:
        """Begin a gauge."""
        self._families.append(gauge(name, text, *self._cluster, *labels))
        return self._families[-1]

    def counter(self, name: str, text: str, *labels: str) -> Family:
        """Begin a counter."""
        self._families.append(counter(name, text, *self._cluster, *labels))
        return self._families[-1]


def partition_keys(labels: LabelValues, partitions: Iterable[Partition]) -> Keys:
    """Label values of a series for each of the partitions, after `labels`."""
    return tuple([labels + (topic, _number(number)) for topic, number in partitions])  # noqa: RUF005  # twice as fast


_number = cache(str)
