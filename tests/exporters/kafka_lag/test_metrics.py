"""The text of /metrics."""

from collections.abc import Callable

from exporters.app import all_families
from exporters.collection import Status
from exporters.errors import Reason, SourceError
from exporters.exposition import render
from exporters.kafka_lag import EXPORTER
from exporters.kafka_lag.snapshot import Group, Partition, Snapshot

ORDERS = [Partition("orders", number) for number in range(3)]
QUESTIONS = Partition("questions", 0)
PROBLEM = SourceError(Reason.UNREACHABLE, "127.0.0.1:9093: connection refused")


def snapshot(cluster: str | None) -> Snapshot:
    return Snapshot(
        cluster=cluster,
        brokers=2,
        topics={"orders": 3, "questions": 1, "payments": 1},
        oldest={ORDERS[0]: 5, ORDERS[1]: 0, QUESTIONS: 1_000_000},
        ends={ORDERS[0]: 120, ORDERS[1]: 80, QUESTIONS: 9_007_199_254_740_993},
        groups=(
            Group('questions "new"', None, {QUESTIONS: 9_007_199_254_740_000}),
            Group("billing", 2, {ORDERS[0]: 100, ORDERS[1]: 80, ORDERS[2]: 7}),
            Group("idle", 0, {}),
        ),
        problems=(PROBLEM,),
        requests={"Metadata": 7, "OffsetFetch": 14},
        received=2048,
        at=1_700_000_000.0,
        written={ORDERS[0]: {100: 1_699_999_990.5}},
    )


def text(*statuses: Status[Snapshot]) -> str:
    return render(all_families(EXPORTER, statuses)).decode()


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
    )
    assert text(Status("kafka", one, attempts=1)) == text(Status("kafka", other, attempts=1))
