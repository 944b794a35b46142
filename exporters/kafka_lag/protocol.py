"""The requests that a collection sends and the reading of their answers; those about members are in members.py.

The layouts are those of https://kafka.apache.org/protocol#protocol_messages. Two versions of most requests are known:
one that each broker since 0.11 speaks, and the one that tells more or asks for more at once. aiokafka stops at
OffsetFetch 3 (one group a request) and ListGroups 2 (no states).

An answer is read piece by piece (an iterator), so that who reads a large one can let others work in between.
"""

import struct
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from exporters.kafka_lag.call import Api, Call
from exporters.kafka_lag.config import Isolation
from exporters.kafka_lag.placement import Placement
from exporters.kafka_lag.snapshot import Partition
from exporters.kafka_lag.wire import Reader, Writer

METADATA = Api("Metadata", key=3, versions=(4, 10), flexible=9)
"""10 tells the topics' ids (Kafka 2.8)."""
LIST_GROUPS = Api("ListGroups", key=16, versions=(1, 4, 5), flexible=3)
"""4 tells the groups' states (Kafka 2.6), 5 their types (3.8)."""
OFFSET_FETCH = Api("OffsetFetch", key=9, versions=(3, 8), flexible=6)
LIST_OFFSETS = Api("ListOffsets", key=2, versions=(2, 7), flexible=6)

MANY_GROUPS = 8
"""Version from which OffsetFetch asks for several groups at once (KIP-709, Kafka 3.0)."""

LATEST, EARLIEST = -1, -2
"""Timestamps of ListOffsets that stand for the end and the start of a partition."""

NO_OFFSET = -1
"""Offset in place of a commit that was never made, or of a record that is not there."""

_CONSUMER_REPLICA = -1
_ISOLATION = {"read_uncommitted": 0, "read_committed": 1}
_LEADER = {4: struct.Struct(">hii"), 10: struct.Struct(">hii4x")}  # error, number, leader (leader's epoch)
_COMMIT = {3: struct.Struct(">iq"), 8: struct.Struct(">iq4x")}  # number, offset (leader's epoch)
_PLAIN_COMMIT = struct.Struct(">iqiBhB")  # number, offset, leader's epoch, length of words, error, number of tags
_NO_TEXT = 1  # length of a string in a flexible version: 0 is null, 1 is empty
_OFFSET = {2: struct.Struct(">ihqq"), 7: struct.Struct(">ihqq4x")}  # number, error, timestamp, offset (leader's epoch)
_ASKED = struct.Struct(">iq").pack  # number, timestamp
_ASKED_WITH_EPOCH = struct.Struct(">iiqx").pack  # number, leader's epoch, timestamp, no tagged fields
_ID = struct.Struct("16s")
_FLAG = struct.Struct(">?")
_REPLICA = struct.Struct(">ib")  # replica that asks, isolation of transactions
_NODE = 4
_ANY_EPOCH = -1


class Broker(NamedTuple):
    """A broker of the cluster; `address` is ``host:port``."""

    node: int
    address: str


class Topic(NamedTuple):
    """A topic, where its partitions are, and how many replicas of them each node holds.

    `id` differs when a topic is deleted and made anew; it is empty, or nothing but zeros, when the broker does not tell
    it: one before Kafka 2.8, or one that has no say in it yet.
    """

    name: str
    error: int
    id: bytes
    placement: Placement
    held: Mapping[int, int]


class Unlisted(NamedTuple):
    """The asked broker can't tell all the groups that it coordinates now: it is loading them, say."""

    error: int


class Listed(NamedTuple):
    """A group that the asked broker coordinates; `state` and `kind` are empty when its version does not tell them."""

    name: str
    protocol: str
    state: str
    kind: str


class Commits(NamedTuple):
    """Offsets that a group has committed in one topic, and the error codes of partitions where they can't be told."""

    group: str
    topic: str
    offsets: Mapping[Partition, int]
    errors: Collection[int]


class GroupRead(NamedTuple):
    """The end of a group's commits: all of them are told, unless there is an error."""

    group: str
    error: int


class Offsets(NamedTuple):
    """Offset and timestamp (Unix milliseconds) in a topic's partitions, and error codes.

    Ends and starts have the timestamp -1; where no record is as late as was asked, the offset is NO_OFFSET.
    """

    topic: str
    found: Mapping[Partition, tuple[int, int]]
    errors: Collection[int]


def metadata() -> Call[Broker | Topic]:
    """Ask for all brokers, topics and the places of their partitions, creating nothing."""

    def write(version: int, body: Writer) -> None:
        body.count(None)
        body.flag(False)  # no topic is to be created
        if version >= 8:
            body.flag(False)  # permissions of the cluster
            body.flag(False)  # permissions of the topics
        body.end()

    def read(version: int, answer: Reader) -> Iterator[Broker | Topic]:
        answer.int32()  # throttle time
        for _ in range(answer.count()):
            node, host, port = answer.int32(), answer.text(), answer.int32()
            answer.skip_text()  # rack
            answer.end()
            yield Broker(node, f"{host}:{port}")
        answer.skip_text()  # the cluster's id
        answer.int32()  # controller
        for _ in range(answer.count()):
            yield _topic(version, answer)
        if version >= 8:
            answer.int32()  # permissions of the cluster

    return Call(METADATA, write, read)


def _topic(version: int, answer: Reader) -> Topic:
    error, name = answer.int16(), answer.text()
    (identity,) = answer.take(_ID) if version >= 10 else (b"",)
    answer.take(_FLAG)  # internal
    rows, held = [], Counter[int]()
    for _ in range(answer.count()):
        _error, number, leader = answer.take(_LEADER[version])
        replicas, in_sync = answer.numbers(), answer.numbers()
        if version >= 5:
            answer.skip_array(_NODE)  # replicas that are offline
        answer.end()
        rows.append((number, leader, replicas[:1] == (leader,), len(replicas), len(in_sync)))
        held.update(replicas)
    if version >= 8:
        answer.int32()  # permissions
    answer.end()
    return Topic(name, error, identity, Placement.of(rows), held)


