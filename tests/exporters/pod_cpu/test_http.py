"""An answer as it comes: packed or not, cut, or made to fill the memory."""

import gzip

import pytest

from exporters.errors import Reason, SourceError
from exporters.pod_cpu.http import PIECE, Body

TEXT = b"".join(b"line %d\n" % number for number in range(50_000))


@pytest.mark.parametrize(("content", "packed"), [(TEXT, False), (gzip.compress(TEXT), True), (b"", False)])
def test_a_whole_answer(content: bytes, packed: bool) -> None:
    """Is what was sent."""
    assert Body(content, packed, 10**6, "where").whole() == (TEXT if content else b"")


def test_a_long_answer_never_stands_in_memory_as_a_whole() -> None:
    """It comes in pieces."""
    pieces = [len(chunk) for chunk in Body(gzip.compress(TEXT), True, 10**6, "where").chunks()]
    assert len(pieces) > len(gzip.compress(TEXT)) // PIECE
    assert max(pieces) < len(TEXT) / 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(bytes(10**8)), "where: answer is larger than 1000000 bytes"),
        (gzip.compress(TEXT)[:-9], "where: answer is cut"),
        (b"<html>", "where: not gzip, as it says: Error -3 while decompressing data: incorrect header check"),
    ],
)
def test_an_answer_that_is_none(content: bytes, message: str) -> None:
    """A hundred megabytes of nothing take a hundred kilobytes on their way."""
    with pytest.raises(SourceError) as caught:
        Body(content, True, 10**6, "where").whole()
    assert (caught.value.reason, caught.value.message) == (Reason.INVALID_ANSWER, message)
