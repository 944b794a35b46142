"""The primitive types of Kafka's protocol: https://kafka.apache.org/protocol#protocol_types.

Flexible versions (KIP-482) write lengths as variable integers, one more than they are, and end each structure with
tagged fields. A structure is otherwise the same in both, so one description of it serves the versions before and after.
"""

import struct
from collections.abc import Collection, Iterator
from typing import Any

INT16 = struct.Struct(">h")
INT32 = struct.Struct(">i")

UNREADABLE = (ValueError, IndexError, struct.error)
"""What is raised where bytes are not what was said they are."""


class Reader:
    """Reads an answer from its beginning to its end.

    Raises one of UNREADABLE where the bytes are not what was said they are.
    """

    def __init__(self, data: bytes, at: int, flexible: bool) -> None:
        """Begin at byte `at` of `data`."""
        self._data = data
        self._at = at
        self._flexible = flexible

    def take(self, layout: struct.Struct) -> tuple[Any, ...]:
        """Read numbers that follow each other."""
        values = layout.unpack_from(self._data, self._at)
        self._at += layout.size
        return values

    def ahead(self, layout: struct.Struct, count: int) -> Iterator[tuple[Any, ...]]:
        """Look at the next `count` rows of numbers, or as many as there are, without passing over them."""
        rows = self._data[self._at : self._at + count * layout.size]
        return layout.iter_unpack(rows[: len(rows) // layout.size * layout.size])

    def skip(self, size: int) -> None:
        """Pass over bytes."""
        self._skip(size)

    def int16(self) -> int:
        """Read one number, an error code most often."""
        return int(self.take(INT16)[0])

    def int32(self) -> int:
        """Read one number."""
        return int(self.take(INT32)[0])

    def count(self) -> int:
        """Read the length of an array; null counts as empty."""
        return max(0, self._varint() - 1 if self._flexible else self.int32())

    def text(self) -> str:
        """Read a string; null counts as empty."""
        return self._bytes(self._varint() - 1 if self._flexible else self.int16()).decode()

    def skip_text(self) -> None:
        """Pass over a string or null."""
        self._skip(self._varint() - 1 if self._flexible else self.int16())

    def blob(self) -> bytes:
        """Read bytes; null counts as empty."""
        return self._bytes(self._varint() - 1 if self._flexible else self.int32())

    def numbers(self) -> tuple[int, ...]:
        """Read an array of numbers of four bytes each; null counts as empty."""
        size = self.count()
        start = self._at
        self._skip(size * INT32.size)
        return struct.unpack_from(f">{size}i", self._data, start)

    def skip_blob(self) -> None:
        """Pass over bytes or null."""
        self._skip(self._varint() - 1 if self._flexible else self.int32())

    def skip_array(self, size: int) -> None:
        """Pass over an array of items of `size` bytes each."""
        self._skip(self.count() * size)

    def end(self) -> None:
        """Pass over the tagged fields that end a structure."""
        if self._flexible:
            for _ in range(self._varint()):
                self._varint()
                self._skip(self._varint())

    def finish(self) -> None:
        """Pass over the tagged fields that end the answer, and see that nothing follows."""
        self.end()
        if self._at != len(self._data):
            raise ValueError("it goes on after its parts have ended")

    def _bytes(self, size: int) -> bytes:
        start = self._at
        self._skip(size)
        return self._data[start : self._at]

    def _skip(self, size: int) -> None:
        self._at += max(0, size)
        if self._at > len(self._data):
            raise ValueError("it ends before its parts do")

    def _varint(self) -> int:
        value = self._data[self._at]
        self._at += 1
        if value < 0x80:
            return value
        value &= 0x7F
        for shift in (7, 14, 21, 28):
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise ValueError("a variable integer has more than five bytes")


class Writer:
    """Writes the body of a request."""

    def __init__(self, flexible: bool) -> None:
        """Begin with nothing."""
        self._parts: list[bytes] = []
        self._flexible = flexible

    def __bytes__(self) -> bytes:
        """Give what was written."""
        return b"".join(self._parts)

    def raw(self, data: bytes) -> None:
        """Write bytes as they are."""
        self._parts.append(data)

    def flag(self, value: bool) -> None:
        """Write a boolean."""
        self.raw(b"\1" if value else b"\0")

    def count(self, length: int | None) -> None:
        """Write the length of an array; None for a null array."""
        length = -1 if length is None else length
        self.raw(_varint(length + 1) if self._flexible else INT32.pack(length))

    def text(self, value: str) -> None:
        """Write a string."""
        data = value.encode()
        self.raw((_varint(len(data) + 1) if self._flexible else INT16.pack(len(data))) + data)

    def texts(self, values: Collection[str]) -> None:
        """Write an array of strings."""
        self.count(len(values))
        for value in values:
            self.text(value)

    def end(self) -> None:
        """Write that no tagged fields end the structure."""
        if self._flexible:
            self.raw(b"\0")


def _varint(value: int) -> bytes:
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)