def list_groups() -> Call[Listed | Unlisted]:
    """Ask a broker for the groups that it coordinates, of whatever state and type."""

    def write(version: int, body: Writer) -> None:
        for _filter in range(max(0, version - 3)):  # states from version 4, types from 5
            body.count(0)
        body.end()

    def read(version: int, answer: Reader) -> Iterator[Listed | Unlisted]:
        answer.int32()  # throttle time
        if error := answer.int16():
            yield Unlisted(error)
        for _ in range(answer.count()):
            name, protocol = answer.text(), answer.text()
            state = answer.text() if version >= 4 else ""
            kind = answer.text() if version >= 5 else ""
            answer.end()
            yield Listed(name, protocol, state, kind.lower())

    return Call(LIST_GROUPS, write, read)


def offset_fetch(groups: Sequence[str]) -> Call[Commits | GroupRead]:
    """Ask a coordinator for all commits of `groups`; before version MANY_GROUPS only for one of them."""

    def write(version: int, body: Writer) -> None:
        if version < MANY_GROUPS:
            (group,) = groups
            body.text(group)
            body.count(None)  # all topics
            return
        body.count(len(groups))
        for group in groups:
            body.text(group)
            body.count(None)  # all topics
            body.end()
        body.flag(False)  # without waiting for transactions that are open
        body.end()

    def read(version: int, answer: Reader) -> Iterator[Commits | GroupRead]:
        # groups share their partitions: an object for each commit would have the garbage collector hold everybody up
        known: dict[str, _Numbered] = {}
        answer.int32()  # throttle time
        for _ in range(answer.count() if version >= MANY_GROUPS else 1):
            group = answer.text() if version >= MANY_GROUPS else groups[0]
            for _topic_number in range(answer.count()):
                yield _commits(version, group, answer, known)
            error = answer.int16()
            if version >= MANY_GROUPS:
                answer.end()
            yield GroupRead(group, error)

    return Call(OFFSET_FETCH, write, read)


class _Numbered(dict[int, Partition]):
    """Partitions of one topic by their number, made when they are first asked for."""

    def __init__(self, topic: str) -> None:
        super().__init__()
        self._topic = topic

    def __missing__(self, number: int) -> Partition:
        return self.setdefault(number, Partition(self._topic, number))


def _commits(version: int, group: str, answer: Reader, known: dict[str, _Numbered]) -> Commits:
    topic, count = answer.text(), answer.count()
    partitions = known.setdefault(topic, _Numbered(topic))
    if version >= MANY_GROUPS and (plain := _plain_commits(answer, count)):
        numbers, offsets = plain
        found = dict(zip(map(partitions.__getitem__, numbers), offsets, strict=True))
        answer.end()
        return Commits(group, topic, found, ())
    found, codes = {}, set()
    for _ in range(count):
        number, offset = answer.take(_COMMIT[version])
        answer.skip_text()  # the consumer's own words
        error = answer.int16()
        answer.end()
        if error:
            codes.add(error)
        elif offset >= 0:
            found[partitions[number]] = offset
    answer.end()
    return Commits(group, topic, found, codes)


def _plain_commits(answer: Reader, count: int) -> tuple[Sequence[int], Sequence[int]] | None:
    """Numbers and offsets of the next `count` commits when there is nothing else to them, as there seldom is.

    All are of one size then, and read at once, which is several times as fast as one by one.
    """
    rows = tuple(zip(*answer.ahead(_PLAIN_COMMIT, count), strict=True))
    if not rows or len(rows[0]) < count:
        return None
    numbers, offsets, _epochs, texts, codes, tags = rows
    if max(texts) > _NO_TEXT or any(codes) or any(tags) or min(offsets) < 0:
        return None
    answer.skip(count * _PLAIN_COMMIT.size)
    return numbers, offsets


def list_offsets(asked: Mapping[Partition, int], isolation: Isolation) -> Call[Offsets]:
    """Ask a leader for the first offset at or after a timestamp (Unix milliseconds), or at LATEST or EARLIEST.

    A partition ends at its high watermark, or with ``read_committed`` at its last stable offset: where the first
    transaction begins that is still open.
    """

    def write(version: int, body: Writer) -> None:
        # thousands of partitions: each is packed at once
        pack, epoch = (_ASKED_WITH_EPOCH, (_ANY_EPOCH,)) if version >= 4 else (_ASKED, ())
        topics: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for (topic, number), timestamp in asked.items():
            topics[topic].append((number, timestamp))
        body.raw(_REPLICA.pack(_CONSUMER_REPLICA, _ISOLATION[isolation]))
        body.count(len(topics))
        for topic, partitions in topics.items():
            body.text(topic)
            body.count(len(partitions))
            body.raw(b"".join(pack(number, *epoch, timestamp) for number, timestamp in partitions))
            body.end()
        body.end()

    def read(version: int, answer: Reader) -> Iterator[Offsets]:
        answer.int32()  # throttle time
        for _ in range(answer.count()):
            yield _offsets(version, answer)

    return Call(LIST_OFFSETS, write, read)


def _offsets(version: int, answer: Reader) -> Offsets:
    topic, found, codes = answer.text(), {}, set()
    for _ in range(answer.count()):
        number, error, timestamp, offset = answer.take(_OFFSET[version])
        answer.end()
        if error:
            codes.add(error)
        else:
            found[Partition(topic, number)] = (offset, timestamp)
    answer.end()
    return Offsets(topic, found, codes)
