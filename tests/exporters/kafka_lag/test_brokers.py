"""Reading answers of any size and any content."""

import asyncio
import gc
import struct
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from exporters.errors import Reason, SourceError
from exporters.kafka_lag import protocol
from exporters.kafka_lag.brokers import Brokers

VERSIONS_SPOKEN = struct.pack(">hi", 0, 2) + struct.pack(">hhh", 9, 0, 8) + struct.pack(">hhh", 16, 0, 5)


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[tuple[Brokers, str]]:
    """A broker that has its answers ready, in the order in which they will be asked for."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for ready in (VERSIONS_SPOKEN, *(b"\0" + answer for answer in answers)):
            (size,) = struct.unpack(">i", await reader.readexactly(4))
            correlation = (await reader.readexactly(size))[4:8]
            writer.write(struct.pack(">i", len(ready) + 4) + correlation + ready)
            await writer.drain()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        brokers = Brokers([address], patience=10)
        try:
            yield brokers, address
        finally:
            await brokers.close()


def fetched(groups: int, topics: int, partitions: int) -> bytes:
    """Answer to OffsetFetch 8: every group has committed offset 7 everywhere. Fewer than 127 groups and topics."""
    commits = b"".join(struct.pack(">iqiBhB", number, 7, -1, 1, 0, 0) for number in range(partitions))
    many = struct.pack("BB", (partitions + 1) & 0x7F | 0x80, (partitions + 1) >> 7)
    each = b"".join(b"\3t%c" % (48 + topic) + many + commits + b"\0" for topic in range(topics))
    return (
        struct.pack(">iB", 0, groups + 1)
        + b"".join(
            b"\3g%c" % (48 + group) + bytes([topics + 1]) + each + struct.pack(">hB", 0, 0) for group in range(groups)
        )
        + b"\0"
    )


async def longest_hold(stop: asyncio.Event) -> float:
    """Most CPU seconds for which this task had to wait for its turn."""
    longest = 0.0
    while not stop.is_set():
        before = time.thread_time()
        await asyncio.sleep(0)
        longest = max(longest, time.thread_time() - before)
    return longest


@pytest.fixture
def frozen() -> Iterator[None]:
    """Keep the garbage collector from looking at what other tests have left, which takes it long."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("frozen")
async def test_others_get_their_turn_while_a_large_answer_is_read() -> None:
    """200 000 commits in one answer hold the event loop for less than 50 ms at a time."""
    answer = fetched(groups=40, topics=10, partitions=500)
    async with answering(answer) as (brokers, address):
        done = asyncio.Event()
        held = asyncio.create_task(longest_hold(done))
        items = await brokers.ask(address, protocol.offset_fetch(["any"]))
        done.set()
        assert await held < 0.05
    commits = [item for item in items if isinstance(item, protocol.Commits)]
    assert sum(len(item.offsets) for item in commits) == 200_000
    assert [item.error for item in items if isinstance(item, protocol.GroupRead)] == [0] * 40
    assert brokers.received == len(answer) + 1 + 4 + 4


def commit(number: int, offset: int, words: bytes = b"\1", error: int = 0, tags: bytes = b"\0") -> bytes:
    """One commit in an answer to OffsetFetch 8."""
    return struct.pack(">iqi", number, offset, 3) + words + struct.pack(">h", error) + tags


@pytest.mark.parametrize(
    ("odd", "offsets", "codes"),
    [
        (commit(5, 50), {1: 10, 5: 50, 9: 90}, set()),
        (commit(5, 50, words=b"\0"), {1: 10, 5: 50, 9: 90}, set()),
        (commit(5, 50, words=b"\4abc"), {1: 10, 5: 50, 9: 90}, set()),
        (commit(5, 50, words=b"\x81\1" + b"a" * 128), {1: 10, 5: 50, 9: 90}, set()),
        (commit(5, 50, tags=b"\1\0\2zz"), {1: 10, 5: 50, 9: 90}, set()),
        (commit(5, -1), {1: 10, 9: 90}, set()),
        (commit(5, -1, error=3), {1: 10, 9: 90}, {3}),
    ],
    ids=["plain", "null words", "words", "many words", "tagged field", "none", "error"],
)
async def test_commits_are_read_whatever_is_among_them(odd: bytes, offsets: dict[int, int], codes: set[int]) -> None:
    """Plain ones are read together; one that is not so costs nothing but time."""
    commits = commit(1, 10) + odd + commit(9, 90)
    answer = struct.pack(">i", 0) + b"\2\2g\2\2t\4" + commits + b"\0" + struct.pack(">h", 0) + b"\0\0"
    async with answering(answer) as (brokers, address):
        found, end = await brokers.ask(address, protocol.offset_fetch(["g"]))
    assert isinstance(found, protocol.Commits)
    assert {partition.number: at for partition, at in found.offsets.items()} == offsets
    assert {partition.topic for partition in found.offsets} == {"t"}
    assert set(found.errors) == codes
    assert end == protocol.GroupRead("g", 0)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        fetched(1, 1, 1)[:-1],
        fetched(1, 1, 1)[:20],
        fetched(1, 1, 1) + b"\0",
        b"\0\0\0\0\xff\xff\xff\xff\xff",
        b"\0\0\0\0\xff\xff\xff\xff\x07",
        struct.pack(">iBB", 0, 2, 0x40) + b"short",
        struct.pack(">iBB", 0, 2, 3) + b"\xff\xfe" + b"\1\0\0\0\0",
    ],
    ids=["empty", "without its end", "cut", "too long", "endless integer", "too many", "long text", "not UTF-8"],
)
async def test_an_answer_that_is_not_what_it_says_is_refused(answer: bytes) -> None:
    """Never taken for fewer groups; the connection goes on, for its frames are whole."""
    async with answering(answer, fetched(1, 1, 1)) as (brokers, address):
        with pytest.raises(SourceError, match="answer to OffsetFetch can't be read") as caught:
            await brokers.ask(address, protocol.offset_fetch(["g0"]))
        assert caught.value.reason == Reason.INVALID_ANSWER
        assert len(await brokers.ask(address, protocol.offset_fetch(["g0"]))) == 2


async def test_a_request_that_the_broker_does_not_know_is_not_sent() -> None:
    """The versions of both sides are named."""
    async with answering() as (brokers, address):
        with pytest.raises(SourceError, match=r"Metadata: the broker speaks versions None to None") as caught:
            await brokers.ask(address, protocol.metadata())
        assert caught.value.reason == Reason.INVALID_ANSWER
