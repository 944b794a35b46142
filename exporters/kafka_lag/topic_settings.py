"""The request for settings of topics, laid out like those in protocol.py.

Any broker answers for any topic. Version 0 is spoken by each broker before Kafka 4.0, version 4 since 2.6.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from exporters.kafka_lag.call import Api, Call
from exporters.kafka_lag.wire import Reader, Writer

DESCRIBE_CONFIGS = Api("DescribeConfigs", key=32, versions=(0, 4), flexible=4)

_TOPIC = b"\2"
_KIND = struct.Struct(">b")
_FLAGS = {0: struct.Struct(">???"), 4: struct.Struct(">?b?")}
"""Read-only, default (0) or where it comes from (4), secret."""


class TopicSettings(NamedTuple):
    """Settings of a topic that were asked for and that it has, or the code of the error."""

    topic: str
    error: int
    values: Mapping[str, str]


def describe_configs(topics: Sequence[str], names: Sequence[str]) -> Call[TopicSettings]:
    """Ask for the settings `names` of `topics`, the broker's defaults where a topic has none of its own."""

    def write(version: int, body: Writer) -> None:
        body.count(len(topics))
        for topic in topics:
            body.raw(_TOPIC)
            body.text(topic)
            body.count(len(names))
            for name in names:
                body.text(name)
            body.end()
        if version >= 1:
            body.flag(False)  # synonyms
        if version >= 3:
            body.flag(False)  # documentation
        body.end()

    def read(version: int, answer: Reader) -> Iterator[TopicSettings]:
        answer.int32()  # throttle time
        for _ in range(answer.count()):
            error = answer.int16()
            answer.skip_text()  # the error in words
            answer.take(_KIND)
            topic = answer.text()
            values = dict(_setting(version, answer) for _setting_number in range(answer.count()))
            answer.end()
            yield TopicSettings(topic, error, values)

    return Call(DESCRIBE_CONFIGS, write, read)


def _setting(version: int, answer: Reader) -> tuple[str, str]:
    name, value = answer.text(), answer.text()
    answer.take(_FLAGS[version])
    if version >= 1:
        for _synonym in range(answer.count()):
            answer.skip_text()  # its name
            answer.skip_text()  # its value
            answer.take(_KIND)  # where it comes from
            answer.end()
    if version >= 3:
        answer.take(_KIND)  # type
        answer.skip_text()  # documentation
    answer.end()
    return name, value
