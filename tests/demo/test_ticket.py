"""Ids that nobody can make up."""

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from demo import ticket
from demo.kafka import Position

SECRET = b"a secret of the test"
POSITIONS = st.builds(Position, st.integers(0, 10**9 - 1), st.integers(0, 10**18 - 1))


@given(POSITIONS)
def test_a_ticket_gives_its_position_back(position: Position) -> None:
    """Only to whoever has the secret."""
    issued = ticket.issue(SECRET, position)
    assert ticket.read(SECRET, issued) == position
    assert ticket.read(b"another secret", issued) is None


@given(POSITIONS, st.text(max_size=60))
@example(Position(1, 7), "1-7-")
@example(Position(1, 7), "")
def test_anything_else_is_no_ticket(position: Position, text: str) -> None:
    """Whatever text comes."""
    assert text == ticket.issue(SECRET, position) or ticket.read(SECRET, text) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda issued: f"0{issued}",
        lambda issued: issued.replace("1-7-", "1-8-"),
        lambda issued: issued.replace("1-7-", "1-07-"),
        lambda issued: issued.replace("1-7-", "١-7-"),
        lambda issued: issued[:-1],
        lambda issued: f"{issued}0",
        lambda issued: f"{issued}\n",
        str.upper,
    ],
)
def test_a_changed_ticket_is_none(change: Callable[[str], str]) -> None:
    """Not even one that stands for the same numbers."""
    issued = ticket.issue(SECRET, Position(1, 7))
    assert ticket.read(SECRET, change(issued)) is None or change(issued) == issued
