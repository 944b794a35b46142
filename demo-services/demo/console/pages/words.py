"""HTML elements with text in them. The text is data: the browser never reads it as HTML."""

from collections.abc import Callable

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
