"""The text of /metrics."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporters.collection import Status
from exporters.errors import Reason, SourceError
from exporters.exposition import Exposition
from exporters.kafka_lag import EXPORTER
from exporters.kafka_lag.config import Cluster, KafkaLagSettings
from exporters.kafka_lag.placement import NO_LEADER, Node, Placement
from exporters.kafka_lag.snapshot import (
    Group,
    GroupState,
    Limits,
    Member,
    Partition,
    Snapshot,
    TopicStatus,
    Trend,
)
from exporters.scrape import all_families

ORDERS = [Partition("orders", number) for number in range(3)]
QUESTIONS = Partition("questions", 0)
READERS = (
    Member("billing-1-a", "billing-1", "/10.0.0.1", {"orders": (0, 1)}),
    Member("billing-2-b", 'the "second"', "/10.0.0.2", {"payments": (0,)}),
)
PROBLEM = SourceError(Reason.UNREACHABLE, "127.0.0.1:9093: connection refused")


def snapshot(cluster: str | None) -> Snapshot:
    return Snapshot(
        cluster=cluster,
        brokers=2,
        topics={"orders": 3, "questions": 1, "payments": 1},
        oldest={ORDERS[0]: 5, ORDERS[1]: 0, QUESTIONS: 1_000_000},
        ends={ORDERS[0]: 120, ORDERS[1]: 80, QUESTIONS: 9_007_199_254_740_993},
        groups=(
            Group('questions "new"', None, {QUESTIONS: 9_007_199_254_740_000}, GroupState.RECONCILING),
            Group("billing", 2, {ORDERS[0]: 100, ORDERS[1]: 80, ORDERS[2]: 7}, GroupState.STABLE, READERS),
            Group("idle", 0, {}, GroupState.EMPTY),
        ),
        problems=(PROBLEM,),
        requests={"Metadata": 7, "OffsetFetch": 14},
        received=2048,
        at=1_700_000_000.0,
        written={ORDERS[0]: {100: 1_699_999_990.5}},
        took=0.125,
        placements={
            # number, leader, whether it is the preferred one, replicas, in sync
            "orders": Placement.of([(0, 1, 1, 2, 2), (1, 1, 0, 2, 1), (2, NO_LEADER, 0, 1, 0)]),
            "questions": Placement.of([(0, 2, 1, 1, 1)]),
        },
        nodes=(Node(1, "127.0.0.1:9092", 2, 2), Node(2, "127.0.0.1:9093", 1, 3), Node(3, None, 0, 1)),
        trends={
            "billing": Trend({"orders": TopicStatus.WARN}, {"orders": 2.5}, {}),
            'questions "new"': Trend({"questions": TopicStatus.OK}, {"questions": -10.0}, {"questions": 99.3}),
        },
        limits={"orders": Limits(3_600.0, by_size=False), "questions": Limits(None, by_size=True)},
        deleted={QUESTIONS: 1_000_000.0},
    )


def text(*statuses: Status[Snapshot], **wanted: Any) -> str:
    clusters = (Cluster(bootstrap_servers=("127.0.0.1:9092",)),)
    settings = KafkaLagSettings(listen="127.0.0.1:9308", clusters=clusters, **wanted)
    return Exposition().render(all_families(EXPORTER, settings, statuses)).decode()


def series(text: str) -> set[str]:
    """Names with labels of the exporter's series about Kafka."""
    return {
        line.rpartition(" ")[0] for line in text.splitlines() if line.startswith("kafka_") and "_lag_up" not in line
    }


def test_metrics_of_one_cluster_without_a_name(golden: Callable[[str, str], None]) -> None:
    """Names, labels, help, and which series are missing when something is not known."""
    status = Status(
        "kafka",
        snapshot(None),
        attempts=2,
        duration=0.25,
        last_success=1_700_000_000.5,
        failures={Reason.UNREACHABLE: 1},
    )
    golden("metrics.prom", text(status))


def test_metrics_of_named_clusters(golden: Callable[[str, str], None]) -> None:
    """Named clusters are told apart by the label `cluster`; one that is down has no series but its own state."""
    up = Status("seoul", snapshot("seoul"), attempts=1, duration=0.25, last_success=1_700_000_000.5)
    down = Status[Snapshot]("busan", None, PROBLEM, attempts=1, duration=4.0, failures={Reason.UNREACHABLE: 1})
    golden("named.prom", text(down, up))


@pytest.mark.parametrize(("cluster", "file"), [(None, "seglo.prom"), ("seoul", "seglo_named.prom")])
def test_names_of_kafka_lag_exporter(golden: Callable[[str, str], None], cluster: str | None, file: str) -> None:
    """By option, beside ours: members are named where it is known who reads, a cluster always."""
    status = Status("kafka", snapshot(cluster), attempts=1)
    ours, both = text(status).splitlines(), text(status, compat="seglo").splitlines()
    golden(file, "".join(line + "\n" for line in both if line not in ours))
    assert set(ours) < set(both)


def test_a_commit_past_the_last_stable_offset_is_not_called_wrong() -> None:
    """It is that of a consumer that reads uncommitted records, in good order."""
    stable = replace(snapshot(None), isolation="read_committed")
    told = series(text(Status("kafka", stable, attempts=1)))
    assert not any("past_end" in name for name in told)
    assert any("without_commit" in name for name in told)


def test_a_group_without_a_commit_has_no_lag() -> None:
    """Not 0, for it has read nothing; its commits may also be unknown."""
    assert not any("_lag" in name and "idle" in name for name in series(text(Status("kafka", snapshot(None)))))


