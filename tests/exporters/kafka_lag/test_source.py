"""What is asked of a cluster, and in which order."""

from collections import Counter
from typing import Any

import pytest

from exporters.errors import Reason
from exporters.kafka_lag.config import Filter
from exporters.kafka_lag.placement import NO_LEADER, Placement
from exporters.kafka_lag.snapshot import Group, GroupState, Member, Partition
from tests.exporters.kafka_lag.reads import named, read, reading


async def test_a_whole_cluster_is_read(cluster: Any) -> None:
    """Brokers, partitions, offsets, members and commits are all found, whichever broker knows them."""
    snapshot = await read(cluster)
    assert snapshot.problems == ()
    assert snapshot.brokers == 2
    assert snapshot.topics == {"orders": 2, "payments": 1}
    assert snapshot.ends == {Partition("orders", 0): 100, Partition("orders", 1): 50, Partition("payments", 0): 7}
    assert snapshot.oldest == {Partition("orders", 0): 5, Partition("orders", 1): 0, Partition("payments", 0): 0}
    assert [(group.name, group.members, group.committed) for group in snapshot.groups] == [
        ("audit", 0, {Partition("orders", 0): 0, Partition("payments", 0): 3}),
        ("billing", 1, {Partition("orders", 0): 90, Partition("orders", 1): 50}),
    ]


async def test_commits_are_read_before_ends(cluster: Any) -> None:
    """The other way round, records that come in between would make a commit pass its end."""
    await read(cluster)
    order = [what for _, what, _ in cluster.asked]
    assert max(at for at, what in enumerate(order) if what == "fetch") < order.index("offsets")


def counts(cluster: Any) -> dict[str, int]:
    """Requests by kind; look-ups by time, which depend on what is known already, left out."""
    return dict(Counter(what for _, what, _ in cluster.asked if what != "times"))


async def test_requests_are_as_many_as_brokers(cluster: Any, group: Any, partition: Any) -> None:
    """2 + 6 B at most: 200 groups and 100 topics more are not one request more."""
    cluster.groups["modern"] = group(1, {("orders", 0): 90}, kind="consumer")
    cluster.groups["audit"].members, cluster.groups["audit"].state = 1, "Stable"
    few = {"metadata": 1, "list": 2, "describe": 2, "describe consumer": 1, "fetch": 2, "offsets": 4, "settings": 1}
    await read(cluster)
    assert counts(cluster) == few
    cluster.asked.clear()
    for number in range(100):
        cluster.topics[f"topic-{number}"] = [partition(1, 0, 5), partition(2, 0, 5)]
    for number in range(200):
        cluster.groups[f"group-{number}"] = group(1 + number % 2, {(f"topic-{number // 2}", 0): 3})
    snapshot = await read(cluster)
    assert counts(cluster) == few
    assert len(snapshot.groups) == 203
    assert snapshot.problems == ()
    assert {name: snapshot.lag_sums(found) for name, found in named(snapshot).items()}["group-7"] == {"topic-3": 2}


async def test_groups_without_members_are_not_described(cluster: Any) -> None:
    """The list says that they are empty."""
    await read(cluster)
    assert [(node, asked) for node, what, asked in cluster.asked if what == "describe"] == [(1, ["billing"])]


async def test_groups_of_any_state_and_type_are_listed(cluster: Any) -> None:
    """The list is asked for without filters."""
    await read(cluster)
    assert [asked for _, what, asked in cluster.asked if what == "list"] == [([], [])] * 2


async def test_brokers_before_kafka_3_are_asked_in_their_versions(cluster: Any, old: Any) -> None:
    """One OffsetFetch a group, DescribeGroups for empty groups too, and the same answer in the end."""
    new = await read(cluster)
    cluster.asked.clear()
    cluster.spoken = old
    found = await read(cluster)
    assert (found.groups, found.ends, found.oldest) == (new.groups, new.ends, new.oldest)
    assert found.problems == ()
    assert counts(cluster) == {"metadata": 1, "list": 2, "describe": 2, "fetch": 2, "offsets": 4, "settings": 1}


