"""Every drill in random order, and a report that is whole after each of them."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import httpx
from rich.console import Console

from alerting.units import number
from compose.drills import report
from compose.drills.chart import Line, Window
from compose.drills.course import Course
from compose.drills.observer import Observer
from compose.drills.report import Day, Played
from compose.drills.run import run
from compose.drills.table import DRILLS
from compose.native.stack import Stack, StackError

AROUND = 60.0
"""Seconds that are charted before a drill and after it."""

POINTS = 240


def order(seed: int) -> list[str]:
    """Return the drills in the order of a seed: the same one for ever, as long as the drills are the same."""
    return Random(seed).sample(sorted(DRILLS), len(DRILLS))


def report_path(home: Path, now: datetime, seed: int) -> Path:
    """Where the report of a game day goes."""
    return home / "game-day" / f"{now.astimezone(UTC):%Y%m%d-%H%M%S}-{seed}.html"


def play(stack: Stack, seed: int, observer: Observer, console: Console, path: Path) -> list[Course]:
    """Run them, and write the report after each: what came so far is there also when somebody stops it.

    Raises StackError when it can't be written, which shows before anything is broken.
    """
    names = order(seed)
    courses: list[Course] = []
    _write(path, Day(seed, names, []))
    for course in run(stack, names, observer, console):
        courses.append(course)
        _write(path, Day(seed, names, charted(courses, observer)))
    return courses


def _write(path: Path, day: Day) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(report.page(day), encoding="utf-8")
    except OSError as error:
        raise StackError(f"The report can't be written to {path}: {error.strerror}.") from error


def charted(courses: Sequence[Course], observer: Observer) -> list[Played]:
    """Add to each drill the series around it; that of the last goes on until now."""
    return [Played(course, _line(course, observer, window := _window(course)), window) for course in courses]


def _window(course: Course) -> Window:
    start, end = course.began_at - AROUND, min(time.time(), (course.ended_at or course.began_at) + AROUND)
    return Window(start, end, max(1.0, (end - start) / POINTS))


def _line(course: Course, observer: Observer, window: Window) -> Line | None:
    """The series that the alert is about, as its annotations say, or what the drill is to be watched by.

    None while Prometheus does not answer: the report is then without a chart, and the game day goes on.
    """
    if course.annotations:
        unit, threshold = course.annotations["unit"], number(course.annotations["threshold"])
        query = course.annotations["query"]
    elif watched := DRILLS[course.drill].watched:
        query, unit, threshold = watched, "s", None
    else:
        return None
    try:
        return Line(observer.series(query, window.start, window.end, window.step), unit, threshold)
    except httpx.HTTPError:
        return None
