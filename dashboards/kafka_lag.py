"""bongsu-kafka-lag: who is behind, is it getting better, and which partition is it?"""

from collections.abc import Mapping

from dashboards.page import Variable, page
from dashboards.panels import Query, Words, lines, number, rows
from dashboards.rules import AlertRule
from dashboards.sdk import dashboard

LAG = "consumergroup_topic:kafka_consumergroup_lag:sum"
SECONDS = "consumergroup_topic:kafka_consumergroup_lag_seconds:max"
CATCH_UP = "consumergroup_topic:kafka_consumergroup_catch_up_seconds:min"
RETENTION = "consumergroup_topic:kafka_consumergroup_retention_seconds:min"
STALLED = "consumergroup_topic:kafka_consumergroup_topic_stalled:max"
LOST = "consumergroup_topic:kafka_consumergroup_lost_records:max"
ABANDONED = "consumergroup_topic:kafka_consumergroup_topic_abandoned:max"
PAST_END = "consumergroup_topic:kafka_consumergroup_partitions_past_end:max"
OFFLINE = "cluster:kafka_topic_offline_partitions:sum"
UNDER_REPLICATED = "cluster:kafka_topic_under_replicated_partitions:sum"
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
    """The page behind the alerts on consumer groups."""
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
    _will_records_be_lost(board, rules)
    _which_partition(board, rules)
    _is_the_cluster_well(board, rules)
    _who_carries_it(board)
    return board


def _who_is_behind(board: dashboard.Dashboard, rules: Mapping[str, AlertRule]) -> None:
    board.with_row(dashboard.Row("Who is behind?"))
    worst = Words(
        "Worst lag",
        "Age of the oldest unread record of the worst group and topic. Above the threshold: the rates and the table of "
        "partitions below say whether the consumers stand still or are too slow.",
        "No consumer group is measured",
    )
    late = rules["KafkaConsumerLagHigh"]
    query = Query(f"max({SECONDS}{GROUP_TOPIC})", "lag")
    board.with_panel(number(worst, late.unit, query, rule=late).span(6).height(8))
    seconds = Words(
        "Lag in time by group and topic",
        "How late the group reads: the age of the oldest record that it has not read. Rising as the clock does: it "
        "stands still. Rising more slowly: it is too slow; add consumers or make each record cheaper.",
        "No consumer group is measured",
    )
    query = Query(f"{SECONDS}{GROUP_TOPIC}", "{{consumergroup}} / {{topic}}")
    board.with_panel(lines(seconds, late.unit, [query], rule=late).span(9).height(8))
    lag = Words(
        "Lag by group and topic",
        "Records between the group's committed offsets and the end of the topic. A step: a burst; wait whether it "
        "shrinks.",
        "No consumer group is measured",
    )
    query = Query(f"{LAG}{GROUP_TOPIC}", "{{consumergroup}} / {{topic}}")
    board.with_panel(lines(lag, "short", [query]).span(9).height(8))


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
        "Time until caught up",
        "How long until all is read if the lag goes on to shrink as in the last two minutes; 0 when all is read. A "
        "group without a line does not catch up: make it faster.",
        "No group catches up",
    )
    query = Query(f"{CATCH_UP}{GROUP_TOPIC}", "{{consumergroup}} / {{topic}}")
    board.with_panel(lines(time, "s", [query]).span(12).height(8))
    slope = Words(
        "Growth of the lag",
        "Records a second by which the lag has grown over the last two minutes; negative while it shrinks. Lasting: "
        "the group needs so many records a second more.",
        "No consumer group has been measured for half a minute",
    )
    grown = f"max by (cluster, consumergroup, topic) (kafka_consumergroup_lag_slope{GROUP_TOPIC})"
    columns = ("cluster", "consumergroup", "topic")
    board.with_panel(rows(slope, "mps", grown, columns=columns, value="growth").span(12).height(8))
    status = Words(
        "Status of each group and topic",
        "By Burrow's rules, of the worst partition. WARN: it reads, and does not catch up. STOP: no members. STALL: "
        "members, and nothing moves; see the runbook KafkaConsumerGroupStalled. REWIND: its offset was set back.",
        "No consumer group has been measured for two minutes",
    )
    stands = f"max by (cluster, consumergroup, topic, status) (kafka_consumergroup_topic_status{GROUP_TOPIC}) > 0"
    waiting = f"{LAG}{GROUP_TOPIC} * on (cluster, consumergroup, topic) group_right() ({stands})"
    board.with_panel(rows(status, "short", waiting, columns=(*columns, "status"), value="lag").span(12).height(8))


