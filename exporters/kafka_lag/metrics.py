"""Names, help and labels of the kafka_lag exporter.

Names and labels are those of danielqsj/kafka_exporter (https://github.com/danielqsj/kafka_exporter) where the meaning
is the same, so that dashboards and autoscalers made for it keep working. Two things differ: a partition without a
commit has no series (there: -1, also in the sums), and lag is never negative.
"""

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import Metric
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

from exporters.kafka_lag.snapshot import Snapshot, by_topic


def families(snapshots: Sequence[Snapshot]) -> Iterable[Metric]:
    """One family a metric; each series has the label ``cluster`` when clusters are named."""
    made = Families(named=any(snapshot.cluster is not None for snapshot in snapshots))
    for snapshot in sorted(snapshots, key=lambda snapshot: snapshot.cluster or ""):
        made.add(snapshot)
    return iter(made)


class Families:
    """The exporter's families, filled snapshot by snapshot."""

    def __init__(self, named: bool) -> None:
        """Start empty."""
        cluster = ("cluster",) if named else ()

        def gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
            return GaugeMetricFamily(name, text, labels=(*cluster, *labels))

        group, topic, partition = "consumergroup", "topic", "partition"
        self.brokers = gauge("kafka_brokers", "Brokers in the cluster's metadata.")
        self.topic_partitions = gauge("kafka_topic_partitions", "Partitions of the topic.", topic)
        self.topic_current = gauge(
            "kafka_topic_partition_current_offset",
            "End of the partition: the offset that its next record will have.",
            topic,
            partition,
        )
        self.topic_oldest = gauge(
            "kafka_topic_partition_oldest_offset",
            "Offset of the oldest record that the partition still holds.",
            topic,
            partition,
        )
        self.group_members = gauge(
            "kafka_consumergroup_members",
            "Members of the group; absent when the broker does not tell (before Kafka 3.8, groups of KIP-848).",
            group,
        )
        self.group_current = gauge(
            "kafka_consumergroup_current_offset",
            "Offset that the group has committed; absent while it has committed none.",
            group,
            topic,
            partition,
        )
        self.group_current_sum = gauge(
            "kafka_consumergroup_current_offset_sum",
            "Sum of the offsets that the group has committed in the topic.",
            group,
            topic,
        )
        self.group_lag = gauge(
            "kafka_consumergroup_lag",
            "Records from the group's committed offset to the partition's end. A commit beyond the end counts as 0; "
            "absent while the group has no commit or the end can't be read.",
            group,
            topic,
            partition,
        )
        self.group_lag_sum = gauge(
            "kafka_consumergroup_lag_sum",
            "Sum of the group's lag in the topic's partitions; absent unless all of them are known.",
            group,
            topic,
        )
        self.group_seconds = gauge(
            "kafka_consumergroup_lag_seconds",
            "Age of the oldest record that the group has not read; 0 when it has read them all.",
            group,
            topic,
            partition,
        )
        self.group_seconds_max = gauge(
            "kafka_consumergroup_lag_seconds_max",
            "Largest lag in seconds of the group, of the partitions where it is known.",
            group,
        )
        self.group_without_commit = gauge(
            "kafka_consumergroup_partitions_without_commit",
            "Partitions of the topic in which the group has committed nothing, though it has in others.",
            group,
            topic,
        )
        self.group_past_end = gauge(
            "kafka_consumergroup_partitions_past_end",
            "Partitions of the topic that end before the group's committed offset: made anew, or truncated.",
            group,
            topic,
        )
        self.group_lost = gauge(
            "kafka_consumergroup_lost_records",
            "Records of the topic that were deleted before the group read them: "
            "from its committed offsets to the oldest that are kept.",
            group,
            topic,
        )
        self.requests = CounterMetricFamily(
            "kafka_lag_requests",
            "Requests that the exporter has sent to the cluster's brokers, by their name in Kafka's protocol.",
            labels=(*cluster, "api"),
        )
        self.received = gauge(
            "kafka_lag_received_bytes", "Bytes of the brokers' answers since the collection before the last."
        )

    def __iter__(self) -> Iterator[Metric]:
        """Give the families in the order of /metrics."""
        yield self.brokers
        yield self.topic_partitions
        yield self.topic_current
        yield self.topic_oldest
        yield self.group_members
        yield self.group_current
        yield self.group_current_sum
        yield self.group_lag
        yield self.group_lag_sum
        yield self.group_seconds
        yield self.group_seconds_max
        yield self.group_without_commit
        yield self.group_past_end
        yield self.group_lost
        yield self.requests
        yield self.received

    def add(self, snapshot: Snapshot) -> None:
        """Add the series of one cluster."""
        cluster = () if snapshot.cluster is None else (snapshot.cluster,)
        self.brokers.add_metric(cluster, snapshot.brokers)
        self.received.add_metric(cluster, snapshot.received)
        for api, count in sorted(snapshot.requests.items()):
            self.requests.add_metric((*cluster, api), count)
        for topic, count in sorted(snapshot.topics.items()):
            self.topic_partitions.add_metric((*cluster, topic), count)
        for (topic, number), offset in sorted(snapshot.ends.items()):
            self.topic_current.add_metric((*cluster, topic, str(number)), offset)
        for (topic, number), offset in sorted(snapshot.oldest.items()):
            self.topic_oldest.add_metric((*cluster, topic, str(number)), offset)
        for group in sorted(snapshot.groups, key=lambda group: group.name):
            labels = (*cluster, group.name)
            if group.members is not None:
                self.group_members.add_metric(labels, group.members)
            for (topic, number), offset in sorted(group.committed.items()):
                self.group_current.add_metric((*labels, topic, str(number)), offset)
            for topic, total in sorted(by_topic(group.committed).items()):
                self.group_current_sum.add_metric((*labels, topic), total)
            for (topic, number), lag in sorted(snapshot.lag(group).items()):
                self.group_lag.add_metric((*labels, topic, str(number)), lag)
            for topic, total in sorted(snapshot.lag_sums(group).items()):
                self.group_lag_sum.add_metric((*labels, topic), total)
            ages = snapshot.lag_seconds(group)
            for (topic, number), age in sorted(ages.items()):
                self.group_seconds.add_metric((*labels, topic, str(number)), age)
            if ages:
                self.group_seconds_max.add_metric(labels, max(ages.values()))
            for topic, faults in sorted(snapshot.faults(group).items()):
                self.group_without_commit.add_metric((*labels, topic), faults.without_commit)
                self.group_past_end.add_metric((*labels, topic), faults.past_end)
                self.group_lost.add_metric((*labels, topic), faults.lost_records)
