"""Families -> Prometheus' text format 0.0.4."""

from collections.abc import Iterable, Iterator

from prometheus_client import Metric, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


class _Families:
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        return iter(self._families)


def render(families: Iterable[Metric]) -> bytes:
    """Render `families` in their order; the format is https://prometheus.io/docs/instrumenting/exposition_formats/."""
    return generate_latest(_Families(families))
