"""HTML elements with text in them. The text is data: the browser never reads it as HTML."""

from collections.abc import Callable
from datetime import UTC, datetime

from nicegui.elements.mixins.text_element import TextElement


class Words(TextElement):
    """``<tag class="…">text</tag>``."""

    def __init__(self, tag: str, text: str = "", classes: str = "") -> None:
        """Make the element; other elements may go inside it."""
        super().__init__(tag=tag, text=text)
        self.classes(classes)


def link(text: str, href: str, classes: str = "", *, elsewhere: bool = False) -> Words:
    """``<a>``; with `elsewhere` it opens a new tab."""
    element = Words("a", text, classes)
    element.props["href"] = href
    if elsewhere:
        element.props["target"] = "_blank"
        element.props["rel"] = "noopener"
    return element


def button(text: str, press: Callable[[], object], classes: str = "") -> Words:
    """``<button>`` that calls `press`, by mouse or keyboard."""
    element = Words("button", text, f"button {classes}")
    element.props["type"] = "button"
    element.on("click", press, [])
    return element


def moment(at: float) -> Words:
    """A time of day, on the clock of who reads it: console.js writes it there, for the server knows no time zone."""
    element = Words("local-time")
    element.props["datetime"] = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
    return element


def scrolled(element: Words, name: str) -> None:
    """Let the arrow keys scroll `element`, and say what it holds."""
    element.props["tabindex"] = "0"
    element.props["role"] = "region"
    element.props["aria-label"] = name
