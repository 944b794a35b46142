"""The scenarios of the load, on the overview."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from demo.console import stages
from demo.console.console import Console
from demo.console.load import LoadError, LoadState
from demo.console.pages.words import Words, button


class ScenariosView:
    """What the load plays, and a button for each other scenario."""

    def __init__(self, console: Console) -> None:
        """Make an empty list."""
        self._load = console.load
        self._drawn: LoadState | str | None = None
        with Words("section", classes="card scenarios"):
            Words("h2", "Scenarios")
            self._notice = Words("p", "asking the load …", "notice")
            self._list = Words("ul", classes="scenario-list")
            self._items: dict[str, ScenarioView] = {}

    def show(self, state: LoadState | Exception) -> None:
        """Bring the list up to date."""
        failed = isinstance(state, Exception)
        errors = "" if isinstance(state, Exception) else " ".join(state.fault_errors)
        self._notice.text = str(state) if failed else errors
        self._notice.classes(replace="notice notice-failed")
        self._notice.set_visibility(bool(self._notice.text))
        self._list.set_visibility(not failed)
        if isinstance(state, Exception):
            return
        if set(self._items) != {scenario.name for scenario in state.scenarios}:
            self._list.clear()
            with self._list:
                self._items = {
                    one.name: ScenarioView(one.title, one.description, self._press(one.name)) for one in state.scenarios
                }
        for name, item in self._items.items():
            item.show(running=name == state.current, remaining=state.remaining)

    def _press(self, name: str) -> Callable[[], Awaitable[None]]:
        async def press() -> None:
            try:
                await (self._load.stop() if self._items[name].stops else self._load.start(name))
                self.show(await self._load.state())
            except LoadError as error:
                ui.notify(str(error), type="negative", timeout=8000, actions=[{"label": "Close", "color": "white"}])

        return press


class ScenarioView:
    """One scenario; its button starts it, or stops it while it runs for a time."""

    def __init__(self, title: str, description: str, press: Callable[[], Awaitable[None]]) -> None:
        """Make it, not running."""
        self.stops = False
        with Words("li", classes="scenario") as self._row:
            with Words("div"):
                Words("h3", title)
                Words("p", description, "quiet")
            self._state = Words("span", "", "running")
            self._button = button("Start", press)
        self._button.props["aria-label"] = f"Start {title}"
        self._title = title

    def show(self, *, running: bool, remaining: float | None) -> None:
        """Say whether it runs and how long yet."""
        self.stops = running and remaining is not None
        self._row.classes(replace="scenario scenario-running" if running else "scenario")
        self._state.text = stages.remaining(remaining) if running else ""
        self._button.text = "Stop" if self.stops else "Start"
        self._button.props["aria-label"] = f"{self._button.text} {self._title}"
        self._button.set_visibility(not running or self.stops)
