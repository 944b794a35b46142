"""The names of seglo/kafka-lag-exporter 0.8, for dashboards and alerts that were made for it.

Names and labels: https://github.com/seglo/kafka-lag-exporter#metrics. Values are those of the exporter's own series, so
seconds are not extrapolated, and what is not known has no series where kafka-lag-exporter tells NaN. A member's labels
are ``unknown``, as there, where no member is known to read the partition.
"""

from collections.abc import Iterator, Mapping, Sequence

from exporters.family import Family, LabelValues, gauge
from exporters.kafka_lag.config import UNNAMED
from exporters.kafka_lag.snapshot import Group, Partition, Snapshot
from exporters.shard import Shard

CLUSTER, GROUP, TOPIC, PARTITION = "cluster_name", "group", "topic", "partition"
MEMBER = ("member_host", "consumer_id", "client_id")
NOBODY = ("unknown", "unknown", "unknown")


def families(snapshots: Sequence[Snapshot], shard: Shard) -> Iterator[Family]:
    """One family a metric, of all clusters; of several shards only the first tells the series of partitions."""
    names = Names()
    for snapshot in snapshots:
        cluster = (snapshot.cluster or UNNAMED,)
        names.poll_time.add(cluster, 1000 * snapshot.took)
        if shard.first:
            names.add_partitions(cluster, snapshot)
        for group in sorted(snapshot.groups, key=lambda group: group.name):
            names.add_group((*cluster, group.name), group, snapshot)
    return iter(names)


class Names:
    """The families in the order of /metrics."""

    def __init__(self) -> None:
        """Start empty."""
        partition = (CLUSTER, TOPIC, PARTITION)
        read = (CLUSTER, GROUP, TOPIC, PARTITION, *MEMBER)
        self.latest = gauge("kafka_partition_latest_offset", "Latest offset of a partition.", *partition)
        self.earliest = gauge("kafka_partition_earliest_offset", "Earliest offset of a partition.", *partition)
        self.offset = gauge("kafka_consumergroup_group_offset", "Last offset that the group has committed.", *read)
        self.lag = gauge("kafka_consumergroup_group_lag", "Lag of the group in records.", *read)
        self.seconds = gauge("kafka_consumergroup_group_lag_seconds", "Lag of the group in seconds.", *read)
        self.max_lag = gauge(
            "kafka_consumergroup_group_max_lag", "Largest lag of the group in records.", CLUSTER, GROUP
        )
        self.max_seconds = gauge(
            "kafka_consumergroup_group_max_lag_seconds", "Largest lag of the group in seconds.", CLUSTER, GROUP
        )
        self.sum_lag = gauge("kafka_consumergroup_group_sum_lag", "Sum of the group's lag in records.", CLUSTER, GROUP)
        self.topic_sum_lag = gauge(
            "kafka_consumergroup_group_topic_sum_lag",
            "Sum of the group's lag in the topic, in records.",
            CLUSTER,
            GROUP,
            TOPIC,
        )
        self.poll_time = gauge(
            "kafka_consumergroup_poll_time_ms", "Milliseconds that the last collection of the cluster took.", CLUSTER
        )

    def __iter__(self) -> Iterator[Family]:
        """Give the families."""
        yield from vars(self).values()

    def add_partitions(self, cluster: LabelValues, snapshot: Snapshot) -> None:
        """Add the series of one cluster's partitions."""
        for family, offsets in ((self.latest, snapshot.ends), (self.earliest, snapshot.oldest)):
            partitions = sorted(offsets)
            keys = tuple([(*cluster, topic, str(number)) for topic, number in partitions])
            family.extend(keys, [offsets[partition] for partition in partitions])

    def add_group(self, labels: LabelValues, group: Group, snapshot: Snapshot) -> None:
        """Add the series of one group; of sums, only what is whole."""
        lag, ages = snapshot.lag(group), snapshot.lag_seconds(group)
        readers = _readers(group)
        for family, values in ((self.offset, group.committed), (self.lag, lag), (self.seconds, ages)):
            partitions = sorted(values)
            keys = [(*labels, part.topic, str(part.number), *readers.get(part, NOBODY)) for part in partitions]
            family.extend(tuple(keys), [values[partition] for partition in partitions])
        if lag:
            self.max_lag.add(labels, max(lag.values()))
        if ages:
            self.max_seconds.add(labels, max(ages.values()))
        if lag and len(lag) == len(group.committed):
            self.sum_lag.add(labels, sum(lag.values()))
        for topic, total in snapshot.lag_sums(group).items():
            self.topic_sum_lag.add((*labels, topic), total)


def _readers(group: Group) -> Mapping[Partition, LabelValues]:
    return {
        Partition(topic, number): (member.host, member.name, member.client)
        for member in group.readers or ()
        for topic, numbers in member.assigned.items()
        for number in numbers
    }
