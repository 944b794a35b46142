"""Tables for people: the parts of the stack, the results of drills."""

from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from compose.drills.course import Course
from compose.native.stack import Status

WIDE = 125
COLOURS = {"ready": "green", "starting": "yellow", "stopped": "bold red"}


def plain(text: str) -> str:
    """Text that may hold square brackets, safe to print as markup."""
    return escape(text)


def table(statuses: Sequence[Status], width: int) -> Table:
    """Every part on a line, and what they use together; what each is for is left out where `width` is small."""
    result = Table(box=None, header_style="bold", pad_edge=False, show_footer=True)
    if statuses:
        result.caption = f"logs are in {_short(statuses[0].log.parent)}/"
        result.caption_justify = "left"
    cores = sum(one.cores for one in statuses)
    memory = sum(one.memory for one in statuses)
    result.add_column("part", footer=f"{len(statuses)} parts", no_wrap=True)
    result.add_column("state", no_wrap=True)
    result.add_column("url", no_wrap=True)
    result.add_column("pid", justify="right", no_wrap=True)
    result.add_column("cores", justify="right", footer=f"{cores:.2f}", no_wrap=True)
    result.add_column("MB", justify="right", footer=f"{memory / 1e6:.0f}", no_wrap=True)
    result.add_column("log", no_wrap=True)
    if width >= WIDE:
        result.add_column("what")
    for one in statuses:
        row = [one.part.name, f"[{COLOURS[one.state]}]{one.state}[/]", one.url, *_use(one), one.log.name, one.part.what]
        result.add_row(*row[: len(result.columns)])
    return result


def _use(one: Status) -> tuple[str, str, str]:
    """Pid, cores and megabytes; dashes for a part that is not there, because nothing is not zero."""
    if one.pid is None:
        return "–", "–", "–"
    return str(one.pid), f"{one.cores:.2f}", f"{one.memory / 1e6:.0f}"


def drills(courses: Sequence[Course]) -> Table:
    """One drill a line; what went wrong, and what came beside its alert and may, follows below it."""
    result = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("drill", "breach → Slack s", "recovery → Slack s", "message", "ok"):
        result.add_column(name, justify="right" if " s" in name else "left", overflow="fold")
    for one in courses:
        mark = "[green]yes[/]" if one.ok else "[yellow]not run[/]" if one.prevented else "[bold red]no[/]"
        result.add_row(one.drill, _seconds(one.fired_after), _seconds(one.resolved_after), plain(one.link or "–"), mark)
        for problem in one.problems:
            result.add_row("", "", "", f"[red]{plain(problem)}[/]", "")
        for text in (*one.accepted, *([one.prevented] if one.prevented else [])):
            result.add_row("", "", "", f"[dim]{plain(text)}[/]", "")
    return result


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
