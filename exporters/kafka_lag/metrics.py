"""Names, help and labels of the kafka_lag exporter.

Names and labels are those of danielqsj/kafka_exporter (https://github.com/danielqsj/kafka_exporter) where the meaning
is the same, so that dashboards and autoscalers made for it keep working. Two things differ: a partition without a
commit has no series (there: -1, also in the sums), and lag is never negative.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from exporters.family import Family, Keys, LabelValues, counter, gauge
from exporters.kafka_lag.config import KafkaLagSettings
from exporters.kafka_lag.levels import fit
from exporters.kafka_lag.snapshot import Group, Partition, Snapshot, by_topic

GROUP, TOPIC, PARTITION = "consumergroup", "topic", "partition"


def families(snapshots: Sequence[Snapshot], settings: KafkaLagSettings) -> Iterable[Family]:
    """One family a metric; each series has the label ``cluster`` when clusters are named."""
    shelf = Shelf(named=any(snapshot.cluster is not None for snapshot in snapshots))
    clusters, topics, groups = Clusters(shelf), Topics(shelf), Groups(shelf)
    for snapshot in sorted(snapshots, key=lambda snapshot: snapshot.cluster or ""):
        cluster = () if snapshot.cluster is None else (snapshot.cluster,)
        clusters.add(cluster, snapshot)
        topics.add(cluster, snapshot)
        for group in sorted(snapshot.groups, key=lambda group: group.name):
            groups.add((*cluster, group.name), group, snapshot)
    yield from fit(shelf, settings.level, settings.max_series)


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


class Clusters:
    """Families of a cluster as a whole, and of what it costs to read it."""

    def __init__(self, shelf: Shelf) -> None:
        """Begin them."""
        self.brokers = shelf.gauge("kafka_brokers", "Brokers in the cluster's metadata.")
        self.requests = shelf.counter(
            "kafka_lag_requests_total",
            "Requests that the exporter has sent to the cluster's brokers, by their name in Kafka's protocol.",
            "api",
        )
        self.received = shelf.gauge(
            "kafka_lag_received_bytes", "Bytes of the brokers' answers since the collection before the last."
        )

    def add(self, cluster: LabelValues, snapshot: Snapshot) -> None:
        """Add the series of one cluster."""
        self.brokers.add(cluster, snapshot.brokers)
        self.received.add(cluster, snapshot.received)
        for api, count in sorted(snapshot.requests.items()):
            self.requests.add((*cluster, api), count)


class Topics:
    """Families of topics and their partitions."""

    def __init__(self, shelf: Shelf) -> None:
        """Begin them."""
        self.partitions = shelf.gauge("kafka_topic_partitions", "Partitions of the topic.", TOPIC)
        self.current = shelf.gauge(
            "kafka_topic_partition_current_offset",
            "End of the partition: the offset that its next record will have.",
            TOPIC,
            PARTITION,
        )
        self.oldest = shelf.gauge(
            "kafka_topic_partition_oldest_offset",
            "Offset of the oldest record that the partition still holds.",
            TOPIC,
            PARTITION,
        )

    def add(self, cluster: LabelValues, snapshot: Snapshot) -> None:
        """Add the series of one cluster."""
        for topic, count in sorted(snapshot.topics.items()):
            self.partitions.add((*cluster, topic), count)
        for family, offsets in ((self.current, snapshot.ends), (self.oldest, snapshot.oldest)):
            partitions = sorted(offsets)
            family.extend(_keys(cluster, partitions), [offsets[partition] for partition in partitions])


class Groups:
    """Families of consumer groups."""

    def __init__(self, shelf: Shelf) -> None:
        """Begin them."""
        self.members = shelf.gauge(
            "kafka_consumergroup_members",
            "Members of the group; absent when the broker does not tell (before Kafka 3.8, groups of KIP-848).",
            GROUP,
        )
        self.current = shelf.gauge(
            "kafka_consumergroup_current_offset",
            "Offset that the group has committed; absent while it has committed none.",
            GROUP,
            TOPIC,
            PARTITION,
        )
        self.current_sum = shelf.gauge(
            "kafka_consumergroup_current_offset_sum",
            "Sum of the offsets that the group has committed in the topic.",
            GROUP,
            TOPIC,
        )
        self.lag = shelf.gauge(
            "kafka_consumergroup_lag",
            "Records from the group's committed offset to the partition's end. A commit beyond the end counts as 0; "
            "absent while the group has no commit or the end can't be read.",
            GROUP,
            TOPIC,
            PARTITION,
        )
        self.lag_sum = shelf.gauge(
            "kafka_consumergroup_lag_sum",
            "Sum of the group's lag in the topic's partitions; absent unless all of them are known.",
            GROUP,
            TOPIC,
        )
        self.lag_overall = shelf.gauge(
            "kafka_consumergroup_lag_overall",
            "Sum of the group's lag in all its topics; absent unless each of its partitions is known.",
            GROUP,
        )
        self.seconds = shelf.gauge(
            "kafka_consumergroup_lag_seconds",
            "Age of the oldest record that the group has not read; 0 when it has read them all.",
            GROUP,
            TOPIC,
            PARTITION,
        )
        self.topic_seconds = shelf.gauge(
            "kafka_consumergroup_topic_lag_seconds",
            "Largest lag in seconds of the group in the topic, of the partitions where it is known.",
            GROUP,
            TOPIC,
        )
        self.seconds_max = shelf.gauge(
            "kafka_consumergroup_lag_seconds_max",
            "Largest lag in seconds of the group, of the partitions where it is known.",
            GROUP,
        )
        self.without_commit = shelf.gauge(
            "kafka_consumergroup_partitions_without_commit",
            "Partitions of the topic in which the group has committed nothing, though it has in others.",
            GROUP,
            TOPIC,
        )
        self.past_end = shelf.gauge(
            "kafka_consumergroup_partitions_past_end",
            "Partitions of the topic that end before the group's committed offset: made anew, or truncated.",
            GROUP,
            TOPIC,
        )
        self.lost = shelf.gauge(
            "kafka_consumergroup_lost_records",
            "Records of the topic that were deleted before the group read them: "
            "from its committed offsets to the oldest that are kept.",
            GROUP,
            TOPIC,
        )

    def add(self, labels: LabelValues, group: Group, snapshot: Snapshot) -> None:
        """Add the series of one group."""
        if group.members is not None:
            self.members.add(labels, group.members)
        lag, ages = snapshot.lag(group), snapshot.lag_seconds(group)
        partitions = sorted(group.committed)
        keys = _keys(labels, partitions)
        for family, values in ((self.current, group.committed), (self.lag, lag), (self.seconds, ages)):
            _extend(family, labels, values, partitions, keys)
        for topic, total in by_topic(group.committed).items():
            self.current_sum.add((*labels, topic), total)
        for topic, total in snapshot.lag_sums(group).items():
            self.lag_sum.add((*labels, topic), total)
        if len(lag) == len(group.committed):
            self.lag_overall.add(labels, sum(lag.values()))
        for topic, age in by_topic(ages, max).items():
            self.topic_seconds.add((*labels, topic), age)
        if ages:
            self.seconds_max.add(labels, max(ages.values()))
        for topic, faults in sorted(snapshot.faults(group).items()):
            self.without_commit.add((*labels, topic), faults.without_commit)
            self.past_end.add((*labels, topic), faults.past_end)
            self.lost.add((*labels, topic), faults.lost_records)


def _keys(labels: LabelValues, partitions: Iterable[Partition]) -> Keys:
    return tuple([(*labels, topic, str(number)) for topic, number in partitions])


def _extend(
    family: Family, labels: LabelValues, values: Mapping[Partition, float], partitions: Sequence[Partition], keys: Keys
) -> None:
    """Add a series for each partition that has a value; `keys` are those of all `partitions`."""
    if len(values) < len(partitions):
        partitions = [partition for partition in partitions if partition in values]
        keys = _keys(labels, partitions)
    family.extend(keys, [values[partition] for partition in partitions])
