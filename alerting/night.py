"""The digest of a night: every alert that quiet hours held back, when it fired, how long, and how it stands. Pure."""

import json
from collections.abc import Iterator, Sequence

from alerting.config import LinkSettings
from alerting.model import Episode, Hold, Notice
from alerting.text import code, escape, link, one_line, when, width
from alerting.units import duration, quantity
from alerting.view import Line, View, view

ROOM = 11_000
"""Of one message, in UTF-16 units of its lines as JSON. A night that needs more has several."""

LINKS = ("Dashboard", "Runbook")


def morning(held: Sequence[Episode], until: Hold, links: LinkSettings) -> tuple[Notice, ...]:
    """Return the digest of one channel: one message, or as few as hold every alert."""
    views = [view(episode, links, len(episode.alerts)) for episode in held]
    pages = list(_pages([(_head(seen), _lines(seen)) for seen in views]))
    alerts = sum(len(seen.alerts) + seen.truncated for seen in views)
    burning = sum(seen.firing + sum(seen.suppressed.values()) for seen in views)
    told = f"☀️ {_count(alerts)} held until {until}: {burning or 'none'} still {'fires' if burning < 2 else 'fire'}"
    return tuple(
        Notice((), told if len(pages) == 1 else f"{told} ({number} of {len(pages)})", "\n".join(page))
        for number, page in enumerate(pages, start=1)
    )


def _count(alerts: int) -> str:
    return "1 alert was" if alerts == 1 else f"{alerts} alerts were"


def _head(seen: View) -> str:
    links = [made for name in LINKS if (made := link(seen.links.get(name, ""), name))]
    name = f"*{escape(one_line(seen.name), 150).replace('*', '∗')}*"
    summary = escape(one_line(seen.summary), 200)
    return " · ".join(part for part in (name, summary, *links) if part)


def _lines(seen: View) -> list[str]:
    left_out = [f"• and {seen.truncated} that Alertmanager did not list"] if seen.truncated else []
    return [*(_line(line, seen.severity) for line in seen.alerts), *left_out]


def _line(line: Line, severity: str) -> str:
    names = " ".join(f"{name}={value}" for name, value in line.labels.items()) or severity
    value = f" {escape(one_line(quantity(line.value, line.unit)), 40)}" if line.value is not None else ""
    since = f"{code(names, 180)}{value} since {when(line.starts_at)}"
    if line.suppressed:
        return f"• 🔕 {since}, {line.suppressed} now"
    if line.firing:
        return f"• 🔥 {since}, still firing"
    lasted = f", over after {duration(line.ends_at - line.starts_at)}" if line.ends_at else ", over"
    return f"• ✅ {since}{lasted}"


def _pages(groups: Sequence[tuple[str, Sequence[str]]]) -> Iterator[list[str]]:
    """Lay the lines out in messages; a group that goes on in the next one begins with its head there too."""
    page: list[str] = []
    room = ROOM
    for head, lines in groups:
        heads = [head]
        for line in lines:
            needed = _size(*heads, line)
            if page and needed > room:
                yield page
                page, room, heads = [], ROOM, [head]
                needed = _size(head, line)
            page += [*heads, line]
            room -= needed
            heads = []
    yield page


def _size(*lines: str) -> int:
    return sum(width(json.dumps(line, ensure_ascii=False)) for line in lines)
