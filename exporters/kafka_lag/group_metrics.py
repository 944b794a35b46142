"""Names, help and labels of what the exporter tells of consumer groups; metrics.py says whose names they are."""

from collections.abc import Mapping

from exporters.family import Family, LabelValues
from exporters.kafka_lag.config import Isolation
from exporters.kafka_lag.shelf import GROUP, PARTITION, TOPIC, Shelf, partition_keys
from exporters.kafka_lag.snapshot import Faults, Group, GroupState, Partition, Snapshot, TopicStatus, Trend, by_topic

STATUS_NAMES = tuple(status.name for status in TopicStatus)
ONE_HOT = {status: tuple(int(each is status) for each in TopicStatus) for status in TopicStatus}
"""Values of the series of all statuses where this is the one."""


class Groups:
    """Families of consumer groups."""

    def __init__(self, shelf: Shelf) -> None:
        """Begin them."""
        self._states = States(shelf)
        self._records = Records(shelf)
        self._seconds = Seconds(shelf)
        self._findings = Findings(shelf)
        self._outlook = Outlook(shelf)

    def add(self, labels: LabelValues, group: Group, snapshot: Snapshot) -> None:
        """Add the series of one group."""
        commits, ages, faults = Commits(labels, group), snapshot.lag_seconds(group), snapshot.faults(group)
        topic_ages = by_topic(ages, max)
        self._states.add(labels, group)
        self._records.add(labels, group, snapshot, commits)
        self._seconds.add(labels, ages, topic_ages, commits)
        self._findings.add(labels, faults, snapshot.abandoned(group), snapshot.isolation)
        retention = snapshot.retention_seconds(group, topic_ages, faults)
        self._outlook.add(labels, snapshot.trends.get(group.name), retention)


class Commits:
    """Partitions in which a group has committed, and the keys of their series: one object of them for all families."""

    def __init__(self, labels: LabelValues, group: Group) -> None:
        """`labels` are those of the group."""
        self._labels = labels
        self._partitions = sorted(group.committed)
        self._keys = partition_keys(labels, self._partitions)

    def extend(self, family: Family, values: Mapping[Partition, float]) -> None:
        """Add a series for each of the partitions that has a value."""
        partitions, keys = self._partitions, self._keys
        if len(values) < len(partitions):
            partitions = [partition for partition in partitions if partition in values]
            keys = partition_keys(self._labels, partitions)
        family.extend(keys, [values[partition] for partition in partitions])


class States:
    """Families of the state that a group is in."""

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

    def add(self, labels: LabelValues, group: Group) -> None:
        """Add the series of one group."""
        if group.members is not None:
            self.members.add(labels, group.members)
        self.state.extend(
            tuple([(*labels, state) for state in GroupState]), [int(state == group.state) for state in GroupState]
        )


class Records:
    """Families of what a group has committed, and how many records behind it is."""

    def __init__(self, shelf: Shelf) -> None:
        """Begin them."""
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

    def add(self, labels: LabelValues, group: Group, snapshot: Snapshot, commits: Commits) -> None:
        """Add the series of one group."""
        lag = snapshot.lag(group)
        commits.extend(self.current, group.committed)
        commits.extend(self.lag, lag)
        for topic, total in by_topic(group.committed).items():
            self.current_sum.add((*labels, topic), total)
        for topic, total in snapshot.lag_sums(group).items():
            self.lag_sum.add((*labels, topic), total)
        if group.committed and len(lag) == len(group.committed):
            self.lag_overall.add(labels, sum(lag.values()))


class Seconds:
    """Families of how many seconds behind a group is."""

    def __init__(self, shelf: Shelf) -> None:
        """Begin them."""
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

    def add(
        self, labels: LabelValues, ages: Mapping[Partition, float], topic_ages: Mapping[str, float], commits: Commits
    ) -> None:
        """Add the series of one group."""
        commits.extend(self.seconds, ages)
        for topic, age in topic_ages.items():
            self.topic_seconds.add((*labels, topic), age)
        if ages:
            self.seconds_max.add(labels, max(ages.values()))


class Findings:
    """Families of what is wrong between a group and a topic."""

    def __init__(self, shelf: Shelf) -> None:
        """Begin them."""
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

    def add(
        self, labels: LabelValues, faults: Mapping[str, Faults], abandoned: Mapping[str, bool], isolation: Isolation
    ) -> None:
        """Add the series of one group."""
        for topic, found in sorted(faults.items()):
            self.without_commit.add((*labels, topic), found.without_commit)
            if isolation == "read_uncommitted":
                self.past_end.add((*labels, topic), found.past_end)
            self.lost.add((*labels, topic), found.lost_records)
        for topic, left in sorted(abandoned.items()):
            self.abandoned.add((*labels, topic), int(left))


class Outlook:
    """Families of how a group fares in a topic, and where that leads."""

    def __init__(self, shelf: Shelf) -> None:
        """Begin them."""
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

    def add(self, labels: LabelValues, trend: Trend | None, retention: Mapping[str, float]) -> None:
        """Add the series of one group."""
        for topic, seconds in retention.items():
            self.retention.add((*labels, topic), seconds)
        if trend is None:
            return
        keys = tuple([(*labels, topic, name) for topic in trend.statuses for name in STATUS_NAMES])
        self.status.extend(keys, [value for status in trend.statuses.values() for value in ONE_HOT[status]])
        for family, values in ((self.slope, trend.slopes), (self.catch_up, trend.catch_up)):
            family.extend(tuple([(*labels, topic) for topic in values]), list(values.values()))
