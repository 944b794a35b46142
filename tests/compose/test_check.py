"""What `bongsu doctor` says of a machine."""

from pathlib import Path

from compose import check
from compose.addresses import native
from compose.native.stack import Stack
from compose.native.tools import Tool


def tool(name: str, present: bool) -> Tool:
    """One that is there or not."""
    return Tool(name, "Debian", lambda: present, lambda: None)


def test_what_the_stack_lacks_is_a_fault(tmp_path: Path) -> None:
    """Each program has its line; one that is not there says what brings it."""
    stack = Stack(tmp_path, native(tmp_path), [])
    lines = {line.text: line.ok for line in check.machine(stack, [tool("Java", False), tool("Prometheus", True)])}
    assert lines["Java: `make setup` brings it (Debian)"] is False
    assert lines["Prometheus"] is True
