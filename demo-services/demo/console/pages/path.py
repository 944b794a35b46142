"""The path from load to Slack as a row of boxes that turn red where it hurts."""

import re

from demo.console import stages
from demo.console.console import Console
from demo.console.pages.frame import OVERVIEW
from demo.console.pages.words import Words, link
from demo.console.stages import StageState


class PathView:
    """The stages as a row of boxes with arrows between them, and a headline that says how it is as a whole."""

    def __init__(self, console: Console) -> None:
        """Make the headline and the boxes, their numbers still unknown."""
        pages = console.settings.pages
        addresses = {
            "Gateway": "/d/bongsu-gateway-limits",
            "Services": "/d/bongsu-pods",
            "Kafka": "/d/bongsu-kafka-lag",
            "Exporters": f"/d/{OVERVIEW}",
            "Prometheus": pages.prometheus,
            "Alertmanager": pages.alertmanager,
            "Router": pages.router,
            "Slack": pages.slack,
        }
        self._drawn: tuple[StageState, ...] = ()
        with Words("div", classes="headline"):
            self._headline = Words("h1", "Looking …")
            self._headline.props["aria-live"] = "polite"
            self.processes = link("Processes", "#processes", "quiet")
            """Leads to the table at the page's end, which writes here how they are in a few words."""
        with Words("ol", classes="path") as path:
            path.props["aria-label"] = "From load to Slack"
            self._stages = [StageView(stage.name, addresses.get(stage.name)) for stage in stages.STAGES]

    def show(self, drawn: tuple[StageState, ...]) -> None:
        """Bring every box up to date."""
        for view, state in zip(self._stages, drawn, strict=True):
            view.show(state)
        self._headline.text = stages.headline(drawn)


class StageView:
    """One box of the path."""

    def __init__(self, name: str, address: str | None) -> None:
        """Make it without numbers."""
        self._drawn: StageState | None = None
        with Words("li", classes="stage stage-unknown") as self._box:
            with Words("div", classes="stage-head"):
                self._dot = Words("i", classes="dot")
                link(name, address, elsewhere=not address.startswith("/")) if address else Words("span", name)
            self._why = Words("p", "", "why")
            self._lines = Words("dl")

    def show(self, state: StageState) -> None:
        """Write its numbers and colour it."""
        if state == self._drawn:
            return
        self._box.classes(replace=f"stage stage-{state.condition}")
        self._why.text = breakable(state.why)
        self._why.set_visibility(bool(state.why))
        self._lines.clear()
        with self._lines:
            for number, what in state.lines:
                Words("dt", number)
                Words("dd", what)
        self._drawn = state


def breakable(text: str) -> str:
    """Let a name such as KafkaConsumerLagHigh break before its capitals (with zero-width spaces)."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "\u200b", text)
