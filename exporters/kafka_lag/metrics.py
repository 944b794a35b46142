"""Names, help and labels of the kafka_lag exporter.

Names and labels are those of danielqsj/kafka_exporter (https://github.com/danielqsj/kafka_exporter) where the meaning
is the same, so that dashboards and autoscalers made for it keep working. Two things differ: a partition without a
commit has no series (there: -1, also in the sums), and lag is never negative.
"""

from collections.abc import Iterable, Sequence

from exporters.family import Family, LabelValues
from exporters.kafka_lag import seglo
from exporters.kafka_lag.config import KafkaLagSettings, NameSet
from exporters.kafka_lag.group_metrics import Groups
from exporters.kafka_lag.levels import fit
from exporters.kafka_lag.placement import NO_LEADER
from exporters.kafka_lag.shelf import PARTITION, TOPIC, Shelf, partition_keys
from exporters.kafka_lag.snapshot import Snapshot


def families(snapshots: Sequence[Snapshot], settings: KafkaLagSettings) -> Iterable[Family]:
    """One family a metric; each series has the label ``cluster`` when clusters are named.

    Of several shards only the first tells the series of clusters and topics.
    """
    shelf = Shelf(named=any(snapshot.cluster is not None for snapshot in snapshots))
    clusters, costs, topics, groups = Clusters(shelf), Costs(shelf), Topics(shelf), Groups(shelf)
    ordered = sorted(snapshots, key=lambda snapshot: snapshot.cluster or "")
    for snapshot in ordered:
        cluster = () if snapshot.cluster is None else (snapshot.cluster,)
        costs.add(cluster, snapshot)
        if settings.shard.first:
            clusters.add(cluster, snapshot)
            topics.add(cluster, snapshot)
        for group in sorted(snapshot.groups, key=lambda group: group.name):
            groups.add((*cluster, group.name), group, snapshot)
    others = seglo.families(ordered, settings.shard) if settings.compat == NameSet.SEGLO else ()
    yield from fit([*shelf, *others], settings.level, settings.max_series)


class Clusters:
    """Families of a cluster as a whole."""

    def __init__(self, shelf: Shelf) -> None:
        """Begin them."""
        self.brokers = shelf.gauge("kafka_brokers", "Brokers in the cluster's metadata.")
        self.info = shelf.gauge("kafka_broker_info", "1 for each broker in the cluster's metadata.", "id", "address")
        self.leaders = shelf.gauge("kafka_broker_leaders", "Partitions of all topics that the broker leads.", "id")
        self.replicas = shelf.gauge(
            "kafka_broker_replicas", "Replicas of all topics that the broker holds, or should: it may be down.", "id"
        )

    def add(self, cluster: LabelValues, snapshot: Snapshot) -> None:
        """Add the series of one cluster."""
        self.brokers.add(cluster, snapshot.brokers)
        for node in snapshot.nodes:
            labels = (*cluster, str(node.number))
            if node.address is not None:
                self.info.add((*labels, node.address), 1)
            self.leaders.add(labels, node.leaders)
            self.replicas.add(labels, node.replicas)


class Costs:
    """Families of what it costs to read a cluster."""

    def __init__(self, shelf: Shelf) -> None:
        """Begin them."""
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
        self.leader = shelf.gauge(
            "kafka_topic_partition_leader",
            "Id of the broker that leads the partition; -1 when none does.",
            TOPIC,
            PARTITION,
        )
        self.preferred = shelf.gauge(
            "kafka_topic_partition_leader_is_preferred",
            "1 when the partition is led by the first of its replicas, 0 when by another or by none.",
            TOPIC,
            PARTITION,
        )
        self.replicas = shelf.gauge(
            "kafka_topic_partition_replicas", "Replicas that the partition has or should have.", TOPIC, PARTITION
        )
        self.in_sync = shelf.gauge(
            "kafka_topic_partition_in_sync_replica", "Replicas of the partition that are in sync.", TOPIC, PARTITION
        )
        self.under_replicated = shelf.gauge(
            "kafka_topic_partition_under_replicated_partition",
            "1 when fewer replicas of the partition are in sync than it should have, else 0.",
            TOPIC,
            PARTITION,
        )
        self.under_replicated_sum = shelf.gauge(
            "kafka_topic_under_replicated_partitions",
            "Partitions of the topic that have fewer replicas in sync than they should.",
            TOPIC,
        )
        self.offline = shelf.gauge("kafka_topic_offline_partitions", "Partitions of the topic without a leader.", TOPIC)

    def add(self, cluster: LabelValues, snapshot: Snapshot) -> None:
        """Add the series of one cluster."""
        for topic, placement in sorted(snapshot.placements.items()):
            keys = tuple([(*cluster, topic, str(number)) for number in placement.numbers])
            self.leader.extend(keys, placement.leaders)
            self.preferred.extend(keys, placement.preferred)
            self.replicas.extend(keys, placement.replicas)
            self.in_sync.extend(keys, placement.in_sync)
            self.under_replicated.extend(keys, placement.under_replicated)
            self.under_replicated_sum.add((*cluster, topic), sum(placement.under_replicated))
            self.offline.add((*cluster, topic), placement.leaders.count(NO_LEADER))
        for topic, count in sorted(snapshot.topics.items()):
            self.partitions.add((*cluster, topic), count)
        for family, offsets in ((self.current, snapshot.ends), (self.oldest, snapshot.oldest)):
            partitions = sorted(offsets)
            family.extend(partition_keys(cluster, partitions), [offsets[partition] for partition in partitions])
