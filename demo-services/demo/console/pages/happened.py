"""What happened in the time that a page shows, in words: the same as the marks in its charts."""

from demo.console.events import Event, Events
from demo.console.pages.words import Words, moment


class HappenedView:
    """A line that says how much happened, and opens into a list, newest first."""

    def __init__(self) -> None:
        """Make it, closed; it is not there before something is known."""
        self._drawn: Events | str | None = None
        with Words("details", classes="happened") as self._box:
            self._summary = Words("summary")
            self._list = Words("ul")
        self._box.set_visibility(False)

    def show(self, drawn: Events | str) -> None:
        """List the events, or say why they aren't known."""
        if drawn == self._drawn:
            return
        self._drawn = drawn
        self._list.clear()
        if isinstance(drawn, str):
            self._box.set_visibility(True)
            self._summary.text = drawn
            return
        # a dashboard without annotations tells of nothing, not even that nothing happened
        self._box.set_visibility(bool(drawn.counts))
        self._summary.text = "What happened: " + ", ".join(f"{kind} {count}" for kind, count in drawn.counts.items())
        with self._list:
            for event in drawn.shown:
                _event(event)
            if drawn.left_out:
                Words("li", f"and {drawn.left_out} older", "quiet")


def _event(event: Event) -> None:
    with Words("li", classes=f"state-{event.state}"):
        Words("i", classes="swatch")
        moment(event.begin)
        Words("b", event.title)
        Words("span", event.text, "quiet")
        if event.end > event.begin:
            Words("span", "goes on" if event.goes_on else "until", "quiet")
            if not event.goes_on:
                moment(event.end)
