"""A gateway's access log, followed as it is written: one JSON object a line.

Rotation, truncation and a half-written line lose nothing that stood in the file when it was read:
- Renamed (logrotate ``create``): the old file is read on, for the gateway writes to it until it is told to reopen.
- Truncated (``copytruncate``): reading starts again at its beginning. It is noticed by a file that is shorter than what
  was read, or whose last lines read are no longer there. What was written between the copy and the truncation is lost
  before anyone can read it.
- A line without an end is left until it has one.
"""

import asyncio
import json
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any

from exporters.errors import Reason, SourceError

SLICE = 256 * 1024
"""Bytes that are worked off at once; between two slices ``/metrics`` is served."""

LONGEST_LINE = 64 * 1024
REMEMBERED = 256
"""Bytes before the place that was read up to, which tell a file that was written anew from one that has grown."""

OLD_FILES = 3
OLD_FILE_QUIET = 60.0
"""Seconds without a new line after which a renamed file is let go."""

Entry = Mapping[str, Any]


@dataclass
class _Open:
    """A file and how far it was read."""

    file: FileIO
    position: int
    last: bytes = b""
    """What was read last, before `position`."""
    rest: bytes = b""
    """The line whose end was not written yet."""
    skipping: bool = False
    """Within a line that is too long."""
    touched: float = field(default=0.0)

    @property
    def identity(self) -> tuple[int, int]:
        status = os.fstat(self.file.fileno())
        return status.st_dev, status.st_ino


class AccessLog:
    """One log, from the end that it has when it is first read: what happened before is not counted."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        """`clock` gives seconds and never jumps."""
        self._path = path
        self._clock = clock
        self._files: list[_Open] = []
        self._started = False

    @property
    def opened(self) -> bool:
        """Whether there is a file to follow."""
        return bool(self._files)

    def close(self) -> None:
        """Let go of the files."""
        for opened in self._files:
            opened.file.close()
        self._files = []

    async def read(self, take: Callable[[Entry], None]) -> int:
        """Give each new line to `take`, and count the lines that are no JSON object.

        May be cancelled at any time: what was taken is not given again. Raises SourceError when there is no such file.
        """
        self._find()
        bad = 0
        for opened in tuple(self._files):
            bad += await self._follow(opened, take)
        self._let_go()
        return bad

    async def problems(self, take: Callable[[Entry], None]) -> list[SourceError]:
        """Read, and give what is wrong with the log instead of raising it: for a source that has more than a log."""
        try:
            bad = await self.read(take)
        except SourceError as error:
            return [error]
        return [SourceError(Reason.INVALID_ANSWER, f"{self._path}: has lines that are no JSON object")] if bad else []

    def last(self) -> Entry | None:
        """Give the last whole line of the newest file, read or not; None without one that is a JSON object."""
        if not self._files:
            return None
        descriptor = self._files[-1].file.fileno()
        end = os.fstat(descriptor).st_size
        start = max(0, end - LONGEST_LINE)
        *whole, _ = os.pread(descriptor, end - start, start).split(b"\n")
        entries: list[Entry] = []
        return entries[0] if whole and _taken(whole[-1], entries.append) else None

    def _find(self) -> None:
        """Open the file that has the name now, if it is another than before."""
        try:
            status = self._path.stat()
            if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for its writer, and everybody with it
                raise SourceError(Reason.INVALID_ANSWER, f"{self._path}: is no regular file")
            current = self._files[-1] if self._files else None
            if current is None or current.identity != (status.st_dev, status.st_ino):
                file = FileIO(self._path)
                # a file that appears later is new from its first line
                position = 0 if self._started else os.fstat(file.fileno()).st_size
                self._files.append(_Open(file, position, touched=self._clock()))
        except FileNotFoundError as error:
            self._started = True
            if not self._files:
                raise SourceError(Reason.UNREACHABLE, f"{self._path}: no such file") from error
        except OSError as error:
            reason = Reason.REFUSED if isinstance(error, PermissionError) else Reason.UNREACHABLE
            raise SourceError(reason, f"{self._path}: {error.strerror}") from error
        self._started = True

    def _let_go(self) -> None:
        quiet = self._clock() - OLD_FILE_QUIET
        old = self._files[:-1]
        for opened in old[:-OLD_FILES] + [one for one in old[-OLD_FILES:] if one.touched < quiet]:
            opened.file.close()
            self._files.remove(opened)

    async def _follow(self, opened: _Open, take: Callable[[Entry], None]) -> int:
        bad = 0
        if _written_anew(opened):
            opened.position, opened.last, opened.rest, opened.skipping = 0, b"", b"", False
        while chunk := os.pread(opened.file.fileno(), SLICE, opened.position):
            opened.position += len(chunk)
            opened.last = (opened.last + chunk)[-REMEMBERED:]
            opened.touched = self._clock()
            bad += _lines(opened, chunk, take)
            await asyncio.sleep(0)
        return bad


def _written_anew(opened: _Open) -> bool:
    if os.fstat(opened.file.fileno()).st_size < opened.position:
        return True
    return os.pread(opened.file.fileno(), len(opened.last), opened.position - len(opened.last)) != opened.last


def _lines(opened: _Open, chunk: bytes, take: Callable[[Entry], None]) -> int:
    *whole, rest = (opened.rest + chunk).split(b"\n")
    bad = 0
    for line in whole:
        if opened.skipping:  # its end
            opened.skipping = False
        elif line:
            bad += not _taken(line, take)
    if len(rest) > LONGEST_LINE:
        bad += not opened.skipping
        opened.skipping, rest = True, b""
    opened.rest = rest
    return bad


def _taken(line: bytes, take: Callable[[Entry], None]) -> bool:
    try:
        entry = json.loads(line)
        if b"\\u" in line:  # half of a pair of surrogates is JSON, and can't be written as UTF-8
            json.dumps(entry, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    if not isinstance(entry, dict):
        return False
    take(entry)
    return True