def _will_records_be_lost(board: dashboard.Dashboard, rules: Mapping[str, AlertRule]) -> None:
    board.with_row(dashboard.Row("Will records be lost?"))
    soon, lost = rules["KafkaConsumerRecordsExpireSoon"], rules["KafkaConsumerRecordsLost"]
    left = Words(
        "Time until retention deletes unread records",
        "How long the oldest unread record is kept. Falling as the clock does: the group stands still. Near the "
        "threshold: raise the topic's retention first, then make the group read.",
        "Nothing unread is about to be deleted",
    )
    query = Query(f"{RETENTION}{GROUP_TOPIC}", "{{consumergroup}} / {{topic}}")
    board.with_panel(lines(left, soon.unit, [query], rule=soon).span(12).height(8))
    gone = Words(
        "Records deleted unread",
        "Records between the group's committed offset and the oldest that is kept. Not 0: they are gone for this "
        "group; the runbook KafkaConsumerRecordsLost says where they may still be had.",
        "No consumer group is measured",
    )
    query = Query(f"{LOST}{GROUP_TOPIC}", "{{consumergroup}} / {{topic}}")
    board.with_panel(lines(gone, lost.unit, [query], rule=lost).span(12).height(8))


def _which_partition(board: dashboard.Dashboard, rules: Mapping[str, AlertRule]) -> None:
    board.with_row(dashboard.Row("Which partition, which member?"))
    partitions = Words(
        "Lag by partition",
        "The twenty worst partitions. One far above the rest: a hot key or one stuck member. All alike: the whole "
        "group is too slow.",
        "No partition is measured",
    )
    worst = "topk(20, max by (cluster, consumergroup, topic, partition) ({}))"
    expr = worst.format(f"kafka_consumergroup_lag{GROUP_TOPIC}")
    columns = ("cluster", "consumergroup", "topic", "partition")
    board.with_panel(rows(partitions, "short", expr, columns=columns, value="lag").span(12).height(8))
    late = Words(
        "Lateness by partition",
        "The twenty partitions that are read latest. Late with little lag: few records come, and none of them is "
        "read; look at the member that has the partition.",
        "No partition is measured",
    )
    expr = worst.format(f"kafka_consumergroup_lag_seconds{GROUP_TOPIC}")
    board.with_panel(rows(late, "s", expr, columns=columns, value="late").span(12).height(8))
    still = Words(
        "Groups that stand still",
        "1 while a group has members, records wait, and in a partition nothing moves: stuck on a record, or on what it "
        "calls; the runbook KafkaConsumerGroupStalled says how to tell.",
        "No consumer group has been measured for two minutes",
    )
    query, stalled = (
        Query(f"{STALLED}{GROUP_TOPIC}", "{{consumergroup}} / {{topic}}"),
        rules["KafkaConsumerGroupStalled"],
    )
    board.with_panel(lines(still, stalled.unit, [query], rule=stalled).span(12).height(8))
    members = Words(
        "Members of the group",
        "Consumers in each group. 0 while records wait: nobody reads, start the consumers. A line that jumps: they "
        "leave and rejoin, often because a record takes longer than max.poll.interval.ms.",
        "No consumer group is measured",
    )
    query = Query(f"{MEMBERS}{GROUP}", "{{consumergroup}}")
    rule = rules["KafkaConsumerGroupHasNoMembers"]
    board.with_panel(lines(members, "short", [query], rule=rule).span(12).height(8))


