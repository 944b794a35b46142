"""Layouts of Kafka's protocol (https://kafka.apache.org/protocol) in the versions that scripted brokers speak."""

from typing import Any

from aiokafka.protocol import types as t

METADATA, OFFSETS, OFFSET_FETCH, DESCRIBE, LIST, VERSIONS, DESCRIBE_CONSUMER = 3, 2, 9, 15, 16, 18, 69
CONFIGS = 32
OLD = {METADATA: 4, OFFSETS: 2, OFFSET_FETCH: 3, DESCRIBE: 1, LIST: 1, CONFIGS: 0}
NEW = {METADATA: 10, OFFSETS: 7, OFFSET_FETCH: 8, DESCRIBE: 5, LIST: 5, DESCRIBE_CONSUMER: 0, CONFIGS: 4}
"""Newest version of each request that brokers of a generation know."""

FLEXIBLE = {METADATA: 9, OFFSETS: 6, OFFSET_FETCH: 6, DESCRIBE: 5, LIST: 3, DESCRIBE_CONSUMER: 0, CONFIGS: 4}

Text, Many, Blob, Tags = t.CompactString("utf-8"), t.CompactArray, t.CompactBytes, t.TaggedFields
END: dict[int, bytes] = {}
"""No tagged fields."""


class Id(t.Int64):
    """A UUID whose second half is a number."""

    @classmethod
    def encode(cls, value: int) -> bytes:
        return value.to_bytes(16, "big")


def fields(*kinds: Any) -> Any:
    """A structure of nameless fields."""
    return t.Schema(*((str(at), kind) for at, kind in enumerate(kinds)))


METADATA_10 = fields(
    t.Int32,
    Many(fields(t.Int32, Text, t.Int32, Text, Tags)),
    Text,
    t.Int32,
    Many(
        fields(
            t.Int16,
            Text,
            Id,
            t.Boolean,
            Many(fields(t.Int16, t.Int32, t.Int32, t.Int32, Many(t.Int32), Many(t.Int32), Many(t.Int32), Tags)),
            t.Int32,
            Tags,
        )
    ),
    t.Int32,
    Tags,
)
LIST_5 = fields(t.Int32, t.Int16, Many(fields(Text, Text, Text, Text, Tags)), Tags)
DESCRIBE_5 = fields(
    t.Int32,
    Many(
        fields(t.Int16, Text, Text, Text, Text, Many(fields(Text, Text, Text, Text, Blob, Blob, Tags)), t.Int32, Tags)
    ),
    Tags,
)
CLASSIC_ASSIGNMENT = fields(t.Array(fields(t.String("utf-8"), t.Array(t.Int32))), t.Bytes)
ASSIGNMENT = fields(Many(fields(Id, Text, Many(t.Int32), Tags)), Tags)
MEMBER = fields(Text, Text, Text, t.Int32, Text, Text, Many(Text), Text, ASSIGNMENT, ASSIGNMENT, Tags)
DESCRIBE_CONSUMER_0 = fields(
    t.Int32, Many(fields(t.Int16, Text, Text, Text, t.Int32, t.Int32, Text, Many(MEMBER), t.Int32, Tags)), Tags
)
FETCH_8 = fields(
    t.Int32,
    Many(
        fields(
            Text,
            Many(fields(Text, Many(fields(t.Int32, t.Int64, t.Int32, Text, t.Int16, Tags)), Tags)),
            t.Int16,
            Tags,
        )
    ),
    Tags,
)
OFFSETS_7 = fields(
    t.Int32,
    Many(fields(Text, Many(fields(t.Int32, t.Int16, t.Int64, t.Int64, t.Int32, Tags)), Tags)),
    Tags,
)
SYNONYM = fields(Text, Text, t.Int8, Tags)
CONFIGS_4 = fields(
    t.Int32,
    Many(
        fields(
            t.Int16,
            Text,
            t.Int8,
            Text,
            Many(fields(Text, Text, t.Boolean, t.Int8, t.Boolean, Many(SYNONYM), t.Int8, Text, Tags)),
            Tags,
        )
    ),
    Tags,
)
METADATA_10_ASKED = fields(Many(Text), t.Boolean, t.Boolean, t.Boolean, Tags)
LIST_5_ASKED = fields(Many(Text), Many(Text), Tags)
DESCRIBE_5_ASKED = fields(Many(Text), t.Boolean, Tags)
FETCH_8_ASKED = fields(Many(fields(Text, Many(Text), Tags)), t.Boolean, Tags)
OFFSETS_7_ASKED = fields(t.Int32, t.Int8, Many(fields(Text, Many(fields(t.Int32, t.Int32, t.Int64, Tags)), Tags)), Tags)
CONFIGS_4_ASKED = fields(Many(fields(t.Int8, Text, Many(Text), Tags)), t.Boolean, t.Boolean, Tags)
