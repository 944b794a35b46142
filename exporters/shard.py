"""One of several processes of an exporter that share what there is to read: no coordinator, the name's hash decides."""

import re
import zlib
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator


class Shard(NamedTuple):
    """One of several processes that share what has a name: groups, nodes."""

    number: int
    """From 0."""
    of: int

    def owns(self, name: str) -> bool:
        """Tell whether what has this name is its own: by zlib's CRC-32 of it in UTF-8, modulo the number of shards."""
        return zlib.crc32(name.encode()) % self.of == self.number

    @property
    def first(self) -> bool:
        """Whether it is the one that tells what is not shared: all shards see that alike."""
        return self.number == 0


WHOLE = Shard(0, 1)


def _shard(value: Any) -> Shard:
    if isinstance(value, Shard):
        return value
    match = re.fullmatch(r"(\d{1,4})/(\d{1,4})", str(value))
    if not match or not (number := int(match[1])) < (of := int(match[2])):
        raise ValueError(f'{str(value)!r} is not a shard such as "0/3", the first, or "2/3", the last of three')
    return Shard(number, of)


ShardSetting = Annotated[Shard, BeforeValidator(_shard)]
"""Written ``i/n``: the i-th, from 0, of n."""
