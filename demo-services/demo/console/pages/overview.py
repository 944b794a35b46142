"""/: the path with live numbers, what fires, the scenarios, Slack, and the overview dashboard."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from nicegui import ui

from demo.console import processes, stages
from demo.console.console import Console
from demo.console.load import LoadError, LoadState
from demo.console.pages.alerts import AlertsView
from demo.console.pages.channels import SlackView
from demo.console.pages.dashboard import DashboardView
from demo.console.pages.frame import OVERVIEW, frame
from demo.console.pages.path import PathView
from demo.console.pages.processes import ProcessesView
from demo.console.pages.scenarios import ScenariosView
from demo.console.pages.words import Words, link
from demo.console.processes import Process, ProcessesError
from demo.console.prometheus import PrometheusError
from demo.console.stages import Facts
from demo.console.timerange import GRID

AnswerT = TypeVar("AnswerT")


def add(console: Console) -> None:
    """Add the page."""

    @ui.page("/")
    def show() -> None:
        found, broken = console.dashboards()
        with frame(console, "Overview", "/") as top:
            for file in broken:
                Words("p", f"{file.file} is not shown: {file.why}.", "banner")
            path = PathView(console)
            with Words("div", classes="now"):
                alerts = AlertsView()
                scenarios = ScenariosView(console)
                slack = SlackView(console, top.theme)
                top.on_theme = slack.dress
            ui.timer(GRID, Now(console, path, alerts, scenarios, slack).refresh)
            for dashboard in found:
                if dashboard.uid == OVERVIEW:
                    with Words("div", classes="section-head"):
                        Words("h2", "The last 15 minutes")
                        link("Other time ranges", f"/d/{OVERVIEW}")
                    DashboardView(console, dashboard, {"from": ("now-15m",)})
            view = ProcessesView(path.processes, native=console.processes is not None)

            async def look() -> None:
                await _shown(_processes(console), view.show)

            ui.timer(GRID, look)


class Now:
    """Asks everything that the upper half of the page shows, and hands it out."""

    def __init__(
        self, console: Console, path: PathView, alerts: AlertsView, scenarios: ScenariosView, slack: SlackView
    ) -> None:
        """Keep the views."""
        self._console = console
        self._path = path
        self._alerts = alerts
        self._scenarios = scenarios
        self._slack = slack

    async def refresh(self) -> None:
        """Ask once. What can't be asked is said in its own place and takes nothing else along."""
        prometheus, at = self._console.prometheus, time.time() // GRID * GRID
        readings = [reading for stage in stages.STAGES for reading in stage.readings]
        alerts, up, read, load, slack, values = await asyncio.gather(
            _shown(prometheus.alerts(), self._alerts.show),
            _or_error(prometheus.instant(stages.UP, at)),
            _or_error(prometheus.instant(stages.READ, at)),
            _shown(self._console.load.state(), self._scenarios.show),
            self._refresh_slack(),
            asyncio.gather(*(_or_error(prometheus.instant(reading.query, at)) for reading in readings)),
        )
        facts = Facts(
            values={
                reading.query: None if isinstance(value, Exception) or not value else value[0].points[-1][1]
                for reading, value in zip(readings, values, strict=True)
            },
            up=None if isinstance(up, Exception) else stages.part_states(up),
            read=None if isinstance(read, Exception) else stages.part_states(read),
            alerts=None if isinstance(alerts, Exception) else alerts,
            scenario=None if isinstance(load, Exception) else _title(load),
            slack=slack,
        )
        self._path.show(stages.states(facts))

    async def _refresh_slack(self) -> bool | None:
        if self._console.slack is None:
            return None
        answers = await self._console.slack.answers()
        self._slack.show(answers)
        return answers


async def _processes(console: Console) -> tuple[Process, ...]:
    """Look at the processes, or ask Prometheus about them where they can't be seen."""
    if console.processes:
        return await console.processes.state()
    at = time.time() // GRID * GRID
    asked = (console.prometheus.instant(query, at) for query in (stages.UP, processes.CORES, processes.MEMORY))
    return processes.scraped(*await asyncio.gather(*asked))


def _title(state: LoadState) -> str:
    return next((one.title for one in state.scenarios if one.name == state.current), state.current)


async def _shown(asked: Awaitable[AnswerT], show: Callable[[AnswerT | Exception], None]) -> AnswerT | Exception:
    """Show an answer as soon as it is there: a slow Prometheus does not hold up the scenarios."""
    answer = await _or_error(asked)
    show(answer)
    return answer


async def _or_error(asked: Awaitable[AnswerT]) -> AnswerT | Exception:
    """Await an answer; what went wrong on the way to it is an answer too."""
    try:
        return await asked
    except (PrometheusError, LoadError, ProcessesError) as error:
        return error
