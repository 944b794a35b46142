"""What every page has around it: style sheet, navigation, the switch between light and dark."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from urllib.parse import urlencode

from nicegui import ui

from demo.console.console import Console
from demo.console.pages.words import Words, button, link

HEAD = '<link rel="stylesheet" href="/static/console.css"><script src="/static/console.js"></script>'

OVERVIEW = "bongsu-overview"
"""The dashboard that the page at / shows below everything else."""

THEMES: dict[str, bool | None] = {"auto": None, "light": False, "dark": True}
"""Name in the cookie -> NiceGUI's value; auto follows the browser."""


class Top:
    """What the top of a page has: links to the other pages, and the switch between light and dark."""

    def __init__(self) -> None:
        """Without links yet; the colours are those of the person's last visit."""
        self._links: dict[str, Words] = {}
        cookie = ui.context.client.request.cookies.get("theme", "")
        self.theme = cookie if cookie in THEMES else "auto"
        self.on_theme: Callable[[str], None] = lambda theme: None

    def add(self, name: str, address: str, current: str) -> None:
        """Make the link in the current slot; `current` is the page that it is on."""
        entry = self._links[address] = link(name, address, "place")
        if current in (address, f"{address}d/{OVERVIEW}") or (address != "/" and current.startswith(f"{address}/")):
            entry.props["aria-current"] = "page"

    def carry(self, parameters: Mapping[str, Sequence[str]]) -> None:
        """Have every dashboard's link keep the time range, the refresh and the variables."""
        kept = [
            (name, value)
            for name, values in parameters.items()
            for value in values
            if name in ("from", "to", "refresh") or name.startswith("var-")
        ]
        for address, entry in self._links.items():
            if address.startswith("/d/"):
                entry.props["href"] = f"{address}?{urlencode(kept)}" if kept else address

    def add_switch(self) -> None:
        """Make the switch in the current slot."""
        mode = ui.dark_mode(THEMES[self.theme])

        def turn() -> None:
            names = list(THEMES)
            self.theme = names[(names.index(self.theme) + 1) % len(names)]
            mode.value = THEMES[self.theme]
            switch.text = f"Colours: {self.theme}"
            ui.run_javascript(f"document.cookie = 'theme={self.theme}; path=/; max-age=31536000; samesite=lax'")
            # charts are drawn with colours, not with CSS: have them drawn anew
            for element in ui.context.client.elements.values():
                if isinstance(element, ui.echart):
                    element.update()
            self.on_theme(self.theme)

        switch = button(f"Colours: {self.theme}", turn, "theme")
        switch.props["title"] = "Follow the system, light, or dark"


@contextmanager
def frame(console: Console, title: str, address: str) -> Iterator[Top]:
    """Build a page; what the caller makes inside becomes its ``<main>``. `address` marks the current entry."""
    ui.add_head_html(HEAD)
    ui.page_title(f"{title} · Bongsu")
    with Words("header", classes="top"):
        with link("", "/", "brand"):
            with ui.element("img").props('src="/static/beacon.svg" alt="" width=22 height=22'):
                pass
            Words("span", "Bongsu")
        top = Top()
        with Words("nav", classes="places") as nav:
            nav.props["aria-label"] = "Pages"
            top.add("Overview", "/", address)
            for dashboard in console.dashboards()[0]:
                if dashboard.uid != OVERVIEW:
                    top.add(short(dashboard.title), f"/d/{dashboard.uid}", address)
            top.add("Runbooks", "/runbooks", address)
        top.add_switch()
    with Words("div", classes="main") as main:
        yield top
    ui.skip_link("Skip to content", target=main)


def short(title: str) -> str:
    """Title without the common prefix ``Bongsu / ``, which the page has already said."""
    return title.removeprefix("Bongsu / ")
