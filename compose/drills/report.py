"""A game day as one HTML file that asks nobody for anything. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from alerting.units import duration
from compose.drills import chart
from compose.drills.course import Course
from compose.drills.table import DRILLS, Drill
from demo.slack import view

HERE = Path(__file__).parent
STYLES = (view.TEMPLATES.parent / "static" / "slack.css", HERE / "report.css")

MOMENTS = {
    "broken_at": "The cause begins",
    "breached_at": "The rule's expression holds",
    "told_at": "Slack has the message",
    "mended_at": "The cause is gone",
    "recovered_at": "The rule's expression holds no more",
    "resolved_at": "The message says that it is over",
}
"""The times of a course, in words."""

OF_THE_RULE = {"breached_at", "recovered_at"}
"""What a drill that is blind can't know."""

CHARTED = {"broken_at": "broken", "told_at": "told", "mended_at": "mended", "resolved_at": "over"}
"""Those that a chart marks, in a word."""

_environment = Environment(
    loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


@dataclass(frozen=True)
class Played:
    """A drill that was run, with the series of its alert around it; None where there was none to ask for."""

    course: Course
    line: chart.Line | None
    window: chart.Window


@dataclass(frozen=True)
class Day:
    """A game day: its seed, the drills in their order, and those of them that were played so far."""

    seed: int
    order: Sequence[str]
    played: Sequence[Played]


def page(day: Day) -> str:
    """Write the whole page."""
    return _environment.get_template("report.html").render(
        day=day,
        styles=Markup("\n".join(path.read_text(encoding="utf-8") for path in STYLES)),
        sections=[_section(played) for played in day.played],
        timeline=_timeline(day),
        **_summary(day),
    )


def _summary(day: Day) -> Mapping[str, object]:
    courses = [played.course for played in day.played]
    began = min((course.began_at for course in courses), default=None)
    ended = max((course.ended_at or course.began_at for course in courses), default=None)
    return {
        "began": None if began is None else f"{datetime.fromtimestamp(began, UTC):%Y-%m-%d %H:%M:%S} UTC",
        "lasted": None if began is None or ended is None else duration(timedelta(seconds=ended - began)),
        "passed": sum(course.ok for course in courses),
        "failed": [course.drill for course in courses if course.problems],
        "prevented": [course.drill for course in courses if course.prevented],
        "left": list(day.order[len(courses) :]),
    }


def _section(played: Played) -> Mapping[str, object]:
    course, drill = played.course, DRILLS[played.course.drill]
    return {
        "course": course,
        "drill": drill,
        "verdict": _verdict(course),
        "broken": _sentence(drill),
        "moments": [
            (MOMENTS[field], _clock(at), f"{at - course.began_at:.0f} s")
            for field, at in _moments(course)
            if not (drill.blind and field in OF_THE_RULE)
        ],
        "chart": _chart(played),
        "messages": [
            (words, view.content(message))
            for words, message in (("as it fired", course.firing), ("as it stands", course.over))
            if message
        ],
        "thread": [(_clock(float(reply["ts"])), view.content(reply)) for reply in course.thread],
    }


def _verdict(course: Course) -> str:
    return "not run" if course.prevented else "passed" if course.ok else "failed"


def _sentence(drill: Drill) -> str:
    stage = "".join(f", while {breakage}" for breakage in drill.stage)
    return f"{drill.cause[0].upper()}{drill.cause[1:]}{stage}."


def _moments(course: Course) -> list[tuple[str, float]]:
    found = ((field, getattr(course, field)) for field in MOMENTS)
    return sorted(((field, at) for field, at in found if at is not None), key=lambda moment: moment[1])


def _chart(played: Played) -> Markup | None:
    if played.line is None or not played.line.points:
        return None
    expects = DRILLS[played.course.drill].expects
    shown = [(CHARTED[field], at) for field, at in _moments(played.course) if field in CHARTED]
    return chart.figure(f"What {expects.alert} looks at", played.line, played.window, shown)


def _timeline(day: Day) -> list[Mapping[str, object]]:
    """Each drill's place on the day: left edge and width in percent, and its times."""
    courses = [played.course for played in day.played if played.course.ended_at]
    if not courses:
        return []
    start, end = courses[0].began_at, max(course.ended_at or 0.0 for course in courses)
    span = max(1.0, end - start)

    def share(seconds: float) -> str:
        return f"{100 * seconds / span:.2f}"

    return [
        {
            "drill": course.drill,
            "verdict": _verdict(course),
            "left": share(course.began_at - start),
            "width": share((course.ended_at or course.began_at) - course.began_at),
            "burning": None
            if course.told_at is None
            else (share(course.told_at - start), share((course.resolved_at or end) - course.told_at)),
            "when": f"{_clock(course.began_at)} to {_clock(course.ended_at or course.began_at)}",
        }
        for course in courses
    ]


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"
