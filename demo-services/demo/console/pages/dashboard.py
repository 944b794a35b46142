"""/d/<uid>: a dashboard with its variables, its time range and its refresh, all of them in the URL."""

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import urlencode

from fastapi import Request
from nicegui import ui

from demo.console import ask
from demo.console.ask import Chosen
from demo.console.console import Console
from demo.console.events import Events
from demo.console.interpolate import ALL
from demo.console.links import Here
from demo.console.pages.frame import Top, frame, short
from demo.console.pages.happened import HappenedView
from demo.console.pages.panel import PanelView, Seen
from demo.console.pages.words import Words
from demo.console.panels import Dashboard, Panel
from demo.console.prometheus import PrometheusError
from demo.console.timerange import GRID, TimeRangeError, Window, window
from demo.console.variables import SHOWN, VariableError

RANGES = {"now-5m": "5 minutes", "now-15m": "15 minutes", "now-30m": "30 minutes", "now-1h": "1 hour"}
REFRESHES = {"5s": ("every 5 s", 1), "15s": ("every 15 s", 3), "off": ("off", 0)}
"""Name in the URL -> words, and every how many GRIDs of seconds (0: only once)."""

Parameters = Mapping[str, tuple[str, ...]]
"""The query string, each name with all its values."""


def add(console: Console) -> None:
    """Add the page."""

    @ui.page("/d/{uid}")
    def show(uid: str, request: Request) -> None:
        found, broken = console.dashboards()
        dashboard = next((one for one in found if one.uid == uid), None)
        with frame(console, short(dashboard.title) if dashboard else uid, f"/d/{uid}") as top:
            for file in broken:
                Words("p", f"{file.file} is not shown: {file.why}.", "banner")
            if dashboard is None:
                ui.status_code(404)
                Words("h1", "No such dashboard")
                Words("p", f"There is no dashboard with the uid {uid}. The ones there are stand above.")
                return
            parameters = {name: tuple(request.query_params.getlist(name)) for name in request.query_params}
            _page(console, dashboard, parameters, top)


def _page(console: Console, dashboard: Dashboard, parameters: Parameters, top: Top) -> None:
    with Words("div", classes="page-head"):
        with Words("div"):
            Words("h1", short(dashboard.title))
            if dashboard.description:
                Words("p", dashboard.description, "quiet")
        toolbar = Words("div", classes="toolbar")
    top.carry(parameters)
    view = DashboardView(console, dashboard, parameters)
    view.on_change = top.carry
    with toolbar:
        view.on_choices = Toolbar(view).offer


class DashboardView:
    """The panels of one dashboard on one page, and the choices that they are drawn with."""

    def __init__(self, console: Console, dashboard: Dashboard, parameters: Parameters) -> None:
        """Make every panel, empty, in the current slot; the timer fills them once a browser is there."""
        self._console = console
        self._dashboard = dashboard
        self.parameters = dict(parameters)
        self.on_choices: Callable[[tuple[Chosen, ...]], None] = lambda chosen: None
        self.on_change: Callable[[Parameters], None] = lambda parameters: None
        self._ticks = 0
        self._turn = 0
        self._notice = Words("p", "", "banner")
        self._notice.props["role"] = "status"
        self._notice.set_visibility(False)
        self._happened = HappenedView()
        self._panels: list[PanelView] = []
        with Words("div", classes="grid"):
            for panel in dashboard.panels:
                _row(panel) if panel.kind == "row" else self._panels.append(PanelView(panel))
        ui.timer(GRID, self._tick)

    def first(self, name: str, otherwise: str) -> str:
        """First value of a parameter."""
        return next(iter(self.parameters.get(name, ())), otherwise)

    @property
    def begin(self) -> str:
        """Where the time range begins, as written in the URL or in the dashboard."""
        return self.first("from", self._dashboard.begin)

    @property
    def end(self) -> str:
        """Where it ends."""
        return self.first("to", "now")

    @property
    def refresh_name(self) -> str:
        """How often the panels are brought up to date: a key of REFRESHES."""
        name = self.first("refresh", "5s")
        return name if name in REFRESHES else "5s"

    async def change(self, name: str, values: tuple[str, ...]) -> None:
        """Set a parameter, put it into the URL, and draw again; no values take it away."""
        self.parameters[name] = values
        pairs = [(key, value) for key, every in self.parameters.items() for value in every]
        ui.navigate.history.replace(f"/d/{self._dashboard.uid}?{urlencode(pairs)}")
        self.on_change(self.parameters)
        await self.refresh()

    async def refresh(self) -> None:
        """Ask and draw every panel; what is wrong is said in the panel, or above all of them."""
        self._turn += 1
        turn = self._turn
        prometheus, scrape = self._console.prometheus, self._console.settings.scrape_interval
        try:
            span = window(self.begin, self.end, time.time(), scrape)
            chosen = await ask.choices(prometheus, self._dashboard, self.parameters, span)
        except (PrometheusError, VariableError, TimeRangeError) as error:
            if turn == self._turn:
                self._say(str(error))
                self._happened.show("What happened in this time is not known")
                for view in self._panels:
                    view.fail("Not asked: see above.")
            return
        if turn != self._turn:
            return
        self._say("")
        self.on_choices(chosen)
        here = Here(self.begin, self.end, {one.variable.name: one.choice for one in chosen})
        seen = asyncio.create_task(self._look_back(here, span, turn))
        await asyncio.gather(seen, *(self._refresh_panel(view, here, span, seen, turn) for view in self._panels))

    async def _tick(self) -> None:
        every = REFRESHES[self.refresh_name][1]
        if self._ticks == 0 or (every and self._ticks % every == 0):
            await self.refresh()
        self._ticks += 1

    async def _look_back(self, here: Here, span: Window, turn: int) -> Seen:
        """Ask what happened and list it; a Prometheus that does not say costs the charts their marks and no more."""
        scrape = self._console.settings.scrape_interval
        try:
            happened = await ask.what_happened(self._console.prometheus, self._dashboard, here.choices, span, scrape)
        except PrometheusError as error:
            happened, said = Events(), str(error)
        else:
            said = ""
        if turn == self._turn:
            self._happened.show(said or happened)
        return Seen(span, happened.shown, here)

    async def _refresh_panel(
        self, view: PanelView, here: Here, span: Window, seen: asyncio.Task[Seen], turn: int
    ) -> None:
        scrape = self._console.settings.scrape_interval
        try:
            answers = await ask.answers(self._console.prometheus, view.panel, here.choices, span, scrape)
        except PrometheusError as error:
            draw = partial(view.fail, str(error))
        else:
            draw = partial(view.show, answers, await seen)
        # a slow answer must not be drawn over that of a later choice
        if turn == self._turn:
            draw()

    def _say(self, text: str) -> None:
        self._notice.text = text
        self._notice.set_visibility(bool(text))


