"""The page at ``/``: each source, its state, and where to look next. One HTML text without outside parts."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from string import Template
from typing import Any

from exporters.collection import Status

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="$refresh">
<title>$name exporter</title>
<style>
  :root { color-scheme: light dark; --line: #8884; --dim: #888; }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 3rem auto; padding: 0 1rem; }
  h1 { font-size: 1.4rem; margin: 0; }
  p { color: var(--dim); margin: .2rem 0 1.5rem; }
  nav a { margin-right: 1.2rem; color: inherit; }
  table { border-collapse: collapse; width: 100%; margin: 1.5rem 0; font-variant-numeric: tabular-nums; }
  th, td { text-align: left; vertical-align: top; padding: .5rem .8rem .5rem 0; border-bottom: 1px solid var(--line); }
  th { font-weight: 600; color: var(--dim); font-size: .85rem; }
  .state { font-weight: 600; white-space: nowrap; }
  .up { color: #1a8f4c; } .partial { color: #b7791f; } .down { color: #d03b3b; } .starting { color: var(--dim); }
  .fixed { white-space: nowrap; }
  ul { margin: 0; padding: 0; list-style: none; overflow-wrap: anywhere; }
</style>
</head>
<body>
<h1>$name</h1>
<p>Each source is collected every $interval s in the background; a scrape reads what is known.</p>
<nav><a href="/metrics">Metrics</a><a href="/-/ready">Ready</a><a href="/-/healthy">Healthy</a></nav>
<table>
<tr><th>Source</th><th>State</th><th>Last success (UTC)</th><th>Took</th><th>Last error</th></tr>
$rows
</table>
</body>
</html>
""")

_SHOWN_PROBLEMS = 10


def page(name: str, interval: float, statuses: Sequence[Status[Any]]) -> str:
    """Render the page of the exporter `name`."""
    rows = "\n".join(_row(status) for status in statuses)
    return _PAGE.substitute(name=escape(name), interval=f"{interval:g}", refresh=max(2, round(interval)), rows=rows)


def state(status: Status[Any]) -> str:
    """One word: ``starting`` until tried, ``down``, ``partial`` when parts are missing, ``up``."""
    if not status.attempts:
        return "starting"
    if status.error:
        return "down"
    return "partial" if status.problems else "up"


def _row(status: Status[Any]) -> str:
    word = state(status)
    success = "never" if status.last_success is None else _time(status.last_success)
    took = "" if status.duration is None else f"{status.duration * 1000:.0f} ms"
    return (
        f'<tr><td>{escape(status.source)}</td><td class="state {word}">{word}</td>'
        f'<td class="fixed">{success}</td><td class="fixed">{took}</td><td>{_problems(status)}</td></tr>'
    )


def _time(timestamp: float) -> str:
    return f"{datetime.fromtimestamp(timestamp, UTC):%F %T}"


def _problems(status: Status[Any]) -> str:
    problems = [f"{problem.reason}: {problem.message}" for problem in status.problems]
    if not problems and status.last_problem:
        at, problem = status.last_problem
        problems = [f"{_time(at)} {problem.reason}: {problem.message} (over)"]
    lines = problems[:_SHOWN_PROBLEMS]
    if len(problems) > len(lines):
        lines.append(f"and {len(problems) - len(lines)} more")
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>" if lines else ""