def _is_the_cluster_well(board: dashboard.Dashboard, rules: Mapping[str, AlertRule]) -> None:
    board.with_row(dashboard.Row("Is the cluster well?"))
    whole = Words(
        "Partitions without a leader, or short of replicas",
        "Offline: nobody can write or read them, start the broker that led them. Under-replicated: the next broker "
        "that fails may take them along.",
        "No cluster is read",
    )
    queries = [
        Query(f"{OFFLINE}{CLUSTER}", "{{cluster}} offline"),
        Query(f"{UNDER_REPLICATED}{CLUSTER}", "{{cluster}} under-replicated"),
    ]
    offline = rules["KafkaPartitionsOffline"]
    board.with_panel(lines(whole, offline.unit, queries, rule=offline).span(12).height(8))
    topics = Words(
        "Topics that are not whole",
        "Topics with partitions that lack a replica in sync, the worst first. All of them: a broker is down. One "
        "alone: its load is more than a follower can copy.",
        "Every partition has all its replicas in sync",
    )
    lacking = f"max by (cluster, topic) (kafka_topic_under_replicated_partitions{TOPIC}) > 0"
    board.with_panel(
        rows(topics, "short", lacking, columns=("cluster", "topic"), value="partitions").span(12).height(8)
    )
    odd = Words(
        "Commits that do not fit",
        "Abandoned: the group has commits in a topic that no member reads any more. Past the end: partitions that end "
        "before the commit, so the consumer starts over. The runbooks of the two say what to do.",
        "No consumer group is measured",
    )
    queries = [
        Query(f"{ABANDONED}{GROUP_TOPIC}", "{{consumergroup}} / {{topic}} abandoned"),
        Query(f"{PAST_END}{GROUP_TOPIC}", "{{consumergroup}} / {{topic}} past the end"),
    ]
    past = rules["KafkaConsumerCommitsPastEnd"]
    board.with_panel(lines(odd, past.unit, queries, rule=past).span(12).height(8))
    without = Words(
        "Partitions without a commit",
        "Partitions in which the group has committed nothing, though it has in others of the topic. Records come, and "
        "it stays so: no member reads the partition, or it does not commit.",
        "Each group has committed in every partition that it reads",
    )
    none = f"max by (cluster, consumergroup, topic) (kafka_consumergroup_partitions_without_commit{GROUP_TOPIC}) > 0"
    columns = ("cluster", "consumergroup", "topic")
    board.with_panel(rows(without, "short", none, columns=columns, value="partitions").span(12).height(8))


def _who_carries_it(board: dashboard.Dashboard) -> None:
    board.with_row(dashboard.Row("Who carries it?"))
    brokers = Words(
        "Brokers",
        "Brokers in the cluster's metadata. Fewer than there should be: one is down or cut off; start it before "
        "another one follows.",
        "No cluster is read",
    )
    query = Query(f"max by (cluster) (kafka_brokers{CLUSTER})", "{{cluster}} brokers")
    board.with_panel(lines(brokers, "short", [query]).span(6).height(8))
    leaders = Words(
        "Partitions that each broker leads",
        "One far above the others carries their load: elect the preferred leaders. One at 0 has just come back.",
        "No cluster is read",
    )
    carried = f"max by (cluster, id, address) (kafka_broker_info{CLUSTER}) * on (cluster, id) group_left () "
    carried += f"max by (cluster, id) (kafka_broker_leaders{CLUSTER})"
    columns = ("cluster", "id", "address")
    board.with_panel(rows(leaders, "short", carried, columns=columns, value="leads").span(6).height(8))
    replicas = Words(
        "Replicas that each broker holds",
        "They should be alike: what one holds more, it stores and copies more. Move some with "
        "kafka-reassign-partitions.sh.",
        "No cluster is read",
    )
    query = Query(f"max by (cluster, id) (kafka_broker_replicas{CLUSTER})", "{{cluster}} broker {{id}}")
    board.with_panel(lines(replicas, "short", [query]).span(6).height(8))
    states = Words(
        "State of each group",
        "Stable: its members read. Empty: it has none. PreparingRebalance or CompletingRebalance that lasts: members "
        "come and go, look for one that restarts or works too long on a record.",
        "No consumer group is measured",
    )
    state = f"max by (cluster, consumergroup, state) (kafka_consumergroup_state{GROUP}) > 0"
    columns = ("cluster", "consumergroup", "state")
    board.with_panel(rows(states, "short", state, columns=columns, value="is").span(6).height(8))
