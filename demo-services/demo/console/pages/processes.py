"""The state of every process, at the end of the overview."""

from collections.abc import Mapping, Sequence

from demo.console import processes, units
from demo.console.pages.words import Words, scrolled
from demo.console.processes import SICK, Process

COLUMNS: Mapping[str, str] = {
    "part": "",
    "state": "",
    "pid": "figure",
    "cores": "figure",
    "memory": "figure",
    "what it does": "",
    "log": "",
}
"""Heading -> class of its cells."""

IN_CONTAINERS = (
    "In containers no process sees the others: state, cores and memory are what Prometheus scraped. "
    "“docker compose -f compose/compose.yaml ps” and “logs” tell the rest."
)

NOTHING = "—"


class ProcessesView:
    """A table with a line for each process, and above the page's path how they are in a few words."""

    def __init__(self, summary: Words, *, native: bool) -> None:
        """Make an empty table; `summary` is the link that leads to it."""
        self._summary = summary
        self._lines: dict[str, ProcessView] = {}
        with Words("section", classes="card processes") as card:
            card.props["id"] = "processes"
            Words("h2", "Processes")
            if not native:
                Words("p", IN_CONTAINERS, "quiet")
            self._notice = Words("p", "looking …", "notice")
            with Words("div", classes="wide") as box:
                scrolled(box, "Processes")
                with Words("table", classes="table"):
                    with Words("thead"):
                        for heading in _row("th")[1]:
                            heading.props["scope"] = "col"
                    self._body = Words("tbody")

    def show(self, state: Sequence[Process] | Exception) -> None:
        """Bring every line up to date, or say why they can't be looked at."""
        self._notice.set_visibility(isinstance(state, Exception))
        if isinstance(state, Exception):
            self._notice.text = str(state)
            self._notice.classes("notice-failed")
            self._summary.text = "Processes can't be looked at"
            return
        self._summary.text = processes.summary(state)
        self._summary.classes(replace="sick" if any(one.state in SICK for one in state) else "quiet")
        with self._body:
            for one in state:
                if one.name not in self._lines:
                    self._lines[one.name] = ProcessView()
                self._lines[one.name].show(one)


class ProcessView:
    """One line, and below it the end of the log of a process that has ended."""

    def __init__(self) -> None:
        """Make it empty."""
        self._row, self._cells = _row("td")
        with Words("tr") as self._after, Words("td") as cell:
            cell.props["colspan"] = len(COLUMNS)
            self._end = Words("pre")
        self._after.set_visibility(False)

    def show(self, one: Process) -> None:
        """Write it; a cell that says the same as before costs nothing."""
        written = (
            one.name,
            one.state,
            str(one.pid) if one.pid is not None else NOTHING,
            f"{one.cores:.2f}" if one.cores is not None else NOTHING,
            units.text(one.memory, "decbytes"),
            one.what,
            one.log or NOTHING,
        )
        for cell, text in zip(self._cells, written, strict=True):
            cell.text = text
        self._row.classes(replace=f"process process-{one.state.replace(' ', '-')}")
        self._end.text = one.end
        self._after.set_visibility(bool(one.end))


def _row(tag: str) -> tuple[Words, list[Words]]:
    with Words("tr") as made:
        return made, [Words(tag, name if tag == "th" else "", classes) for name, classes in COLUMNS.items()]
