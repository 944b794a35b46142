"""What every page has around it: style sheet, navigation, the switch between light and dark."""

from collections.abc import Iterator
from contextlib import contextmanager

from nicegui import ui

from demo.console.console import Console
from demo.console.pages.words import Words, button, link

HEAD = '<link rel="stylesheet" href="/static/console.css"><script src="/static/console.js"></script>'

OVERVIEW = "bongsu-overview"
"""The dashboard that the page at / shows below everything else."""

THEMES: dict[str, bool | None] = {"auto": None, "light": False, "dark": True}
"""Name in the cookie -> NiceGUI's value; auto follows the browser."""


@contextmanager
def frame(console: Console, title: str, address: str) -> Iterator[None]:
    """Build a page; what the caller makes inside becomes its ``<main>``. `address` marks the current entry."""
    ui.add_head_html(HEAD)
    ui.page_title(f"{title} · Bongsu")
    with Words("header", classes="top"):
        with link("", "/", "brand"):
            with ui.element("img").props('src="/static/beacon.svg" alt="" width=22 height=22'):
                pass
            Words("span", "Bongsu")
        with Words("nav", classes="places") as places:
            places.props["aria-label"] = "Pages"
            _place("Overview", "/", address)
            for dashboard in console.dashboards()[0]:
                if dashboard.uid != OVERVIEW:
                    _place(short(dashboard.title), f"/d/{dashboard.uid}", address)
            _place("Runbooks", "/runbooks", address)
        _theme_switch()
    with Words("div", classes="main") as main:
        yield
    ui.skip_link("Skip to content", target=main)


def short(title: str) -> str:
    """Title without the common prefix ``Bongsu / ``, which the page has already said."""
    return title.removeprefix("Bongsu / ")


def _place(name: str, address: str, current: str) -> None:
    entry = link(name, address, "place")
    if current in (address, f"{address}d/{OVERVIEW}") or (address != "/" and current.startswith(f"{address}/")):
        entry.props["aria-current"] = "page"


def _theme_switch() -> None:
    cookie = ui.context.client.request.cookies.get("theme", "")
    names = list(THEMES)
    position = names.index(cookie) if cookie in THEMES else 0
    mode = ui.dark_mode(THEMES[names[position]])

    def turn() -> None:
        nonlocal position
        position = (position + 1) % len(names)
        mode.value = THEMES[names[position]]
        switch.text = f"Colours: {names[position]}"
        ui.run_javascript(f"document.cookie = 'theme={names[position]}; path=/; max-age=31536000; samesite=lax'")
        # charts are drawn with colours, not with CSS: have them drawn anew
        for element in ui.context.client.elements.values():
            if isinstance(element, ui.echart):
                element.update()

    switch = button(f"Colours: {names[position]}", turn, "theme")
    switch.props["title"] = "Follow the system, light, or dark"
