"""Prometheus' text format 0.0.4 -> samples of the families that are wanted, read as the text arrives.

The format is https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details. A gateway repeats the
same series at every read, so what stands before the value is understood once and remembered; a line then costs one
look-up and one ``float``. Everything that is not wanted is still checked, so that a page that is no such text is never
taken for one without the wanted families.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

REMEMBERED = 200_000
"""Series whose labels are kept; beyond, all are forgotten and learnt again."""

# possessive throughout: no line, however hostile, is tried twice
_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*+"
_LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*+)\s*+=\s*+"((?:[^"\\]|\\.)*+)"\s*+'
_SERIES = re.compile(rf"({_NAME})\s*+(?:\{{\s*+((?:{_LABEL}(?:,\s*+{_LABEL})*+)?+)(?:,\s*+)?+\}})?+")
_LABELS = re.compile(_LABEL)
_ESCAPE = re.compile(r"\\(.)")
_LONGEST_LINE = 64 * 1024


class TextError(Exception):
    """The text is not Prometheus' format; the message shows the line, shortened."""


class Sample(NamedTuple):
    """One line: of a wanted family, its value finite or not."""

    name: str
    labels: Mapping[str, str]
    value: float


Series = tuple[str, Mapping[str, str]]


class Vocabulary:
    """What stands before the values, understood once; shared by all readers that want the same families."""

    def __init__(self, wanted: Callable[[str], bool], remembered: int = REMEMBERED) -> None:
        """`wanted` is asked once for each series, with the name of its metric; `remembered` are kept at most."""
        self._wanted = wanted
        self._remembered = remembered
        self.known: dict[str, Series | None] = {}
        """Name and labels by what is written; None for what is not wanted."""

    def series(self, text: str) -> Series | None:
        """Name and labels of the series that `text` writes, None when it is not wanted.

        Raises TextError when it is no series.
        """
        try:
            return self.known[text]
        except KeyError:
            pass
        found = self._read(text)
        if len(self.known) >= self._remembered:
            self.known.clear()
        self.known[text] = found
        return found

    def _read(self, text: str) -> Series | None:
        match = _SERIES.fullmatch(text)
        if match is None:
            raise TextError(f"not a sample: {text[:80]!r}")
        name, labels = match[1], match[2] or ""
        if not self._wanted(name):
            return None
        return name, {label: _unescaped(value) for label, value in _LABELS.findall(labels)}


class Reader:
    """Samples of one answer, fed as it arrives: no more of it is held than a line."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        """`vocabulary` says what is wanted, and remembers between answers."""
        self.samples: list[Sample] = []
        self._vocabulary = vocabulary
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        """Read the lines that `chunk` completes; raises TextError at the first that is none."""
        whole, newline, rest = (self._rest + chunk).rpartition(b"\n")
        self._rest = rest
        if len(rest) > _LONGEST_LINE:
            raise TextError(f"a line is longer than {_LONGEST_LINE} bytes")
        if newline:
            self._lines(whole)

    def close(self) -> list[Sample]:
        """All samples; raises TextError when the last line has no end."""
        if self._rest:
            raise TextError("the text is cut: its last line has no end")
        return self.samples

    def _lines(self, whole: bytes) -> None:
        try:
            lines = whole.decode().split("\n")
        except UnicodeDecodeError as error:
            raise TextError(f"not UTF-8 text: {error.reason}") from error
        known, add = self._vocabulary.known, self.samples.append
        for line in lines:
            if not line or line[0] == "#":
                continue
            text, _, value = line.rpartition(" ")
            try:
                found = known[text]
                number = float(value)
            except (KeyError, ValueError):
                found, number = self._unfamiliar(line)
            else:
                if "_" in value:  # Python's float reads 1_000
                    raise TextError(f"not a sample: {line[:80]!r}")
            if found:
                add(Sample(found[0], found[1], number))

    def _unfamiliar(self, line: str) -> tuple[Series | None, float]:
        """Read a line whose series is new, or that has a timestamp or more spaces than it needs."""
        # a value never holds a brace, a label's may
        end = line.rfind("}") + 1 or line.find(" ")
        words = line[end:].split() if end > 0 else []
        try:
            number, *timestamp = words
            if len(timestamp) > 1 or "_" in number:
                raise ValueError
            _ = [int(stamp) for stamp in timestamp]
            return self._vocabulary.series(line[:end].strip()), float(number)
        except ValueError:
            raise TextError(f"not a sample: {line[:80]!r}") from None


def read(text: bytes, vocabulary: Vocabulary) -> list[Sample]:
    """Samples of a whole answer; raises TextError."""
    reader = Reader(vocabulary)
    reader.feed(text)
    return reader.close()


def _unescaped(value: str) -> str:
    return _ESCAPE.sub(lambda match: "\n" if match[1] == "n" else match[1], value) if "\\" in value else value