class Toolbar:
    """Choices above the panels: variables, time range, refresh."""

    def __init__(self, view: DashboardView) -> None:
        """Make the selects that need no answer; those of the variables come with ``offer``."""
        self._view = view
        self._variables: dict[str, ui.select] = {}
        self._box = Words("div", classes="variables")
        begin = view.begin
        ranges = RANGES if begin in RANGES and view.end == "now" else {begin: f"{begin} to {view.end}", **RANGES}
        ui.select(ranges, value=begin, label="Time range", on_change=lambda event: self._range(event.value)).props(FLAT)
        names = {name: words for name, (words, _) in REFRESHES.items()}
        ui.select(
            names,
            value=view.refresh_name,
            label="Refresh",
            on_change=lambda event: view.change("refresh", (event.value,)),
        ).props(FLAT)

    def offer(self, chosen: tuple[Chosen, ...]) -> None:
        """Bring the variables' selects up to date with the values that there are."""
        for one in chosen:
            if one.variable.kind not in SHOWN:
                continue
            select = self._variables.get(one.variable.name)
            if select is None:
                self._variables[one.variable.name] = self._make(one)
            elif select.options != (offered := _offered(one)):
                select.set_options(offered)

    def _make(self, one: Chosen) -> ui.select:
        name, several = one.variable.name, one.variable.multi
        every = [ALL] if one.choice.custom_all is not None else list(one.choice.values)
        with self._box:
            select = ui.select(
                _offered(one),
                value=every if several else next(iter(every), None),
                label=one.variable.label or name,
                multiple=several,
            ).props(FLAT)

        async def choose() -> None:
            picked = _picked(select.value, several)
            if several and list(picked) != select.value:
                # setting the value comes back here
                select.value = list(picked)
                return
            await self._view.change(f"var-{name}", picked)

        select.on_value_change(choose)
        return select

    async def _range(self, begin: str) -> None:
        self._view.parameters.pop("to", None)
        await self._view.change("from", (begin,))


FLAT = "dense outlined options-dense"
"""Quasar's small, framed select."""


def _picked(value: object, several: bool) -> tuple[str, ...]:
    """Read a select: All drops out as soon as something else is picked, and comes back when nothing is."""
    if not several:
        return (str(value),)
    picked = [str(one) for one in value] if isinstance(value, list) else []
    if not picked or picked[-1] == ALL:
        return (ALL,)
    return tuple(one for one in picked if one != ALL)


def _row(panel: Panel) -> None:
    Words("h2", panel.title, "row-title").style(f"--y: {panel.y + 1}")


def _offered(one: Chosen) -> dict[str, str]:
    """Value -> text of a variable's select, what is chosen among them even when Prometheus does not know it."""
    values = dict.fromkeys([*one.options, *(value for value in one.choice.values if value)])
    return ({ALL: "All"} if one.variable.include_all else {}) | {value: value for value in values}