async def test_old_brokers_with_many_groups_lose_none(cluster: Any, group: Any, old: Any) -> None:
    """More groups than there are requests at once are all read."""
    cluster.spoken = old
    for number in range(50):
        cluster.groups[f"group-{number}"] = group(1, {("orders", 0): number})
    found = named(await read(cluster))
    assert [found[f"group-{number}"].committed for number in range(50)] == [
        {Partition("orders", 0): number} for number in range(50)
    ]


async def test_large_groups_are_asked_for_in_parts(cluster: Any, group: Any, partition: Any) -> None:
    """A request asks for 50 000 commits at most, going by what the groups had at the read before."""
    cluster.topics["wide"] = [partition(1, 0, 9) for _ in range(20_000)]
    for number in range(3):
        cluster.groups[f"group-{number}"] = group(2, {("wide", n): 1 for n in range(20_000)})
    async with reading(cluster.bootstrap) as source:
        await source.read()
        cluster.asked.clear()
        snapshot = await source.read()
    parts = [asked for node, what, asked in cluster.asked if what == "fetch" and node == 2]
    assert sorted(len(part) for part in parts) == [1, 3]
    assert sum(snapshot.lag_sums(found).get("wide", 0) for found in snapshot.groups) == 3 * 20_000 * 8


async def test_requests_and_bytes_are_counted(cluster: Any) -> None:
    """Requests since the start, by the protocol's names; bytes of the last collection alone."""
    async with reading(cluster.bootstrap) as source:
        first = await source.read()
        assert (first.requests["ListGroups"], first.received) == (2, cluster.sent)
        before = cluster.sent
        second = await source.read()
    assert second.requests == {
        "Metadata": 2,
        "ListGroups": 4,
        "DescribeGroups": 2,
        "ConsumerGroupDescribe": 0,
        "OffsetFetch": 4,
        "ListOffsets": sum(what in ("offsets", "times") for _, what, _ in cluster.asked),
        "DescribeConfigs": 1,
    }
    assert second.received == cluster.sent - before


async def test_offsets_are_found_by_time(cluster: Any) -> None:
    """First record at or after the time, one request a leader; -1 where all are older."""
    asked = {
        Partition("orders", 0): 60,
        Partition("orders", 1): 20,
        Partition("payments", 0): 7,
        Partition("nowhere", 0): 1,
    }
    async with reading(cluster.bootstrap) as source:
        await source.read()
        cluster.asked.clear()
        found = await source.timestamps_to_offsets(asked)
        known = {Partition("orders", 0): (60, 60), Partition("payments", 0): (-1, -1)}
        assert found == {**known, Partition("orders", 1): (20, 20)}
        assert [what for _, what, _ in cluster.asked] == ["times"] * 2


async def test_no_topic_is_ever_created(cluster: Any) -> None:
    """Metadata is asked for without leave to create."""
    await read(cluster)
    assert [asked for _, what, asked in cluster.asked if what == "metadata"] == [False]


async def test_what_is_filtered_out_is_not_asked_for(cluster: Any) -> None:
    """Filters hold before any offset is fetched."""
    snapshot = await read(cluster, groups=Filter(include="bill.*"), topics=Filter(exclude="orders"))
    assert [group.name for group in snapshot.groups] == ["billing"]
    assert snapshot.groups[0].committed == {}
    assert [asked for _, what, asked in cluster.asked if what == "fetch"] == [["billing"]]
    assert snapshot.ends == {Partition("payments", 0): 7, Partition("__consumer_offsets", 0): 9}


async def test_every_name_is_wanted_unless_said(cluster: Any, group: Any) -> None:
    """Kafka lets groups have any."""
    names = ("a\nb", "\n", " ", 'quo"te', "봉수")
    for name in names:
        cluster.groups[name] = group(1, {("orders", 0): 90})
    assert {*names} <= {group.name for group in (await read(cluster)).groups}


