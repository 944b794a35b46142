"""Reads a Kafka cluster. The protocol: https://kafka.apache.org/protocol.

One read sends, with B brokers, at most 1 + 6 B requests, 8 B of step 5 and one of step 6, however many groups, topics
and partitions there are; only requests larger than PARTITIONS_, COMMITS_, GROUPS_ and TOPICS_AT_ONCE are split:

1. Metadata, to any broker: brokers, topics, leaders, replicas. It never creates a topic.
2. ListGroups, to each broker: a broker lists the groups that it coordinates, so no coordinator is looked up.
3. OffsetFetch for all its wanted groups, and for those that may have members DescribeGroups and ConsumerGroupDescribe,
   to the coordinator. A broker before Kafka 3.0 takes one OffsetFetch a group.
4. ListOffsets, to each leader: ends and oldest. After 3: a record that was produced and committed in between would
   make the commit pass the end.
5. ListOffsets by time, only while it is not known when a record was written (seconds.py): up to eight to each leader.
6. DescribeConfigs, to any broker and beside 5: only every few minutes, and of topics that are new (retention.py).

A broker that does not answer costs what only it can tell; it is then left alone until the next read.
"""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from exporters.errors import Reason, SourceError
from exporters.kafka_lag import members, protocol
from exporters.kafka_lag.brokers import SLICE, Brokers, parts, together
from exporters.kafka_lag.call import Call
from exporters.kafka_lag.config import UNNAMED, Cluster, KafkaLagSettings
from exporters.kafka_lag.failures import answered_error
from exporters.kafka_lag.groups import Coordinators
from exporters.kafka_lag.placement import NO_LEADER, Node
from exporters.kafka_lag.reading import Reading
from exporters.kafka_lag.retention import SETTINGS, Deletions, TopicLimits
from exporters.kafka_lag.seconds import LOOKUPS_AT_ONCE, STEPS, Ages, unread
from exporters.kafka_lag.security.access import Access
from exporters.kafka_lag.snapshot import Group, Partition, Snapshot, Trend
from exporters.kafka_lag.topic_settings import DESCRIBE_CONFIGS, TopicSettings, describe_configs
from exporters.kafka_lag.trend import Trends
from exporters.shard import WHOLE, Shard

SHARES = 6
"""Of the deadline, metadata gets one such share, groups two, offsets one, times one; the last is for our own work."""

PARTITIONS_AT_ONCE = 10_000
"""A request asks for so many at most: the broker's memory for the answer and ours are bounded by it."""

TOPICS_AT_ONCE = 1_000
"""A request asks for the settings of so many at most."""

APIS = (
    protocol.METADATA,
    protocol.LIST_GROUPS,
    members.DESCRIBE_GROUPS,
    members.CONSUMER_GROUP_DESCRIBE,
    protocol.OFFSET_FETCH,
    protocol.LIST_OFFSETS,
    DESCRIBE_CONFIGS,
)

NO_SUCH_TOPIC = 3
"""Kafka's code for a topic that is not there."""

ThingT = TypeVar("ThingT")


def sources(settings: KafkaLagSettings) -> Mapping[str, "KafkaSource"]:
    """One source a cluster."""
    patience, interval = settings.timeout / SHARES, settings.interval
    return {
        cluster.name or UNNAMED: KafkaSource(cluster, patience, interval, shard=settings.shard)
        for cluster in settings.clusters
    }


