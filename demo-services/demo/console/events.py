"""What happened: the annotations of a dashboard, each a span of time or a moment. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from demo.console import series as naming
from demo.console.display import State, state
from demo.console.panels import Annotation
from demo.console.series import Point, Series
from demo.console.timerange import Window

MAX_EVENTS = 40
"""Events on one page: the newest ones, all others are counted."""


@dataclass(frozen=True)
class Event:
    """Something that went on from `begin` to `end`, Unix seconds; both are one for what was seen only once."""

    kind: str
    """Name of the annotation, such as ``Restarts``."""
    title: str
    text: str
    state: State
    begin: float
    end: float
    goes_on: bool
    """Whether it was there at the window's end."""


@dataclass(frozen=True)
class Events:
    """The newest events, newest first, and how many are older."""

    shown: tuple[Event, ...] = ()
    left_out: int = 0


def events(answers: Sequence[tuple[Annotation, Sequence[Series]]], window: Window) -> Events:
    """Read the annotations' answers: samples that follow each other are one event, a gap begins another."""
    found = [
        _event(annotation, one, run, window)
        for annotation, several in answers
        for one in several
        for run in _runs(one.points, window.step)
    ]
    ordered = sorted(found, key=lambda event: (-event.begin, event.title, event.text))
    return Events(tuple(ordered[:MAX_EVENTS]), max(0, len(ordered) - MAX_EVENTS))


def _event(annotation: Annotation, one: Series, run: tuple[float, float], window: Window) -> Event:
    title = naming.name(one.labels, annotation.title) if annotation.title else annotation.name
    text = naming.name(one.labels, annotation.text) if annotation.text else ""
    begin, end = run
    return Event(annotation.name, title, text, state(annotation.colour), begin, end, end >= window.end)


def _runs(points: Sequence[Point], step: float) -> Iterator[tuple[float, float]]:
    """First and last instant of each row of samples without a gap."""
    begin = before = points[0][0]
    for at, _ in points[1:]:
        if at - before > step * 1.5:
            yield begin, before
            begin = at
        before = at
    yield begin, before
