"""The requests that tell who is in a group, and the reading of what each member is assigned.

The layouts are those of https://kafka.apache.org/protocol#protocol_messages. aiokafka reads DescribeGroups 3 wrongly
when two groups are in it, and does not know ConsumerGroupDescribe.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from exporters.kafka_lag.call import Api, Call
from exporters.kafka_lag.wire import INT16, UNREADABLE, Reader, Writer

DESCRIBE_GROUPS = Api("DescribeGroups", key=15, versions=(1, 5), flexible=5)
CONSUMER_GROUP_DESCRIBE = Api("ConsumerGroupDescribe", key=69, versions=(0,), flexible=0)
"""Groups of the protocol of KIP-848, which DescribeGroups calls dead (Kafka 3.7)."""

MOST_TOPICS = 10_000
"""Topics of one member's assignment; more of them are taken for noise, for nobody else gets a turn meanwhile."""

_EPOCHS = struct.Struct(">ii")
_ID = struct.Struct("16s")

Assignment = Mapping[str, Sequence[int]]
"""Numbers of partitions by topic."""


class Joined(NamedTuple):
    """A member of a group; what it is assigned is None where that can't be read."""

    group: str
    name: str
    client: str
    host: str
    assigned: Assignment | None


class Described(NamedTuple):
    """The end of a group's members: all of them are told, unless there is an error."""

    name: str
    error: int
    state: str


def describe_groups(groups: Sequence[str]) -> Call[Joined | Described]:
    """Ask a coordinator about groups of the classic protocol."""

    def write(version: int, body: Writer) -> None:
        body.texts(groups)
        if version >= 3:
            body.flag(False)  # permissions
        body.end()

    def read(version: int, answer: Reader) -> Iterator[Joined | Described]:
        answer.int32()  # throttle time
        for _ in range(answer.count()):
            error, name, state = answer.int16(), answer.text(), answer.text()
            answer.skip_text()  # type of the protocol
            answer.skip_text()  # protocol
            for _member in range(answer.count()):
                yield _classic(name, version, answer)
            if version >= 3:
                answer.int32()  # permissions
            answer.end()
            yield Described(name, error, state)

    return Call(DESCRIBE_GROUPS, write, read)


def _classic(group: str, version: int, answer: Reader) -> Joined:
    name = answer.text()
    if version >= 4:
        answer.skip_text()  # static id
    client, host = answer.text(), answer.text()
    answer.skip_blob()  # subscription
    assigned = assignment(answer.blob())
    answer.end()
    return Joined(group, name, client, host, assigned)


def assignment(data: bytes) -> Assignment | None:
    """Read partitions by topic from what a group's leader has assigned to a member: ConsumerProtocolAssignment.

    The broker passes the bytes on as the leader wrote them, so they may be anything: None when they can't be read.
    Nothing at all, which is what the broker tells until the group is stable, assigns nothing.
    https://github.com/apache/kafka/blob/trunk/clients/src/main/resources/common/message/ConsumerProtocolAssignment.json
    """
    if not data:
        return {}
    answer = Reader(data, INT16.size, flexible=False)  # later versions only add fields at the end
    try:
        topics = answer.count()
        if topics > MOST_TOPICS:
            return None
        return {answer.text(): answer.numbers() for _ in range(topics)}
    except UNREADABLE:
        return None


def consumer_group_describe(groups: Sequence[str]) -> Call[Joined | Described]:
    """Ask a coordinator about groups of the protocol of KIP-848."""

    def write(_version: int, body: Writer) -> None:
        body.texts(groups)
        body.flag(False)  # permissions
        body.end()

    def read(_version: int, answer: Reader) -> Iterator[Joined | Described]:
        answer.int32()  # throttle time
        for _ in range(answer.count()):
            error = answer.int16()
            answer.skip_text()  # the error in words
            name, state = answer.text(), answer.text()
            answer.take(_EPOCHS)  # of the group, of the assignment
            answer.skip_text()  # assignor
            for _member in range(answer.count()):
                yield _modern(name, answer)
            answer.int32()  # permissions
            answer.end()
            yield Described(name, error, state)

    return Call(CONSUMER_GROUP_DESCRIBE, write, read)


def _modern(group: str, answer: Reader) -> Joined:
    name = answer.text()
    answer.skip_text()  # static id
    answer.skip_text()  # rack
    answer.int32()  # epoch
    client, host = answer.text(), answer.text()
    for _topic_name in range(answer.count()):
        answer.skip_text()
    answer.skip_text()  # pattern of topics
    assigned = dict(_topic(answer) for _ in range(answer.count()))
    answer.end()
    for _wanted in range(answer.count()):
        _topic(answer)
    answer.end()
    answer.end()
    return Joined(group, name, client, host, assigned)


def _topic(answer: Reader) -> tuple[str, tuple[int, ...]]:
    answer.take(_ID)
    topic, partitions = answer.text(), answer.numbers()
    answer.end()
    return topic, partitions