class KafkaSource:
    """One cluster."""

    def __init__(
        self,
        cluster: Cluster,
        patience: float,
        interval: float = 5.0,
        now: Callable[[], float] = time.time,
        shard: Shard = WHOLE,
    ) -> None:
        """Connect to nothing yet.

        `patience` is how many seconds one request may take, `interval` how many lie between two reads; `now` gives
        Unix time; groups of other shards than `shard` are not asked for.
        """
        self._cluster = cluster
        self._patience = patience
        self._now = now
        self._ages = Ages(interval)
        self._trends = Trends(interval)
        self._limits = TopicLimits()
        self._deletions = Deletions()
        self._rooms: dict[str, int] = {}
        self._brokers = Brokers(cluster.bootstrap_servers, patience, Access(cluster.tls, cluster.sasl))
        self._coordinators = Coordinators(cluster, shard, self._brokers)
        self._leaders: Mapping[Partition, str] = {}
        self._ids: Mapping[str, bytes] = {}
        """Id of each topic; another one under the same name is another topic."""
        self._silent: set[str] = set()
        """Brokers that failed: not asked again until the next read."""
        self._told = 0

    async def close(self) -> None:
        """Close the connections."""
        await self._brokers.close()

    async def read(self) -> Snapshot:
        """Read the whole cluster.

        Raises SourceError when no broker answers.
        """
        clock = asyncio.get_running_loop().time
        started = clock()
        reading = Reading()
        self._silent.clear()
        self._brokers.renew(SHARES * self._patience)
        addresses, nodes, topics = await self._metadata(reading)
        await self._each(addresses.values(), 2 * self._patience, self._coordinators.read, reading)
        if not reading.listed:
            raise _first(reading.problems)
        reading.topics.intersection_update(topic.name for topic in topics)
        at = self._now()
        await self._each(addresses.values(), self._patience, self._offsets, reading)
        groups = reading.groups()
        self._forget_replaced(topics)
        self._ages.begin(self._leaders.keys() | reading.ends.keys(), at)
        written, _ = await asyncio.gather(self._written(groups, reading, at), self._learn_limits(reading, at))
        trends = await self._fared(groups, reading, at)
        self._coordinators.learn_sizes(reading)
        received, self._told = self._brokers.received - self._told, self._brokers.received
        return Snapshot(
            cluster=self._cluster.name,
            brokers=len(addresses),
            topics={topic.name: len(topic.placement) for topic in topics},
            oldest=reading.oldest,
            ends=reading.ends,
            groups=groups,
            problems=_distinct(reading.problems),
            requests={api.name: self._brokers.requests[api.name] for api in APIS},
            received=received,
            at=at,
            written=written,
            took=clock() - started,
            placements={topic.name: topic.placement for topic in topics},
            nodes=nodes,
            isolation=self._cluster.isolation,
            trends=trends,
            limits=dict(self._limits.known),
            deleted=self._deletions.observe(reading.oldest, at),
        )

    async def _written(
        self, groups: Iterable[Group], reading: Reading, at: float
    ) -> Mapping[Partition, Mapping[int, float]]:
        """Unix time at which the records were written that groups read next; asks where the histories do not tell."""
        offsets: defaultdict[Partition, set[int]] = defaultdict(set)
        async for group in _slices(groups):
            for partition, offset in unread(group, reading.ends, reading.oldest):
                offsets[partition].add(offset)
        async for partition, end in _slices(reading.ends.items()):
            self._ages.observe(partition, end, offsets.get(partition, ()), at)
        waiting: defaultdict[str, list[Partition]] = defaultdict(list)
        for partition in self._ages.waiting():
            waiting[self._leaders[partition]].append(partition)
        await together(*(self._look_up(leader, partitions) for leader, partitions in waiting.items()))
        return self._ages.written(at)

    async def _fared(self, groups: Iterable[Group], reading: Reading, at: float) -> dict[str, Trend]:
        """How each group has fared; one that is missing is forgotten when each broker has told which there are."""
        self._trends.begin(reading.ends, at)
        read = (group for group in groups if group.name in reading.whole)
        trends = {group.name: self._trends.observe(group) async for group in _slices(read)}
        if reading.all_listed and not self._silent:
            self._trends.forget_others({group.name for listed in reading.listed.values() for group in listed})
        return trends

    async def _learn_limits(self, reading: Reading, at: float) -> None:
        """Ask for the limits of topics, when it is time to; trouble with it is told once."""

        def take(found: TopicSettings) -> None:
            if found.error:
                self._limits.forget(found.topic)
                if found.error != NO_SUCH_TOPIC:  # it was deleted since
                    tell(answered_error("a broker", "settings of topics", found.error))
                return
            try:
                self._limits.learn(found.topic, found.values)
            except ValueError as error:
                tell(SourceError(Reason.INVALID_ANSWER, f"settings of topic {found.topic}: {error}"))

        def tell(problem: SourceError) -> None:
            if self._limits.is_news(problem.message):
                reading.problems.append(problem)

        try:
            async with asyncio.timeout(self._patience):
                for names in parts(self._limits.wanted(reading.topics, at), TOPICS_AT_ONCE):
                    for found in await self._brokers.ask_any(describe_configs(names, SETTINGS)):
                        take(found)
        except SourceError as problem:
            tell(problem)
        except TimeoutError:
            tell(SourceError(Reason.TIMEOUT, "settings of topics: no answer in time"))

    def _forget_replaced(self, topics: Iterable[protocol.Topic]) -> None:
        """Forget the topics that have gone since the last read, under whose names others may be now."""
        before, self._ids = self._ids, {topic.name: topic.id for topic in topics}
        gone = {name for name, identity in before.items() if _is_other(identity, self._ids.get(name))}
        if gone:
            self._ages.forget_topics(gone)
            self._trends.forget_topics(gone)
            self._limits.forget_topics(gone)
            self._deletions.forget_topics(gone)

    async def _look_up(self, leader: str, partitions: Sequence[Partition]) -> None:
        """Narrow the ages in these partitions; where not all was answered in time, half as much is asked next."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._patience
        for step in range(STEPS):
            room, left = self._rooms.get(leader, LOOKUPS_AT_ONCE), deadline - clock()
            asked = self._ages.questions(partitions, step, room)
            if not asked or left < self._patience / 2:
                return
            found = await self.timestamps_to_offsets(asked, left)
            whole = len(found) == len(asked)
            self._rooms[leader] = min(2 * room, LOOKUPS_AT_ONCE) if whole else max(1, room // 2)
            async for partition, timestamp in _slices(asked.items()):
                self._ages.learn(partition, timestamp, found.get(partition))
            if not found:
                return

    async def timestamps_to_offsets(
        self, asked: Mapping[Partition, int], seconds: float | None = None
    ) -> Mapping[Partition, tuple[int, int]]:
        """Find the first record at or after a time (Unix milliseconds) in each partition: its offset and its time.

        The offset is NO_OFFSET where there is no such record; partitions whose leader does not answer are missing.
        """
        found: dict[Partition, tuple[int, int]] = {}
        by_leader: defaultdict[str, dict[Partition, int]] = defaultdict(dict)
        for partition, timestamp in asked.items():
            if leader := self._leaders.get(partition):
                by_leader[leader][partition] = timestamp

        async def ask(broker: str, _reading: Reading) -> None:
            calls = self._list_offsets(by_leader[broker])
            await self._brokers.read_all(broker, calls, lambda offsets: found.update(offsets.found))

        await self._each(by_leader, seconds or self._patience, ask, Reading())
        return found

    async def _metadata(self, reading: Reading) -> tuple[Mapping[int, str], tuple[Node, ...], list[protocol.Topic]]:
        """Addresses of the brokers, what each has, and the wanted topics; who leads what is kept."""
        addresses: dict[int, str] = {}
        topics: list[protocol.Topic] = []
        led, held = Counter[int](), Counter[int]()
        for found in await self._brokers.ask_any(protocol.metadata()):
            if isinstance(found, protocol.Broker):
                addresses[found.node] = found.address
                continue
            led.update(found.placement.leaders)
            held.update(found.held)
            if not self._cluster.topics.wants(found.name):
                continue
            if found.error:
                reading.problems.append(answered_error("metadata", f"topic {found.name}", found.error))
            else:
                topics.append(found)
        self._leaders = await _leaders(topics, addresses)
        async for partition, address in _slices(self._leaders.items()):
            reading.led[address].append(partition)
        reading.problems += [
            SourceError(Reason.UNREACHABLE, f"{topic.name}: a partition has no leader")
            for topic in topics
            if not addresses.keys() >= set(topic.placement.leaders)
        ]
        numbers = sorted({*addresses, *led, *held} - {NO_LEADER})
        nodes = tuple(Node(number, addresses.get(number), led[number], held[number]) for number in numbers)
        return addresses, nodes, topics

    async def _offsets(self, broker: str, reading: Reading) -> None:
        """Ends and oldest offsets of the partitions that `broker` leads."""

        async def ask(which: int, into: dict[Partition, int]) -> None:
            def take(offsets: protocol.Offsets) -> None:
                found = offsets.found.items()
                into.update((partition, offset) for partition, (offset, _time) in found if offset >= 0)
                what = f"offsets of {offsets.topic}"
                reading.problems.extend(answered_error(broker, what, code) for code in offsets.errors)

            await self._brokers.read_all(broker, self._list_offsets(dict.fromkeys(reading.led[broker], which)), take)

        await together(ask(protocol.LATEST, reading.ends), ask(protocol.EARLIEST, reading.oldest))

    def _list_offsets(self, asked: Mapping[Partition, int]) -> list[Call[protocol.Offsets]]:
        return [
            protocol.list_offsets(dict(some), self._cluster.isolation)
            for some in parts(list(asked.items()), PARTITIONS_AT_ONCE)
        ]

    async def _each(
        self,
        brokers: Iterable[str],
        seconds: float,
        work: Callable[[str, Reading], Awaitable[None]],
        reading: Reading,
    ) -> None:
        """Work with every broker at once; one that fails, or is not done in time, only adds its problem."""

        async def one(broker: str) -> None:
            try:
                async with asyncio.timeout(seconds):
                    await work(broker, reading)
            except SourceError as problem:
                self._silent.add(broker)
                reading.problems.append(problem)
            except TimeoutError:
                self._silent.add(broker)
                reading.problems.append(SourceError(Reason.TIMEOUT, f"{broker}: no answer in time"))
                self._brokers.drop(broker)

        await together(*(one(broker) for broker in brokers if broker not in self._silent))


async def _leaders(topics: Iterable[protocol.Topic], addresses: Mapping[int, str]) -> Mapping[Partition, str]:
    """Address of the leader of each partition; those whose leader is not there have none."""
    leaders = {}
    async for name, _error, _id, placement, _held in _slices(topics):
        for number, leader in zip(placement.numbers, placement.leaders, strict=True):
            if leader in addresses:
                leaders[Partition(name, number)] = addresses[leader]
    return leaders


async def _slices(things: Iterable[ThingT]) -> AsyncIterator[ThingT]:
    """Give one thing after the other; others work meanwhile, as they do while an answer is decoded."""
    until = time.perf_counter() + SLICE
    for thing in things:
        yield thing
        if time.perf_counter() > until:
            await asyncio.sleep(0)
            until = time.perf_counter() + SLICE


def _is_other(before: bytes, now: bytes | None) -> bool:
    """Tell whether a topic of one id is not that of another; not every broker tells them."""
    return now is None or (any(before) and any(now) and before != now)


def _first(problems: Iterable[SourceError]) -> SourceError:
    return next(iter(problems), SourceError(Reason.INVALID_ANSWER, "the cluster's metadata names no broker"))


def _distinct(problems: Iterable[SourceError]) -> tuple[SourceError, ...]:
    """Every problem once; a broker that is down says the same for each of its topics."""
    return tuple({(problem.reason, problem.message): problem for problem in problems}.values())
