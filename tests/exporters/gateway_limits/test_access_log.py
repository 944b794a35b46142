"""A log that is written, rotated and cut while it is read."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.errors import Reason, SourceError
from exporters.gateway_limits.access_log import LONGEST_LINE, OLD_FILE_QUIET, AccessLog


class Reader:
    """A log, and the numbers that were read from it."""

    def __init__(self, path: Path, clock: Any) -> None:
        self.log = AccessLog(path, clock)
        self.numbers: list[int] = []

    async def read(self) -> int:
        return await self.log.read(lambda entry: self.numbers.append(entry["n"]))


def lines(*numbers: int) -> str:
    return "".join(json.dumps({"n": number}) + "\n" for number in numbers)


def write(path: Path, text: str | bytes) -> None:
    with path.open("ab") as file:
        file.write(text if isinstance(text, bytes) else text.encode())


def rename(path: Path, suffix: str) -> Path:
    return path.rename(path.with_suffix(suffix))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


@pytest.fixture
async def reader(path: Path, clock: Any) -> Any:
    """A log with a line that was there before, read once."""
    write(path, lines(0))
    reader = Reader(path, clock)
    assert await reader.read() == 0
    yield reader
    reader.log.close()


async def test_what_was_there_before_is_not_counted(reader: Reader, path: Path) -> None:
    """Only what is written from now on."""
    write(path, lines(1, 2))
    await reader.read()
    await reader.read()
    assert reader.numbers == [1, 2]


async def test_a_file_that_appears_later_is_read_from_its_first_line(path: Path, clock: Any) -> None:
    """Until then it is missing, and that is an error."""
    reader = Reader(path, clock)
    with pytest.raises(SourceError, match="no such file") as caught:
        await reader.read()
    assert caught.value.reason == Reason.UNREACHABLE
    write(path, lines(1))
    await reader.read()
    assert reader.numbers == [1]
    reader.log.close()


async def test_a_half_written_line_waits_for_its_end(reader: Reader, path: Path) -> None:
    """It is not taken for a broken one."""
    first, second = lines(1234567).encode()[:5], lines(1234567).encode()[5:]
    write(path, first)
    assert await reader.read() == 0
    assert reader.numbers == []
    write(path, second)
    assert await reader.read() == 0
    assert reader.numbers == [1234567]


async def test_a_renamed_file_is_read_to_its_end(reader: Reader, path: Path) -> None:
    """The gateway writes to it until it is told to reopen, also after the new file has its first lines."""
    write(path, lines(1))
    old = rename(path, ".1")
    write(old, lines(2))
    await reader.read()
    write(path, lines(4))
    write(old, lines(3))
    await reader.read()
    write(old, lines(5))
    write(path, lines(6))
    await reader.read()
    assert sorted(reader.numbers) == [1, 2, 3, 4, 5, 6]


async def test_between_rename_and_reopening_there_may_be_no_file(reader: Reader, path: Path) -> None:
    """Reading goes on."""
    old = rename(path, ".1")
    write(old, lines(1))
    await reader.read()
    write(path, lines(2))
    await reader.read()
    assert reader.numbers == [1, 2]


async def test_old_files_are_let_go(reader: Reader, path: Path, clock: Any) -> None:
    """Rotated every second, or once and then quiet: open files don't add up."""
    before = len(os.listdir("/proc/self/fd"))
    for number in range(20):
        write(path, lines(number))
        rename(path, f".{number}")
        write(path, "")
        await reader.read()
    assert reader.numbers == list(range(20))
    assert len(os.listdir("/proc/self/fd")) <= before + 3
    clock.now += OLD_FILE_QUIET + 1
    await reader.read()
    assert len(os.listdir("/proc/self/fd")) == before


async def test_a_truncated_file_is_read_from_its_beginning(reader: Reader, path: Path) -> None:
    """As copytruncate of logrotate does."""
    write(path, lines(1, 2, 3))
    await reader.read()
    os.truncate(path, 0)
    write(path, lines(4))
    await reader.read()
    assert reader.numbers == [1, 2, 3, 4]


async def test_a_truncated_file_that_has_grown_past_where_it_was(reader: Reader, path: Path) -> None:
    """It is told from one that only grew by what stood before the place that was read up to."""
    write(path, lines(1))
    await reader.read()
    os.truncate(path, 0)
    write(path, lines(*range(100, 120)))
    await reader.read()
    assert reader.numbers == [1, *range(100, 120)]


BAD_LINES = {
    "text": b"127.0.0.1 - - GET /\n",
    "a list": b"[1]\n",
    "noise": b"\xff\xfe\x00\n",
    "cut object": b'{"n": 1\n',
    "half a character": b'{"n": 1, "client": "\\ud800"}\n',
    "a number without end": b'{"n": ' + b"9" * 5000 + b"}\n",
    "nested too deeply": b"[" * 50_000 + b"\n",
    "too long": b'{"n": "' + b"x" * (4 * LONGEST_LINE) + b'"}\n',
}


@pytest.mark.parametrize("case", BAD_LINES)
async def test_a_line_that_is_no_object_is_counted_and_passed(reader: Reader, path: Path, case: str) -> None:
    """The lines around it are read."""
    write(path, lines(1).encode() + BAD_LINES[case] + lines(2).encode())
    assert await reader.read() == 1
    assert reader.numbers == [1, 2]


async def test_a_cancelled_read_takes_nothing_twice(reader: Reader, path: Path) -> None:
    """The deadline may pass in the middle of a large log; the next read goes on from there."""
    numbers = list(range(100_000))
    write(path, lines(*numbers))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await reader.read()
    assert len(reader.numbers) < len(numbers)
    await reader.read()
    assert reader.numbers == numbers


async def test_the_last_line_is_known_without_being_counted(reader: Reader, path: Path) -> None:
    """A half-written one is not it."""
    assert reader.log.last() == {"n": 0}
    write(path, lines(1) + '{"n": ')
    assert reader.log.last() == {"n": 1}
    write(path, "\n")
    assert reader.log.last() is None


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
async def test_what_is_no_file(path: Path, clock: Any, make: Any) -> None:
    """A pipe would keep everybody waiting for who writes to it."""
    make(path)
    with pytest.raises(SourceError, match="is no regular file") as caught:
        await Reader(path, clock).read()
    assert caught.value.reason == Reason.INVALID_ANSWER


STEPS = st.lists(st.sampled_from(["write", "half", "rename", "truncate", "read"]), max_size=30)


@settings(deadline=None)
@given(STEPS)
async def test_in_any_order_nothing_that_was_there_at_a_read_is_lost_or_doubled(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    """Written, rotated and truncated at any time, each line once."""
    path = tmp_path_factory.mktemp("any") / "access.log"
    write(path, "")
    reader = Reader(path, lambda: 0.0)
    await reader.read()
    expected: list[int] = []
    rest = ""
    for step in [*steps, "read"]:
        if step == "write":
            expected += [] if rest else [len(expected)]
            write(path, rest or lines(expected[-1]))
            rest = ""
        elif step == "half" and not rest:
            expected.append(len(expected))
            write(path, lines(expected[-1])[:4])
            rest = lines(expected[-1])[4:]
        elif step in ("rename", "truncate") and not rest:
            await reader.read()
            if step == "truncate":
                os.truncate(path, 0)
            else:
                rename(path, f".{len(expected)}")
                write(path, "")
        elif step == "read":
            await reader.read()
    assert reader.numbers == (expected[:-1] if rest else expected)
    reader.log.close()