KAFKA_EXPORTER = {
    "kafka_brokers": "",
    "kafka_broker_info": "id address",
    "kafka_topic_partitions": "topic",
    "kafka_topic_partition_current_offset": "topic partition",
    "kafka_topic_partition_oldest_offset": "topic partition",
    "kafka_topic_partition_leader": "topic partition",
    "kafka_topic_partition_leader_is_preferred": "topic partition",
    "kafka_topic_partition_replicas": "topic partition",
    "kafka_topic_partition_in_sync_replica": "topic partition",
    "kafka_topic_partition_under_replicated_partition": "topic partition",
    "kafka_consumergroup_members": "consumergroup",
    "kafka_consumergroup_current_offset": "consumergroup topic partition",
    "kafka_consumergroup_current_offset_sum": "consumergroup topic",
    "kafka_consumergroup_lag": "consumergroup topic partition",
    "kafka_consumergroup_lag_sum": "consumergroup topic",
}
"""Labels by name, as kafka_exporter.go of https://github.com/danielqsj/kafka_exporter declares them (v1.9).

One is missing here: kafka_consumergroupzookeeper_lag_zookeeper, of groups that commit to ZooKeeper (before Kafka 0.9).
"""

DASHBOARD = {
    "kafka_topic_partition_current_offset": "topic",
    "kafka_consumergroup_lag": "topic consumergroup",
    "kafka_consumergroup_current_offset": "topic consumergroup",
    "kafka_topic_partitions": "topic",
}
"""What the queries and variables of https://grafana.com/grafana/dashboards/7589 ask for, and the labels that they match
or sum by; Prometheus adds `job` and `instance`. It is kafka_exporter_overview.json of the same repository."""


def labels(text: str) -> dict[str, set[str]]:
    """Label names by metric."""
    return {
        family.name: {label for sample in family.samples for label in sample.labels}
        for family in text_string_to_metric_families(text)
    }


@pytest.mark.parametrize("name", KAFKA_EXPORTER)
def test_names_and_labels_of_kafka_exporter(name: str) -> None:
    """Exactly those, so that what was made for it keeps working."""
    assert labels(text(Status("kafka", snapshot(None), attempts=1)))[name] == set(KAFKA_EXPORTER[name].split())


@pytest.mark.parametrize("name", DASHBOARD)
def test_the_public_dashboard_of_kafka_exporter_finds_what_it_asks_for(name: str) -> None:
    """Each metric has series with the labels that the dashboard needs."""
    assert labels(text(Status("kafka", snapshot(None), attempts=1)))[name] >= set(DASHBOARD[name].split())


def test_the_order_of_what_was_read_does_not_show() -> None:
    """The same cluster gives the same text, whichever answer came first."""
    one = snapshot(None)
    other = Snapshot(
        cluster=None,
        brokers=2,
        topics=dict(reversed(one.topics.items())),
        oldest=dict(reversed(one.oldest.items())),
        ends=dict(reversed(one.ends.items())),
        groups=tuple(reversed(one.groups)),
        problems=one.problems,
        requests=dict(reversed(one.requests.items())),
        received=one.received,
        at=one.at,
        written=one.written,
        took=one.took,
        placements=dict(reversed(one.placements.items())),
        nodes=one.nodes,
        trends=dict(reversed(one.trends.items())),
        limits=dict(reversed(one.limits.items())),
        deleted=dict(reversed(one.deleted.items())),
    )
    assert text(Status("kafka", one, attempts=1)) == text(Status("kafka", other, attempts=1))


LEVELS = {
    "partition": {"partition", "topic", "group"},
    "topic": {"topic", "group"},
    "group": {"group"},
}


def told_of(series: str) -> str:
    """The smallest thing that a series is told of."""
    return next((thing for thing in ("partition", "topic") if f"{thing}=" in series), "group")


@pytest.mark.parametrize("level", LEVELS)
def test_the_level_is_the_finest_detail(level: str) -> None:
    """Coarser series stay as they are; what is finer is not there, and not counted as dropped: nobody asked for it."""
    status = Status("kafka", snapshot(None), attempts=1)
    whole, part = text(status), text(status, level=level)
    assert {told_of(name) for name in series(part)} == LEVELS[level]
    assert series(part) == {name for name in series(whole) if told_of(name) in LEVELS[level]}
    assert "kafka_lag_dropped_series 0\n" in part


@pytest.mark.parametrize(("spare", "level"), [(0, "partition"), (-1, "topic")])
def test_the_budget_is_kept_by_telling_less_detail(spare: int, level: str) -> None:
    """One series too many, and all partitions are told in sum by topic; how many series that leaves out is told."""
    status = Status("kafka", snapshot(None), attempts=1)
    kafkas = {
        name
        for name in series(text(status))
        if not name.startswith(("kafka_lag_dropped", "kafka_lag_coll", "kafka_lag_fail"))
    }
    partitions = sum(told_of(name) == "partition" for name in kafkas)
    kept = text(status, max_series=len(kafkas) + spare)
    assert {told_of(name) for name in series(kept)} == LEVELS[level]
    assert f"kafka_lag_dropped_series {0 if level == 'partition' else partitions}\n" in kept


def test_a_budget_that_topics_pass_leaves_groups() -> None:
    """Then there is one number a group, and never none."""
    kept = series(text(Status("kafka", snapshot(None), attempts=1), max_series=1))
    assert {told_of(name) for name in kept} == {"group"}
    assert 'kafka_consumergroup_lag_overall{consumergroup="questions \\"new\\""}' in kept
