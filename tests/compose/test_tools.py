"""What is missing is brought in order, and what only root can bring is told in one line."""

import pytest

from compose.native import tools
from compose.native.tools import NeedsRoot, Tool, ToolMissing

Brought = list[str]


def tool(brought: Brought, name: str, refusal: ToolMissing | None = None, needs: str = "") -> Tool:
    """A tool that is there once it was brought; it refuses, or needs another to be there before."""

    def install() -> None:
        if refusal:
            raise refusal
        if needs and needs not in brought:
            raise ToolMissing(f"{needs} is not installed")
        brought.append(name)

    return Tool(name, "Debian", lambda: name in brought, install)


def test_what_is_there_is_left_alone() -> None:
    """Each missing tool is told before it is brought and after."""
    brought = ["java"]
    found = [tool(brought, "java"), tool(brought, "maven"), tool(brought, "kafka", needs="maven")]
    assert [one.name for one in tools.install(found)] == ["maven", "maven", "kafka", "kafka"]
    assert brought == ["java", "maven", "kafka"]


def test_what_only_root_can_bring_is_one_line() -> None:
    """All that can be brought is; then everything that can't is told at once, without what follows from it."""
    brought: Brought = []
    found = [
        tool(brought, "java", NeedsRoot("apt-get install -y java")),
        tool(brought, "prometheus"),
        tool(brought, "maven", NeedsRoot("apt-get install -y maven")),
        tool(brought, "kafka", needs="maven"),
    ]
    with pytest.raises(ToolMissing) as caught:
        list(tools.install(found))
    assert brought == ["prometheus"]
    assert str(caught.value) == (
        "some of it only root can install. Run this, then the same again:\n"
        "sudo sh -c 'apt-get update && apt-get install -y java && apt-get install -y maven'"
    )


def test_any_other_failure_ends_it() -> None:
    """Nothing is told twice, and what comes after is not begun."""
    brought: Brought = []
    found = [tool(brought, "prometheus", ToolMissing("no such package")), tool(brought, "java")]
    with pytest.raises(ToolMissing, match="no such package"):
        list(tools.install(found))
    assert brought == []


def test_what_was_installed_and_is_not_found_is_said() -> None:
    """An older version that stands first on PATH, say."""
    found = [Tool("java", "Debian", lambda: False, lambda: None)]
    with pytest.raises(ToolMissing, match="java was installed and still can't be found"):
        list(tools.install(found))
