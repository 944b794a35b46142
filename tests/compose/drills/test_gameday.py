"""A game day: an order for each seed, and a report that is there from the beginning."""

from collections.abc import Sequence
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import cast

import httpx
import pytest
from rich.console import Console

from compose.addresses import native
from compose.drills.course import Course
from compose.drills.gameday import charted, order, play, report_path
from compose.drills.observer import Observer
from compose.drills.table import DRILLS
from compose.native.stack import Stack, StackError

QUIET = Console(file=StringIO())


class Silent:
    """An observer whose Prometheus does not answer."""

    def series(self, query: str, start: float, end: float, step: float) -> Sequence[tuple[float, float]]:
        """Fail."""
        raise httpx.ConnectError("Connection refused")


SILENT = cast(Observer, Silent())


@pytest.mark.parametrize("seed", [0, 7, 999_999])
def test_a_seed_is_an_order_of_all_drills(seed: int) -> None:
    """The same each time, and every drill once."""
    assert order(seed) == order(seed)
    assert sorted(order(seed)) == sorted(DRILLS)


def test_seeds_differ() -> None:
    """Or it would not be random."""
    assert len({tuple(order(seed)) for seed in range(20)}) > 15


def test_a_day_on_which_nothing_can_be_drilled_has_its_report(tmp_path: Path) -> None:
    """A stack without parts: what needs one is told as not run, the rest as failed, and each has its section."""
    stack = Stack(tmp_path, native(tmp_path, 1), [])
    path = report_path(tmp_path, datetime(2026, 11, 25, 9, 0, tzinfo=UTC), 7)
    with Observer(stack.book) as observer:
        courses = play(stack, 7, observer, QUIET, path)
    assert path == tmp_path / "game-day" / "20261125-090000-7.html"
    assert [course.drill for course in courses] == order(7)
    assert {course.drill for course in courses if course.prevented} == {"broker", "throttled", "deadman"}
    text = path.read_text(encoding="utf-8")
    assert all(f'id="{name}"' in text for name in DRILLS)


def test_a_report_that_can_not_be_written_is_said_at_once(tmp_path: Path) -> None:
    """Before anything is broken."""
    (tmp_path / "game-day").write_text("a file", encoding="utf-8")
    stack = Stack(tmp_path, native(tmp_path, 1), [])
    with pytest.raises(StackError, match=r"The report can't be written to .*7\.html: File exists\."):
        play(stack, 7, SILENT, QUIET, report_path(tmp_path, datetime.now(UTC), 7))


def test_without_prometheus_a_report_has_no_chart() -> None:
    """What was seen in Slack is still told."""
    course = Course("lag", 1000.0, ended_at=1100.0, annotations={"query": "up", "unit": "s", "threshold": "30"})
    (played,) = charted([course], SILENT)
    assert (played.course, played.line) == (course, None)
