"""The whole stack, once for all end-to-end tests, with its steady load."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from compose.native.parts import PARTS
from compose.native.stack import Stack


@pytest.fixture(scope="session")
def whole(parts: Callable[..., AbstractContextManager[Stack]]) -> Iterator[Stack]:
    """Every part, ready, on free ports."""
    with parts(*(part.name for part in PARTS)) as stack:
        yield stack
