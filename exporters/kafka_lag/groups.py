"""Groups as their coordinator tells of them: states, members, commits. Steps 2 and 3 of a read (source.py)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

from exporters.errors import Reason, SourceError
from exporters.kafka_lag import members, protocol
from exporters.kafka_lag.brokers import Brokers, parts, together
from exporters.kafka_lag.config import Cluster
from exporters.kafka_lag.failures import answered_error
from exporters.kafka_lag.reading import Reading
from exporters.kafka_lag.snapshot import GroupState
from exporters.shard import Shard

COMMITS_AT_ONCE = 50_000
"""Of commits, which are short, it may be more: an answer has about a megabyte."""

GROUPS_AT_ONCE = 1_000
"""A request describes so many at most."""

USUAL_PARTITIONS = 20
"""A group that was not read before is taken to have commits in so many."""

COMMITTING = ("consumer", "streams", "")
"""Protocol types of groups that commit offsets; empty when that was only done by hand, without joining."""

SHARE = "share"
"""Protocol type of groups that read without committing (KIP-932): all that is told of them here is their state."""

CLASSIC, CONSUMER = ("", "classic"), "consumer"
"""Types of groups; brokers before Kafka 3.8 do not tell them."""


class Coordinators:
    """Asks each broker for the groups that it coordinates."""

    def __init__(self, cluster: Cluster, shard: Shard, brokers: Brokers) -> None:
        """Ask nothing yet; groups that `cluster` filters out, and those of other shards, never are asked for."""
        self._cluster = cluster
        self._shard = shard
        self._brokers = brokers
        self._sizes: Mapping[str, int] = {}

    def learn_sizes(self, reading: Reading) -> None:
        """Keep in how many partitions each group has committed, for the requests of the next read."""
        self._sizes = {name: len(reading.commits[name]) for name in reading.whole}

    async def read(self, broker: str, reading: Reading) -> None:
        """States, members and commits of the wanted groups that `broker` coordinates."""
        listed = []
        for found in await self._brokers.ask(broker, protocol.list_groups()):
            if isinstance(found, protocol.Unlisted):
                reading.all_listed = False
                reading.problems.append(answered_error(broker, "groups", found.error))
            elif found.protocol in (*COMMITTING, SHARE) and self._wants(found.name):
                listed.append(found)
        reading.listed[broker] = listed
        reading.states |= {group.name: GroupState(group.state) for group in listed}
        committing = [group for group in listed if group.protocol in COMMITTING]
        await together(self._commits(broker, committing, reading), self._members(broker, committing, reading))

    def _wants(self, group: str) -> bool:
        return self._shard.owns(group) and self._cluster.groups.wants(group)

    async def _members(self, broker: str, groups: Sequence[protocol.Listed], reading: Reading) -> None:
        """Members of each group, and its state where the list does not tell it.

        A group that is listed and yet dead is one of KIP-848 at a broker that does not tell types: nothing is known.
        """

        def take(found: members.Joined | members.Described) -> None:
            if isinstance(found, members.Joined):
                reading.joined[found.group][found.name] = found
                if found.assigned is None:
                    what = f"{broker}: members of group {found.group}: what one is assigned can't be read"
                    reading.problems.append(SourceError(Reason.INVALID_ANSWER, what))
            elif found.error:
                reading.problems.append(answered_error(broker, f"members of group {found.name}", found.error))
            elif GroupState(found.state) != GroupState.DEAD:
                reading.counted.add(found.name)
                reading.states[found.name] = GroupState(found.state)

        empty = {group.name for group in groups if GroupState(group.state) == GroupState.EMPTY}
        reading.counted |= empty
        peopled = [group for group in groups if group.name not in empty]
        classic = [group.name for group in peopled if group.kind in CLASSIC]
        calls = [members.describe_groups(names) for names in parts(classic, GROUPS_AT_ONCE)]
        if self._brokers.speaks(broker, members.CONSUMER_GROUP_DESCRIBE) is not None:
            modern = [group.name for group in peopled if group.kind == CONSUMER]
            calls += [members.consumer_group_describe(names) for names in parts(modern, GROUPS_AT_ONCE)]
        await self._brokers.read_all(broker, calls, take)

    async def _commits(self, broker: str, groups: Sequence[protocol.Listed], reading: Reading) -> None:
        """Offsets that each group has committed in wanted topics."""
        wants = cache(self._cluster.topics.wants)

        def take(found: protocol.Commits | protocol.GroupRead) -> None:
            if isinstance(found, protocol.Commits):
                if wants(found.topic):
                    reading.topics.add(found.topic)
                    reading.commits[found.group] |= found.offsets
                    what = f"commits of group {found.group} in {found.topic}"
                    reading.problems += [answered_error(broker, what, code) for code in found.errors]
            elif found.error:
                reading.problems.append(answered_error(broker, f"commits of group {found.group}", found.error))
            else:
                reading.whole.add(found.group)

        names = [group.name for group in groups]
        version = self._brokers.speaks(broker, protocol.OFFSET_FETCH) or 0
        batches = self._batches(names) if version >= protocol.MANY_GROUPS else ([name] for name in names)
        await self._brokers.read_all(broker, [protocol.offset_fetch(batch) for batch in batches], take)

    def _batches(self, names: Iterable[str]) -> Iterator[list[str]]:
        """Split groups so that a batch has COMMITS_AT_ONCE commits at most, going by the read before."""
        batch: list[str] = []
        room = COMMITS_AT_ONCE
        for name in names:
            size = max(1, self._sizes.get(name, USUAL_PARTITIONS))
            if batch and size > room:
                yield batch
                batch, room = [], COMMITS_AT_ONCE
            batch.append(name)
            room -= size
        if batch:
            yield batch
