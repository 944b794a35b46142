"""Small checks that compose into a schema; each yields problems worded and pointed at as Slack words them.

For example ``must be less than 3001 characters [json-pointer:/blocks/0/text/text]`` (answer quoted in
grafana/oncall#5121), ``must provide a string [json-pointer:…]`` (stoiveyp/Slack.NetStandard#90).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Check = Callable[[Any, str], Iterator[str]]
"""``check(value, pointer)`` yields one sentence a problem."""


def at(pointer: str, problem: str) -> str:
    """Return the problem with its place."""
    return f"{problem} [json-pointer:{pointer}]"


def string(most: int, least: int = 1) -> Check:
    """Accept a string of `least` to `most` characters."""

    def check(value: Any, pointer: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield at(pointer, "must provide a string")
        elif len(value) > most:
            yield at(pointer, f"must be less than {most + 1} characters")
        elif len(value) < least:
            yield at(pointer, f"must be more than {least - 1} characters")

    return check


def url(most: int) -> Check:
    """Accept an absolute URL of at most `most` characters."""
    length = string(most)

    def check(value: Any, pointer: str) -> Iterator[str]:
        problems = list(length(value, pointer))
        yield from problems
        if not problems and not value.lower().startswith(("http://", "https://", "mailto:", "slack://")):
            yield at(pointer, "invalid url")

    return check


def choice(*values: str) -> Check:
    """Accept one of `values`."""

    def check(value: Any, pointer: str) -> Iterator[str]:
        if not isinstance(value, str) or value not in values:
            yield at(pointer, f"must be one of: {', '.join(values)}")

    return check


def boolean(value: Any, pointer: str) -> Iterator[str]:
    """Accept true and false."""
    if not isinstance(value, bool):
        yield at(pointer, "must provide a boolean")


NUMBER_MAX = 1e300
"""Ours, not Slack's: sums and differences of a message's numbers stay finite."""


def number(value: Any, pointer: str) -> Iterator[str]:
    """Accept a number of at most NUMBER_MAX either way, so neither NaN nor infinity."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= NUMBER_MAX:
        yield at(pointer, "must provide a number")


def array(item: Check, most: int, least: int = 1) -> Check:
    """Accept a list of `least` to `most` items that each pass `item`."""

    def check(value: Any, pointer: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield at(pointer, "must provide an array")
            return
        if len(value) > most:
            yield at(pointer, f"no more than {most} items allowed")
            return
        if len(value) < least:
            yield at(pointer, f"no less than {least} items allowed")
        for index, one in enumerate(value):
            yield from item(one, f"{pointer}/{index}")

    return check


def shape(required: Mapping[str, Check], optional: Mapping[str, Check], either: tuple[str, ...] = ()) -> Check:
    """Accept an object with these properties and no others, and with at least one of `either`; ``type`` is let pass."""

    def check(value: Any, pointer: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield at(pointer, "must provide an object")
            return
        for name in required.keys() - value.keys():
            yield at(pointer, f"missing required field: {name}")
        if either and not any(name in value for name in either):
            yield at(pointer, f"must define either {' or '.join(f'`{name}`' for name in either)}")
        for name, one in value.items():
            inner = required.get(name) or optional.get(name)
            if inner:
                yield from inner(one, f"{pointer}/{name}")
            elif name != "type":
                yield at(pointer, f"invalid additional property: {str(name)[:80]}")

    return check


def by_type(shapes: Mapping[str, Check]) -> Check:
    """Accept an object whose ``type`` names one of `shapes`, and that passes it."""

    def check(value: Any, pointer: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield at(pointer, "must provide an object")
            return
        kind = value.get("type")
        if kind is None:
            yield at(pointer, "missing required field: type")
        elif not isinstance(kind, str) or kind not in shapes:
            yield at(f"{pointer}/type", f"unsupported type: {str(kind)[:80]}")
        else:
            yield from shapes[kind](value, pointer)

    return check