async def test_only_consumer_groups_are_read(cluster: Any, group: Any) -> None:
    """Groups of other protocols are not consumers; one without a protocol has committed by hand."""
    cluster.groups["connect-x"] = group(1, protocol="connect")
    cluster.groups["by-hand"] = group(1, {("orders", 0): 1}, protocol="", members=0, state="Empty")
    assert [group.name for group in (await read(cluster)).groups] == ["audit", "billing", "by-hand"]


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({"state": "PreparingRebalance"}, GroupState.PREPARING_REBALANCE),
        ({"state": "Stable"}, GroupState.STABLE),
        ({"state": "Empty", "members": 0}, GroupState.EMPTY),
        ({"state": "Reconciling", "kind": "consumer"}, GroupState.RECONCILING),
        ({"state": "stable", "kind": "consumer"}, GroupState.STABLE),
        ({"state": "NotReady", "kind": "streams", "protocol": "streams"}, GroupState.NOT_READY),
        ({"state": "Stable", "kind": "share", "protocol": "share"}, GroupState.STABLE),
        ({"state": "Daydreaming"}, GroupState.UNKNOWN),
    ],
)
async def test_the_state_of_a_group_is_one_of_a_closed_set(
    cluster: Any, group: Any, told: dict[str, Any], state: GroupState
) -> None:
    """Whatever its type, and however a broker spells it."""
    cluster.groups["billing"] = group(1, **told)
    snapshot = await read(cluster)
    assert (named(snapshot)["billing"].state, snapshot.problems) == (state, ())


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({"state": "AwaitingSync"}, GroupState.COMPLETING_REBALANCE),
        ({"state": "Empty", "members": 0}, GroupState.EMPTY),
        # described as dead, which it is not
        ({"state": "Stable", "kind": "consumer"}, GroupState.UNKNOWN),
    ],
)
async def test_brokers_that_list_no_states_describe_them(
    cluster: Any, group: Any, old: Any, told: dict[str, Any], state: GroupState
) -> None:
    """Those before Kafka 2.6; 0.11 had a word of its own."""
    cluster.spoken = old
    cluster.groups["billing"] = group(1, **told)
    assert named(await read(cluster))["billing"].state == state


@pytest.mark.parametrize(("kind", "commits"), [("share", {}), ("streams", {Partition("orders", 0): 90})])
async def test_groups_of_other_types_are_shown_as_far_as_they_are_known(
    cluster: Any, kind: str, commits: dict[Partition, int]
) -> None:
    """Share groups have no commits; of neither are the members asked for, and nobody calls that a problem."""
    billing = cluster.groups["billing"]
    billing.kind = billing.protocol = kind
    billing.committed = {("orders", 0): 90}
    snapshot = await read(cluster)
    assert named(snapshot)["billing"] == Group("billing", None, commits, GroupState.STABLE)
    assert snapshot.problems == ()
    assert not {"describe", "describe consumer"} & counts(cluster).keys()


READ = [{"orders": [0, 1], "payments": [0]}, {}]


@pytest.mark.parametrize("kind", ["classic", "consumer"])
async def test_what_members_read_is_known(cluster: Any, kind: str) -> None:
    """Of classic groups and of those of KIP-848 alike."""
    billing = cluster.groups["billing"]
    billing.kind, billing.members, billing.assigned = kind, 2, READ
    assert named(await read(cluster))["billing"].readers == (
        Member("billing-0", "client-0", "/127.0.0.1", {"orders": (0, 1), "payments": (0,)}),
        Member("billing-1", "client-1", "/127.0.0.1", {}),
    )


async def test_what_members_read_is_not_known_while_they_change_places(cluster: Any) -> None:
    """Only a stable group has an assignment that holds; its members are counted all the same."""
    billing = cluster.groups["billing"]
    billing.state, billing.assigned = "PreparingRebalance", [b""]
    snapshot = await read(cluster)
    assert (named(snapshot)["billing"].members, named(snapshot)["billing"].readers) == (1, None)
    assert snapshot.problems == ()


