"""What happened: the annotations of a dashboard, each a span of time or a moment. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

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
    """The newest events, newest first, and how many there were of each kind that was asked for."""

    shown: tuple[Event, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def left_out(self) -> int:
        """How many are older than those."""
        return sum(self.counts.values()) - len(self.shown)


def events(answers: Sequence[tuple[Annotation, Sequence[Series]]], window: Window) -> Events:
    """Read the annotations' answers: samples that follow each other are one event, a gap begins another."""
    found = [
        _event(annotation, one, run, window)
        for annotation, several in answers
        for one in several
        for run in _runs(one.points, window.step)
    ]
    ordered = sorted(found, key=lambda event: (-event.begin, event.title, event.text))
    counts = Counter(event.kind for event in found)
    return Events(tuple(ordered[:MAX_EVENTS]), {annotation.name: counts[annotation.name] for annotation, _ in answers})


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
