"""How fast the text is written, beside prometheus_client writing the same."""

import re
import statistics
import time
from collections.abc import Callable, Iterable

from prometheus_client import Metric, generate_latest

from exporters.exposition import Exposition
from exporters.family import Family
from exporters.kafka_lag.config import Cluster, KafkaLagSettings
from exporters.kafka_lag.metrics import families
from exporters.kafka_lag.source import KafkaSource

REPEATS = 5
LAG = "kafka_consumergroup_lag"


class _Metrics:
    """A collector of families that prometheus_client has made already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics


async def ratio(bootstrap: tuple[str, ...]) -> float:
    """Time of prometheus_client by ours, for the family of lag by group and partition."""
    cluster = Cluster(bootstrap_servers=bootstrap)
    source = KafkaSource(cluster, patience=10)
    try:
        snapshot = await source.read()
    finally:
        await source.close()
    settings = KafkaLagSettings(listen="127.0.0.1:1", clusters=(cluster,))
    lag = [family for family in families([snapshot], settings) if family.name == LAG]
    writer = Exposition()
    theirs = _Metrics(map(_theirs, lag))
    if _lines(writer.render(lag)) != _lines(generate_latest(theirs)):
        raise RuntimeError("the two do not write the same series")
    return _median(lambda: generate_latest(theirs)) / _median(lambda: writer.render(lag))


def _theirs(family: Family) -> Metric:
    metric = Metric(family.name, family.help, family.kind)
    for keys, values in family.blocks():
        for key, value in zip(keys, values, strict=True):
            metric.add_sample(family.name, dict(zip(family.labels, key, strict=True)), value)
    return metric


def _lines(text: bytes) -> list[list[str]]:
    """Every line, in no order of lines or labels; 5 and 5.0 are the same number."""
    return sorted(sorted(re.split("[{,} ]", line.removesuffix(".0"))) for line in text.decode().splitlines())


def _median(work: Callable[[], bytes]) -> float:
    def timed() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return statistics.median(timed() for _ in range(REPEATS))
