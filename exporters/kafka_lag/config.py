"""Settings of the kafka_lag exporter."""

import re
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from exporters.exporter import ExporterSettings
from exporters.kafka_lag.levels import Level
from exporters.kafka_lag.security.config import Sasl, Tls
from exporters.shard import WHOLE, ShardSetting
from process.settings import Address, AtLeastOne, Pattern, Settings, once_each


class NameSet(StrEnum):
    """Names of another exporter, beside ours."""

    SEGLO = "seglo"
    """Those of https://github.com/seglo/kafka-lag-exporter."""


Isolation = Literal["read_uncommitted", "read_committed"]
"""Where a partition ends for its readers; the words are those of the consumer's ``isolation.level``."""


class Filter(Settings):
    """Which names are wanted: those that `include` matches as a whole and `exclude` does not."""

    include: Pattern = ".*"
    exclude: Pattern | None = None

    def wants(self, name: str) -> bool:
        """Tell whether `name` is wanted."""
        if self.exclude is not None and _matches(self.exclude, name):
            return False
        return _matches(self.include, name)


def _matches(pattern: str, name: str) -> bool:
    # Kafka lets a group's name hold anything, also what ends a line
    return re.fullmatch(pattern, name, re.DOTALL) is not None


UNNAMED = "kafka"
"""What a cluster without a name is called where it has to be called something."""


class Cluster(Settings):
    """One Kafka cluster; what is filtered out is not asked for."""

    name: Annotated[str, Field(min_length=1)] | None = None
    """Value of the label ``cluster``; a cluster without a name has no such label."""
    bootstrap_servers: AtLeastOne[Address]
    tls: Tls | None = None
    sasl: Sasl | None = None
    groups: Filter = Filter()
    topics: Filter = Filter(exclude="__.*")
    """Kafka's own topics start with two underscores."""
    isolation: Isolation = "read_uncommitted"


class KafkaLagSettings(ExporterSettings):
    """Settings file of ``python -m exporters kafka_lag``."""

    clusters: AtLeastOne[Cluster]
    shard: ShardSetting = WHOLE
    level: Level = Level.PARTITION
    """The finest detail that is told."""
    max_series: PositiveInt = 1_000_000
    """Above that, partitions are told only in sum by topic, and topics only in sum by group."""
    compat: NameSet | None = None

    @model_validator(mode="after")
    def _clusters_differ(self) -> Self:
        names = [cluster.name for cluster in self.clusters]
        if len(names) > 1 and None in names:
            raise ValueError("clusters: each needs a name when there are several")
        once_each("cluster", (name for name in names if name))
        return self
