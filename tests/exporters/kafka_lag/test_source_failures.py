"""What a broker costs that does not answer, or not with what it was asked for."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest

from exporters.errors import Reason, SourceError
from exporters.kafka_lag.snapshot import Group, GroupState, Partition
from tests.exporters.kafka_lag.reads import HASTE, named, read, reading

NOT_LEADER, COORDINATOR_LOADING, GROUP_REFUSED = 6, 14, 30


async def stop(broker: Any) -> None:
    await broker.stop()


async def hang(broker: Any) -> None:
    broker.mood = "hangs"


async def garble(broker: Any) -> None:
    broker.mood = "garbles"


@pytest.mark.parametrize(
    ("harm", "reason"),
    [(stop, Reason.UNREACHABLE), (hang, Reason.TIMEOUT), (garble, Reason.INVALID_ANSWER)],
)
async def test_a_broker_that_does_not_answer_costs_only_what_it_alone_knows(
    cluster: Any, harm: Callable[[Any], Any], reason: Reason
) -> None:
    """Its groups and the ends of its partitions are missing, with the reason; the rest holds."""
    await harm(cluster.brokers[2])
    snapshot = await read(cluster, patience=HASTE)
    assert snapshot.brokers == 2
    assert [group.name for group in snapshot.groups] == ["billing"]
    assert snapshot.ends == {Partition("orders", 0): 100, Partition("payments", 0): 7}
    assert {problem.reason for problem in snapshot.problems} == {reason}
    assert all(f"127.0.0.1:{cluster.ports[2]}" in problem.message for problem in snapshot.problems)


@pytest.mark.parametrize(
    ("harm", "reason"),
    [(stop, Reason.UNREACHABLE), (hang, Reason.TIMEOUT), (garble, Reason.INVALID_ANSWER)],
)
async def test_no_broker_at_all_is_an_error_and_not_an_empty_cluster(
    cluster: Any, harm: Callable[[Any], Any], reason: Reason
) -> None:
    """An empty snapshot would say that there are no groups; what each broker said is in the message."""
    for broker in cluster.brokers.values():
        await harm(broker)
    with pytest.raises(SourceError) as caught:
        await read(cluster, patience=HASTE)
    assert caught.value.reason == reason
    assert all(address in caught.value.message for address in cluster.bootstrap)


@pytest.mark.parametrize("loading", [(2,), (1, 2)])
async def test_brokers_that_load_their_groups_still_tell_their_partitions(cluster: Any, loading: Sequence[int]) -> None:
    """Groups that have moved are missing until they are loaded, though all brokers say so at once."""
    for node in loading:
        cluster.brokers[node].list_error = COORDINATOR_LOADING
    snapshot = await read(cluster)
    assert [group.name for group in snapshot.groups] == ["billing"] * (2 - len(loading))
    assert snapshot.ends == {Partition("orders", 0): 100, Partition("orders", 1): 50, Partition("payments", 0): 7}
    assert sorted((problem.reason, problem.message) for problem in snapshot.problems) == sorted(
        (Reason.UNREACHABLE, f"127.0.0.1:{cluster.ports[node]}: groups: GroupLoadInProgressError") for node in loading
    )


async def test_offsets_of_a_leader_that_hangs_are_missing_and_it_is_asked_once(cluster: Any) -> None:
    """Several look-ups in a row wait for it once, until the next read."""
    asked = {Partition("orders", 0): 60, Partition("orders", 1): 20}
    async with reading(cluster.bootstrap, HASTE) as source:
        await source.read()
        cluster.brokers[2].mood = "hangs"
        assert await source.timestamps_to_offsets(asked) == {Partition("orders", 0): (60, 60)}
        cluster.brokers[2].mood = "answers"
        assert await source.timestamps_to_offsets(asked) == {Partition("orders", 0): (60, 60)}
        await source.read()
        assert (await source.timestamps_to_offsets(asked)).keys() == asked.keys()


@pytest.mark.parametrize("api", ["list", "fetch", "describe", "offsets"])
async def test_a_broker_that_hangs_midway_costs_its_own_deadline(cluster: Any, api: str) -> None:
    """Two shares of the time for groups, one for offsets: the read ends in the deadline with all that others tell."""
    async with reading(cluster.bootstrap, HASTE) as source:
        await source.read()
        cluster.brokers[1].stuck_on = api
        async with asyncio.timeout(4 * HASTE):
            snapshot = await source.read()
    assert snapshot.ends.items() >= {Partition("orders", 1): 50}.items()
    assert named(snapshot)["audit"].committed == {Partition("orders", 0): 0, Partition("payments", 0): 3}
    assert {problem.reason for problem in snapshot.problems} == {Reason.TIMEOUT}
    assert all(f":{cluster.ports[1]}: " in problem.message for problem in snapshot.problems)
    billing = named(snapshot).get("billing")
    assert (billing is not None) == (api != "list")
    assert (billing is not None and len(billing.committed) == 2) == (api in ("describe", "offsets"))


async def test_brokers_that_come_back_on_their_ports_are_found_again(cluster: Any) -> None:
    """After every broker was restarted, the next read works with new connections."""
    async with reading(cluster.bootstrap) as source:
        await source.read()
        for broker in list(cluster.brokers.values()):
            await broker.stop()
        with pytest.raises(SourceError):
            await source.read()
        for node in list(cluster.ports):
            await cluster.add(node)
        assert (await source.read()).problems == ()


async def test_a_read_that_the_deadline_ends_leaves_the_source_fit_for_the_next(cluster: Any) -> None:
    """Cancelled in the middle, the next read answers from the same cluster."""
    async with reading(cluster.bootstrap) as source:
        for broker in cluster.brokers.values():
            broker.mood = "hangs"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await source.read()
        for broker in cluster.brokers.values():
            broker.mood = "answers"
        assert (await source.read()).problems == ()


async def test_a_broker_that_has_left_the_cluster_is_waited_for_once(make_cluster: Any, partition: Any) -> None:
    """It closed its connection, and what is sent to its address now is swallowed, as that of a machine that is gone."""
    async with make_cluster([1, 2]) as cluster:
        cluster.topics["orders"] = [partition(2, oldest=0, end=50)]
        async with reading(cluster.bootstrap, HASTE) as source:
            await source.read()
            gone = cluster.brokers[1]
            cluster.ports.pop(1)
            await hang(gone)
            for writer in gone.writers:
                writer.write_eof()
                await writer.wait_closed()
            assert (await source.read()).problems == ()
            assert len(gone.writers) == 2, "it was tried again"
            assert (await source.read()).problems == ()
            assert len(gone.writers) == 2


async def test_a_broker_whose_address_is_none_costs_only_what_it_alone_knows(cluster: Any) -> None:
    """It advertises a port that there can't be; a host can be wrong in the settings, too."""
    servers = cluster.bootstrap
    cluster.ports[2] = 99_999_999
    async with reading(("kafka..example.com:9092", *servers)) as source:
        snapshot = await source.read()
    assert [group.name for group in snapshot.groups] == ["billing"]
    assert [(problem.reason, problem.message) for problem in snapshot.problems] == [
        (Reason.UNREACHABLE, "127.0.0.1:99999999: that is no host and port to connect to")
    ]
    async with reading(("kafka..example.com:9092",)) as source:
        with pytest.raises(SourceError, match=r"^kafka\.\.example\.com:9092: that is no host and port to connect to$"):
            await source.read()


