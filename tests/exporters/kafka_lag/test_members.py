"""Reading what the leader of a classic group has written."""

import struct

import pytest
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from hypothesis import given
from hypothesis import strategies as st

from exporters.kafka_lag.members import MOST_TOPICS, assignment

topics = st.dictionaries(st.text(max_size=20), st.lists(st.integers(0, 2**31 - 1)), max_size=5)


@given(st.integers(0, 3), topics, st.none() | st.binary())
def test_what_a_client_library_writes_is_read(version: int, assigned: dict[str, list[int]], user_data: bytes) -> None:
    """Of every version, with whatever the assignor adds."""
    written = ConsumerProtocolMemberAssignment(version, list(assigned.items()), user_data).encode()
    assert assignment(written) == {topic: tuple(numbers) for topic, numbers in assigned.items()}


@given(st.binary())
def test_no_bytes_are_an_error(noise: bytes) -> None:
    """They are an assignment or they are not."""
    found = assignment(noise)
    assert found is None or all(isinstance(topic, str) for topic in found)


@pytest.mark.parametrize(("more", "readable"), [(0, True), (1, False)])
def test_endless_assignments_are_not_read(more: int, readable: bool) -> None:
    """A megabyte of empty names would hold up everybody."""
    count = MOST_TOPICS + more
    written = b"\0\1" + struct.pack(">i", count) + b"\0\0\0\0\0\0" * count
    assert (assignment(written) is not None) == readable
