"""Block Kit as messages may use it (https://docs.slack.dev/reference/block-kit): which blocks a message may hold.

Known are header, section, divider, context, actions, image, markdown and data_visualization. Slack knows more; they are
refused here as an unsupported type, so that nothing is accepted that is not checked and not shown.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from demo.slack import limits
from demo.slack.schema import Check, array, at, boolean, by_type, choice, number, shape, string, url


def _text(most: int, *kinds: str) -> Check:
    """Accept a text object (docs /reference/block-kit/composition-objects/text-object) of one of `kinds`."""
    plain = shape({"text": string(most)}, {"emoji": boolean})
    mrkdwn = shape({"text": string(most)}, {"verbatim": boolean})
    shapes = {"plain_text": plain, "mrkdwn": mrkdwn}
    return by_type({kind: shapes[kind] for kind in kinds or ("plain_text", "mrkdwn")})


def _plain(limit: limits.Limit) -> Check:
    return _text(limit.value, "plain_text")


BLOCK_ID = {"block_id": string(limits.BLOCK_ID.value)}

STYLE = choice("primary", "danger")

SLACK_FILE = shape({}, {"id": string(255), "url": url(limits.URL.value)}, either=("id", "url"))

IMAGE_FIELDS: dict[str, Check] = {"image_url": url(limits.URL.value), "slack_file": SLACK_FILE}

ALT_TEXT = {"alt_text": string(limits.IMAGE_TEXT.value)}

IMAGE_ELEMENT = shape(ALT_TEXT, IMAGE_FIELDS, either=("image_url", "slack_file"))

CONFIRM = shape(
    {
        "title": _plain(limits.CONFIRM_TITLE),
        "text": _text(limits.CONFIRM_TEXT.value),
        "confirm": _plain(limits.CONFIRM_BUTTON),
        "deny": _plain(limits.CONFIRM_BUTTON),
    },
    {"style": STYLE},
)

OPTION_FIELDS: dict[str, Check] = {"text": _plain(limits.OPTION_TEXT), "value": string(limits.OPTION_VALUE.value)}

DESCRIPTION = {"description": _plain(limits.OPTION_TEXT)}

OPTION = shape(OPTION_FIELDS, DESCRIPTION)

OVERFLOW_OPTION = shape(OPTION_FIELDS, {**DESCRIPTION, "url": url(limits.URL.value)})
"""Only here may an option lead somewhere (docs /reference/block-kit/composition-objects/option-object)."""

ACTION: dict[str, Check] = {"action_id": string(limits.ACTION_ID.value), "confirm": CONFIRM}

ELEMENTS: dict[str, Check] = {
    "button": shape(
        {"text": _plain(limits.BUTTON_TEXT)},
        {
            **ACTION,
            "url": url(limits.URL.value),
            "value": string(limits.BUTTON_VALUE.value),
            "style": STYLE,
            "accessibility_label": string(limits.ACCESSIBILITY_LABEL.value),
        },
    ),
    "overflow": shape({"options": array(OVERFLOW_OPTION, limits.OVERFLOW_OPTIONS.value)}, ACTION),
    "static_select": shape(
        {"options": array(OPTION, limits.SELECT_OPTIONS.value)},
        {**ACTION, "placeholder": _plain(limits.OPTION_VALUE), "initial_option": OPTION, "focus_on_load": boolean},
    ),
}

POINT = shape({"label": string(limits.CHART_LABEL.value), "value": number}, {})

SERIES = shape({"name": string(limits.CHART_LABEL.value), "data": array(POINT, limits.CHART_POINTS.value)}, {})

AXES = shape(
    {"categories": array(string(limits.CHART_LABEL.value), limits.CHART_POINTS.value)},
    {"x_label": string(limits.CHART_AXIS_LABEL.value), "y_label": string(limits.CHART_AXIS_LABEL.value)},
)

SERIES_CHART = shape({"series": array(SERIES, limits.CHART_SERIES.value), "axis_config": AXES}, {})

CHARTS: dict[str, Check] = {
    "line": SERIES_CHART,
    "area": SERIES_CHART,
    "bar": SERIES_CHART,
    "pie": shape({"segments": array(POINT, limits.CHART_SEGMENTS.value)}, {}),
}

BLOCKS: dict[str, Check] = {
    "header": shape({"text": _plain(limits.HEADER_TEXT)}, BLOCK_ID),
    "divider": shape({}, BLOCK_ID),
    "section": shape(
        {},
        {
            **BLOCK_ID,
            "text": _text(limits.SECTION_TEXT.value),
            "fields": array(_text(limits.FIELD_TEXT.value), limits.SECTION_FIELDS.value),
            "accessory": by_type({**ELEMENTS, "image": IMAGE_ELEMENT}),
            "expand": boolean,
        },
        either=("text", "fields"),
    ),
    "context": shape(
        {
            "elements": array(
                by_type(
                    {
                        "plain_text": _text(limits.TEXT.value, "plain_text"),
                        "mrkdwn": _text(limits.TEXT.value, "mrkdwn"),
                        "image": IMAGE_ELEMENT,
                    }
                ),
                limits.CONTEXT_ELEMENTS.value,
            )
        },
        BLOCK_ID,
    ),
    "actions": shape({"elements": array(by_type(ELEMENTS), limits.ACTIONS_ELEMENTS.value)}, BLOCK_ID),
    "image": shape(
        ALT_TEXT,
        {**BLOCK_ID, **IMAGE_FIELDS, "title": _plain(limits.IMAGE_TEXT)},
        either=("image_url", "slack_file"),
    ),
    "markdown": shape({"text": string(limits.MARKDOWN_TEXT.value)}, BLOCK_ID),
    "data_visualization": shape({"title": string(limits.CHART_TITLE.value), "chart": by_type(CHARTS)}, BLOCK_ID),
}

_LIST = array(by_type(BLOCKS), limits.BLOCKS.value, least=0)


def problems(blocks: Any, pointer: str) -> list[str]:
    """Return what is wrong with the list of blocks at `pointer`, empty when nothing is."""
    if found := list(_LIST(blocks, pointer)):
        return found
    return [
        *_repeated_ids(blocks, pointer),
        *(problem for index, block in enumerate(blocks) for problem in _within(block, f"{pointer}/{index}")),
        *_totals(blocks, pointer),
    ]


def _repeated_ids(blocks: Sequence[dict[str, Any]], pointer: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        name = block.get("block_id")
        if name in seen:
            yield at(f"{pointer}/{index}/block_id", f"`block_id` already exists: {name}")
        elif name:
            seen.add(name)


def _totals(blocks: Sequence[dict[str, Any]], pointer: str) -> Iterator[str]:
    if sum(block["type"] == "data_visualization" for block in blocks) > limits.CHARTS.value:
        yield at(pointer, f"no more than {limits.CHARTS.value} data_visualization blocks allowed")
    if sum(len(block["text"]) for block in blocks if block["type"] == "markdown") > limits.MARKDOWN_TEXT.value:
        yield at(pointer, f"markdown text must be less than {limits.MARKDOWN_TEXT.value + 1} characters")


def _within(block: dict[str, Any], pointer: str) -> Iterator[str]:
    """Yield what the shapes can't see: action ids that repeat in a block, an initial option that is not among the
    options, chart labels that are not the categories.
    """
    seen: set[str] = set()
    for index, element in enumerate(block.get("elements", ())):
        yield from _initial(element, f"{pointer}/elements/{index}")
        name = element.get("action_id")
        if name in seen:
            yield at(f"{pointer}/elements/{index}/action_id", f"`action_id` already exists: {name}")
        elif name:
            seen.add(name)
    yield from _initial(block.get("accessory", {}), f"{pointer}/accessory")
    if block["type"] == "data_visualization" and "series" in block["chart"]:
        yield from _series(block["chart"], f"{pointer}/chart")


def _initial(element: dict[str, Any], pointer: str) -> Iterator[str]:
    if "initial_option" in element and element["initial_option"] not in element["options"]:
        yield at(f"{pointer}/initial_option", "must exactly match one of the provided options")


def _series(chart: dict[str, Any], pointer: str) -> Iterator[str]:
    categories = chart["axis_config"]["categories"]
    names = [series["name"] for series in chart["series"]]
    if len(set(names)) < len(names):
        yield at(f"{pointer}/series", "series names must be unique")
    if len(set(categories)) < len(categories):
        yield at(f"{pointer}/axis_config/categories", "categories must be unique")
    for index, series in enumerate(chart["series"]):
        if [point["label"] for point in series["data"]] != categories:
            yield at(f"{pointer}/series/{index}/data", "labels must match the categories, one point for each")
