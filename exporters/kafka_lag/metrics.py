"""Names, help and labels of the kafka_lag exporter.

Names and labels are those of danielqsj/kafka_exporter (https://github.com/danielqsj/kafka_exporter) where the meaning
is the same, so that dashboards and autoscalers made for it keep working. Two things differ: a partition without a
commit has no series (there: -1, also in the sums), and lag is never negative.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

from exporters.family import Family, Keys, LabelValues, counter, gauge
from exporters.kafka_lag import seglo
from exporters.kafka_lag.config import KafkaLagSettings, NameSet
from exporters.kafka_lag.levels import fit
from exporters.kafka_lag.placement import NO_LEADER
from exporters.kafka_lag.snapshot import Group, GroupState, Partition, Snapshot, TopicStatus, Trend, by_topic

GROUP, TOPIC, PARTITION = "consumergroup", "topic", "partition"

STATUS_NAMES = tuple(status.name for status in TopicStatus)
ONE_HOT = {status: tuple(int(each is status) for each in TopicStatus) for status in TopicStatus}
"""Values of the series of all statuses where this is the one."""


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
        self.state = shelf.gauge(
            "kafka_consumergroup_state", "1 for the state that the group is in, 0 for all others.", GROUP, "state"
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
            "Partitions of the topic that end before the group's committed offset: made anew, or truncated; "
            "absent where the end is the last stable offset.",
            GROUP,
            TOPIC,
        )
        self.abandoned = shelf.gauge(
            "kafka_consumergroup_topic_abandoned",
            "1 when the group is stable, has commits in the topic, and no member reads it, else 0; "
            "absent while it is not known what the members read.",
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
        self.status = shelf.gauge(
            "kafka_consumergroup_topic_status",
            "Status of the group in the topic, by the rules of Burrow: 1 for the one that it has, which is that of its "
            "worst partition; absent until it is known.",
            GROUP,
            TOPIC,
            "status",
        )
        self.slope = shelf.gauge(
            "kafka_consumergroup_lag_slope",
            "Records a second that the group's lag in the topic has grown by over the last minutes; negative when it "
            "shrinks.",
            GROUP,
            TOPIC,
        )
        self.catch_up = shelf.gauge(
            "kafka_consumergroup_catch_up_seconds",
            "Seconds until the group has read all of the topic if its lag shrinks on as it does; absent while it "
            "grows or stands still.",
            GROUP,
            TOPIC,
        )
        self.retention = shelf.gauge(
            "kafka_consumergroup_retention_seconds",
            "Seconds until retention may delete the oldest record that the group has not read; 0 when it has deleted "
            "some, absent when nothing threatens.",
            GROUP,
            TOPIC,
        )

    def add(self, labels: LabelValues, group: Group, snapshot: Snapshot) -> None:
        """Add the series of one group."""
        if group.members is not None:
            self.members.add(labels, group.members)
        self.state.extend(
            tuple([(*labels, state) for state in GroupState]), [int(state == group.state) for state in GroupState]
        )
        lag, ages = snapshot.lag(group), snapshot.lag_seconds(group)
        partitions = sorted(group.committed)
        keys = _keys(labels, partitions)
        for family, values in ((self.current, group.committed), (self.lag, lag), (self.seconds, ages)):
            _extend(family, labels, values, partitions, keys)
        for topic, total in by_topic(group.committed).items():
            self.current_sum.add((*labels, topic), total)
        for topic, total in snapshot.lag_sums(group).items():
            self.lag_sum.add((*labels, topic), total)
        if group.committed and len(lag) == len(group.committed):
            self.lag_overall.add(labels, sum(lag.values()))
        topic_ages, faults = by_topic(ages, max), snapshot.faults(group)
        for topic, age in topic_ages.items():
            self.topic_seconds.add((*labels, topic), age)
        if ages:
            self.seconds_max.add(labels, max(ages.values()))
        for topic, found in sorted(faults.items()):
            self.without_commit.add((*labels, topic), found.without_commit)
            if snapshot.isolation == "read_uncommitted":
                self.past_end.add((*labels, topic), found.past_end)
            self.lost.add((*labels, topic), found.lost_records)
        for topic, abandoned in sorted(snapshot.abandoned(group).items()):
            self.abandoned.add((*labels, topic), int(abandoned))
        for topic, seconds in snapshot.retention_seconds(group, topic_ages, faults).items():
            self.retention.add((*labels, topic), seconds)
        if trend := snapshot.trends.get(group.name):
            self._add_trend(labels, trend)

    def _add_trend(self, labels: LabelValues, trend: Trend) -> None:
        keys = tuple([(*labels, topic, name) for topic in trend.statuses for name in STATUS_NAMES])
        self.status.extend(keys, [value for status in trend.statuses.values() for value in ONE_HOT[status]])
        for family, values in ((self.slope, trend.slopes), (self.catch_up, trend.catch_up)):
            family.extend(tuple([(*labels, topic) for topic in values]), list(values.values()))


def _keys(labels: LabelValues, partitions: Iterable[Partition]) -> Keys:
    # `+` is twice as fast as unpacking `labels` into each
    return tuple([labels + (topic, _number(number)) for topic, number in partitions])  # noqa: RUF005


_number = cache(str)


def _extend(
    family: Family, labels: LabelValues, values: Mapping[Partition, float], partitions: Sequence[Partition], keys: Keys
) -> None:
    """Add a series for each partition that has a value; `keys` are those of all `partitions`."""
    if len(values) < len(partitions):
        partitions = [partition for partition in partitions if partition in values]
        keys = _keys(labels, partitions)
    family.extend(keys, [values[partition] for partition in partitions])
