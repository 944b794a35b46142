"""The Slack workspace, embedded in the overview."""

from urllib.parse import quote

from demo.console.console import Console
from demo.console.pages.words import Words, button, link


class SlackView:
    """The channels of the Slack workspace, one at a time."""

    def __init__(self, console: Console, theme: str) -> None:
        """Make the tabs and the frame; nothing is loaded before Slack is known to answer."""
        self._theme = theme
        self._address = console.settings.pages.slack
        self._channel = console.settings.channels[0]
        self._answers: bool | None = None
        with Words("section", classes="card slack"):
            with Words("div", classes="slack-head"):
                Words("h2", "Slack")
                with Words("div", classes="tabs"):
                    shown = console.settings.channels if console.settings.slack else ()
                    self._tabs = {name: self._tab(name) for name in shown}
                link("Open", self._address, "quiet", elsewhere=True)
            real = console.settings.slack is None
            self._notice = Words("p", "Alerts go to your own Slack." if real else "asking Slack …", "notice")
            self._frame = Words("iframe")
            self._frame.props["title"] = "Slack channel"
            self._frame.set_visibility(False)
        self._mark()

    def show(self, answers: bool) -> None:
        """Show the channel, or say that Slack is down; when it comes back the frame is loaded anew."""
        if answers == self._answers:
            return
        self._answers = answers
        self._notice.text = f"Slack's page at {self._address} does not answer."
        self._notice.classes(replace="notice notice-failed")
        self._notice.set_visibility(not answers)
        self._frame.set_visibility(answers)
        self._open()

    def dress(self, theme: str) -> None:
        """Load the channel in other colours."""
        self._theme = theme
        self._open()

    def _tab(self, name: str) -> Words:
        def press() -> None:
            self._channel = name
            self._mark()
            self._open()

        return button(f"#{name}", press, "tab")

    def _mark(self) -> None:
        for name, tab in self._tabs.items():
            tab.props["aria-pressed"] = "true" if name == self._channel else "false"

    def _open(self) -> None:
        self._frame.props["src"] = (
            f"{self._address}/channels/{quote(self._channel)}?embed=1&theme={self._theme}"
            if self._answers
            else "about:blank"
        )