@pytest.mark.parametrize(
    "noise",
    [
        b"\0",
        b"\0\1\0\0\0\1",
        b"\0\1\x7f\xff\xff\xff" + b"\0" * 100,
        b"\0\1\0\0\0\1\0\1a\x7f\xff\xff\xff",
        b"\0\1\0\0\0\1\0\2\xff\xff\0\0\0\0",
    ],
)
async def test_an_assignment_that_is_noise_is_a_problem_of_its_group_alone(cluster: Any, noise: bytes) -> None:
    """The broker passes on whatever a group's leader has written: cut, far too long, not text."""
    cluster.groups["audit"].state, cluster.groups["audit"].members, cluster.groups["audit"].node = "Stable", 2, 1
    cluster.groups["audit"].assigned = [{"orders": [0]}, noise]
    cluster.groups["billing"].assigned = READ
    snapshot = await read(cluster)
    audit, billing = snapshot.groups
    assert (audit.members, audit.readers, len(audit.committed)) == (2, None, 2)
    assert billing.readers is not None
    (problem,) = snapshot.problems
    assert problem.reason == Reason.INVALID_ANSWER
    assert problem.message.endswith("members of group audit: what one is assigned can't be read")


async def test_where_partitions_are_is_known_without_asking_more(cluster: Any, partition: Any) -> None:
    """Leaders, replicas and those in sync of wanted topics; what each node has of all of them, one that is down too."""
    cluster.topics["orders"] = [
        partition(1, oldest=5, end=100, replicas=[1, 2, 3], in_sync=[1, 2]),
        partition(2, oldest=0, end=50, replicas=[1, 2]),
        partition(-1, oldest=0, end=50, replicas=[3], in_sync=[]),
    ]
    snapshot = await read(cluster)
    rows = [(0, 1, 1, 3, 2), (1, 2, 0, 2, 2), (2, NO_LEADER, 0, 1, 0)]
    assert snapshot.placements["orders"] == Placement.of(rows)
    assert list(snapshot.placements["orders"].under_replicated) == [1, 0, 1]
    assert snapshot.placements.keys() == {"orders", "payments"}
    addresses = {node: f"127.0.0.1:{port}" for node, port in cluster.ports.items()}
    assert snapshot.nodes == ((1, addresses[1], 3, 4), (2, addresses[2], 1, 2), (3, None, 0, 2))
    assert counts(cluster)["metadata"] == 1


@pytest.mark.parametrize(("isolation", "lag"), [("read_uncommitted", 10), ("read_committed", 3)])
@pytest.mark.parametrize("generation", ["new", "old"])
async def test_records_of_an_open_transaction_are_no_lag_for_who_reads_committed_ones(
    cluster: Any, old: Any, isolation: str, lag: int, generation: str
) -> None:
    """The end is the last stable offset then: nothing after it can be read."""
    if generation == "old":
        cluster.spoken = old
    cluster.topics["orders"][0].stable = 93
    snapshot = await read(cluster, isolation=isolation)
    assert snapshot.lag(named(snapshot)["billing"])[Partition("orders", 0)] == lag
    assert snapshot.ends[Partition("orders", 1)] == 50


async def test_members_of_groups_of_the_new_protocol_are_counted(cluster: Any) -> None:
    """Groups of KIP-848 are described by a request of their own, for the old one calls them dead."""
    cluster.groups["billing"].kind, cluster.groups["billing"].members = "consumer", 3
    assert {name: group.members for name, group in named(await read(cluster)).items()} == {"audit": 0, "billing": 3}
    assert "describe" not in counts(cluster)


async def test_members_that_a_broker_can_not_tell_are_not_claimed_to_be_none(cluster: Any, old: Any) -> None:
    """A group that is listed without a type and described as dead has an unknown number of members."""
    cluster.spoken = old
    cluster.groups["billing"].kind = "consumer"
    assert {name: group.members for name, group in named(await read(cluster)).items()} == {"audit": 0, "billing": None}
