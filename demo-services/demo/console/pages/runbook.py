"""/runbooks/<Alert>: what to do when an alert fires, from the Markdown that is beside the code."""

import re
from pathlib import Path

from nicegui import ui

from demo.console.console import Console
from demo.console.pages.frame import frame
from demo.console.pages.words import Words, link


def add(console: Console) -> None:
    """Add the page, and the list of all runbooks."""
    folder = console.settings.runbooks

    @ui.page("/runbooks/{alert}")
    def show(alert: str) -> None:
        with frame(console, alert, f"/runbooks/{alert}"):
            text = read(folder, alert)
            if text is None:
                ui.status_code(404)
                Words("h1", "No such runbook")
                Words("p", f"There is no runbook for {alert}.")
                _list(folder)
                return
            with Words("article", classes="runbook"):
                ui.markdown(text)

    @ui.page("/runbooks")
    def every() -> None:
        with frame(console, "Runbooks", "/runbooks"):
            Words("h1", "Runbooks")
            _list(folder)


def read(folder: Path, alert: str) -> str | None:
    """Text of an alert's runbook; None when there is none, or when `alert` is no name of an alert.

    ``Alert.md`` is understood as well: that is how the runbooks, read as files, refer to each other.
    """
    alert = alert.removesuffix(".md")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,100}", alert):
        return None
    try:
        return (folder / f"{alert}.md").read_text(encoding="utf-8")
    except OSError:
        return None


def _list(folder: Path) -> None:
    with Words("ul", classes="list"):
        for file in sorted(folder.glob("*.md")):
            with Words("li"):
                link(file.stem, f"/runbooks/{file.stem}")
