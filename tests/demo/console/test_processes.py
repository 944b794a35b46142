"""What is said of the processes."""

from pathlib import Path

import pytest

from compose.addresses import native
from compose.native.stack import Stack
from demo.console.processes import Process, Processes, ProcessesError, scraped, summary
from demo.console.series import Series


def of(part: str, value: float) -> Series:
    """A series of one part."""
    return Series({"part": part}, ((1000, value),))


def test_in_containers_only_what_was_scraped_is_known() -> None:
    """Up and down are told apart, and both from what nobody scrapes; what is not known is not 0."""
    found = {
        one.name: one
        for one in scraped([of("users", 1), of("envoy", 0)], [of("users", 0.25)], [of("users", 5e7), Series({}, ())])
    }
    assert found["users"] == Process("users", found["users"].what, "scraped", cores=0.25, memory=5e7)
    assert found["envoy"] == Process("envoy", found["envoy"].what, "down")
    assert found["kafka"].state == "not known"
    assert {one.pid for one in found.values()} == {None}
    assert summary(tuple(found.values())) == "envoy is not running"


@pytest.mark.parametrize(
    ("states", "words"),
    [
        (("ready", "ready"), "2 of 2 processes ready"),
        (("scraped", "not known"), "1 of 2 processes scraped"),
        (("ready", "starting"), "b not ready"),
        (("stopped", "starting"), "a is not running"),
        (("stopped", "down"), "a, b are not running"),
    ],
)
def test_they_are_summed_up(states: tuple[str, ...], words: str) -> None:
    """The worst comes first, by name."""
    assert summary([Process(name, "", state) for name, state in zip("ab", states, strict=True)]) == words


async def test_a_damaged_record_is_a_sentence(tmp_path: Path) -> None:
    """The page says which file it is and what to do; one answer serves all pages."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "users.json").write_text("{")
    processes = Processes(Stack(tmp_path, native(tmp_path)))
    for _ in range(2):
        with pytest.raises(ProcessesError, match=r"users\.json is damaged"):
            await processes.state()