async def test_a_bootstrap_server_that_is_down_does_not_matter(cluster: Any) -> None:
    """The next one in the list is asked."""
    await cluster.brokers[1].stop()
    snapshot = await read(cluster)
    assert [group.name for group in snapshot.groups] == ["audit"]


async def test_bootstrap_servers_that_hang_do_not_hide_the_one_that_answers(cluster: Any, make_cluster: Any) -> None:
    """A deadline too short to try them all is made up for by the next reads, which begin with others."""
    async with make_cluster([1, 2, 3]) as elsewhere:
        for broker in elsewhere.brokers.values():
            await hang(broker)
        async with reading((*elsewhere.bootstrap, *cluster.bootstrap), HASTE) as source:
            for _ in range(8):
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.55):
                        assert (await source.read()).topics == {"orders": 2, "payments": 1}
                        return
    pytest.fail("every read began with the servers that hang")


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [
        (GROUP_REFUSED, Reason.REFUSED, "GroupAuthorizationFailedError"),
        (COORDINATOR_LOADING, Reason.UNREACHABLE, "GroupLoadInProgressError"),
    ],
)
async def test_a_group_that_may_not_be_read_costs_only_itself(
    cluster: Any, code: int, reason: Reason, error: str
) -> None:
    """Its state is listed, the rest of it is missing, and the problem names it."""
    cluster.groups["billing"].error = code
    snapshot = await read(cluster)
    assert snapshot.groups[1] == Group("billing", None, {}, GroupState.STABLE)
    assert len(named(snapshot)["audit"].committed) == 2
    address = f"127.0.0.1:{cluster.ports[1]}"
    assert [(problem.reason, problem.message) for problem in snapshot.problems] == [
        (reason, f"{address}: commits of group billing: {error}"),
        (reason, f"{address}: members of group billing: {error}"),
    ]


@pytest.mark.parametrize("kind", ["classic", "consumer"])
async def test_a_group_whose_members_are_a_secret_still_has_its_lag(cluster: Any, group: Any, kind: str) -> None:
    """Reading its commits may be allowed where describing it is not; the group beside it is described."""
    cluster.groups["billing"].secret, cluster.groups["billing"].kind = GROUP_REFUSED, kind
    cluster.groups["other"] = group(1, kind=kind)
    snapshot = await read(cluster)
    found = named(snapshot)
    assert (found["billing"].members, found["billing"].state) == (None, GroupState.STABLE)
    assert snapshot.lag_sums(found["billing"]) == {"orders": 10}
    assert found["other"].members == 1
    assert [problem.reason for problem in snapshot.problems] == [Reason.REFUSED]


async def test_a_partition_whose_leader_moved_is_missing_and_not_zero(cluster: Any) -> None:
    """An error code is never taken for an offset."""
    cluster.topics["orders"][0].error = NOT_LEADER
    snapshot = await read(cluster)
    assert Partition("orders", 0) not in snapshot.ends
    assert [problem.reason for problem in snapshot.problems] == [Reason.UNREACHABLE]
    assert "offsets of orders: NotLeaderForPartitionError" in snapshot.problems[0].message


async def test_a_partition_without_a_leader_is_a_problem_of_its_own(cluster: Any) -> None:
    """It counts as a partition of the topic, but it has no end."""
    cluster.topics["orders"][1].leader = -1
    snapshot = await read(cluster)
    assert snapshot.topics["orders"] == 2
    assert [problem.message for problem in snapshot.problems] == ["orders: a partition has no leader"]
