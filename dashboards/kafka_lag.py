"""bongsu-kafka-lag: who is behind, is it getting better, and which partition is it?"""

from collections.abc import Mapping

from dashboards.page import Variable, page
from dashboards.panels import Query, Words, lines, number, rows
from dashboards.rules import AlertRule
from dashboards.sdk import dashboard

LAG = "consumergroup_topic:kafka_consumergroup_lag:sum"
MEMBERS = "consumergroup:kafka_consumergroup_members:max"
CLUSTER = '{cluster=~"$cluster"}'
GROUP = '{cluster=~"$cluster", consumergroup=~"$consumergroup"}'
GROUP_TOPIC = '{cluster=~"$cluster", consumergroup=~"$consumergroup", topic=~"$topic"}'
TOPIC = '{cluster=~"$cluster", topic=~"$topic"}'


def _rate(offset: str, select: str, by: str) -> str:
    """Records a second that an offset moves, over the partitions; two exporters of one cluster count once."""
    return f"sum by ({by}) (max by ({by}, partition) (rate({offset}{select}[$__rate_interval])))"


CONSUMED = _rate("kafka_consumergroup_current_offset", GROUP_TOPIC, "cluster, consumergroup, topic")
PRODUCED = _rate("kafka_topic_partition_current_offset", TOPIC, "cluster, topic")


def build(rules: Mapping[str, AlertRule]) -> dashboard.Dashboard:
    """The page behind KafkaConsumerLagHigh and KafkaConsumerGroupHasNoMembers."""
    board = page(
        "bongsu-kafka-lag",
        "Bongsu / Kafka consumer lag",
        "Who is behind, is it getting better, and which partition is it?",
        variables=(
            Variable("cluster", LAG),
            Variable("consumergroup", f"{LAG}{CLUSTER}"),
            Variable("topic", f"{LAG}{GROUP}"),
        ),
        signals=("kafka_lag",),
    )
    _who_is_behind(board, rules)
    _is_it_getting_better(board)
    _which_partition(board, rules)
    return board


def _who_is_behind(board: dashboard.Dashboard, rules: Mapping[str, AlertRule]) -> None:
    board.with_row(dashboard.Row("Who is behind?"))
    worst = Words(
        "Worst lag",
        "Records that wait in the worst group and topic. Above the threshold: the table of partitions and the rates "
        "below say whether the consumers stand still or are too slow.",
        "No consumer group is measured",
    )
    lag_rule = rules["KafkaConsumerLagHigh"]
    board.with_panel(number(worst, "short", Query(f"max({LAG}{GROUP_TOPIC})", "lag"), rule=lag_rule).span(6).height(8))
    lag = Words(
        "Lag by group and topic",
        "Records between the group's committed offsets and the end of the topic. Rising steadily: add consumers or "
        "make each record cheaper. A step: a burst; wait whether it shrinks.",
        "No consumer group is measured",
    )
    query = Query(f"{LAG}{GROUP_TOPIC}", "{{consumergroup}} / {{topic}}")
    board.with_panel(lines(lag, "short", [query], rule=lag_rule).span(18).height(8))


def _is_it_getting_better(board: dashboard.Dashboard) -> None:
    board.with_row(dashboard.Row("Is it getting better?"))
    rates = Words(
        "Produced and consumed",
        "Records a second at the end of the topic, and through each group. The group must run above the topic for the "
        "lag to shrink; consumed at 0 with members means that they are stuck or do not commit.",
        "No topic is measured",
    )
    queries = [Query(PRODUCED, "{{topic}} produced"), Query(CONSUMED, "{{consumergroup}} / {{topic}} consumed")]
    board.with_panel(lines(rates, "mps", queries).span(12).height(8))
    time = Words(
        "Time to work off the lag at this speed",
        "Lag divided by the consumed rate: about how long a new record waits until it is read. Longer than your "
        "users would wait: scale out.",
        "Nothing is consumed",
    )
    query = Query(f"{LAG}{GROUP_TOPIC} / ({CONSUMED} > 0)", "{{consumergroup}} / {{topic}}")
    board.with_panel(lines(time, "s", [query]).span(12).height(8))


def _which_partition(board: dashboard.Dashboard, rules: Mapping[str, AlertRule]) -> None:
    board.with_row(dashboard.Row("Which partition, which member?"))
    partitions = Words(
        "Lag by partition",
        "The twenty worst partitions. One far above the rest: a hot key or one stuck member. All alike: the whole "
        "group is too slow.",
        "No partition is measured",
    )
    expr = f"topk(20, max by (cluster, consumergroup, topic, partition) (kafka_consumergroup_lag{GROUP_TOPIC}))"
    columns = ("cluster", "consumergroup", "topic", "partition")
    board.with_panel(rows(partitions, "short", expr, columns=columns, value="lag").span(12).height(8))
    members = Words(
        "Members of the group",
        "Consumers in each group. 0 while records wait: nobody reads, start the consumers. A line that jumps: they "
        "leave and rejoin, often because a record takes longer than max.poll.interval.ms.",
        "No consumer group is measured",
    )
    query = Query(f"{MEMBERS}{GROUP}", "{{consumergroup}}")
    rule = rules["KafkaConsumerGroupHasNoMembers"]
    board.with_panel(lines(members, "short", [query], rule=rule).span(12).height(8))
