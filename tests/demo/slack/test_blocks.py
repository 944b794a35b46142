"""Which blocks a message may hold, and what is said of those that it may not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models import blocks as sdk

from demo.slack import limits
from demo.slack.blocks import problems


def plain(text: str = "x") -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "x") -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def button(**more: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain(), **more}


def option(text: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"text": text or plain(), "value": "x", **more}


def menu(*options: dict[str, Any], kind: str = "static_select", **more: Any) -> list[dict[str, Any]]:
    return [{"type": "actions", "elements": [{"type": kind, "options": [*options], **more}]}]


def chart(series: list[dict[str, Any]], categories: list[str], **more: Any) -> dict[str, Any]:
    axis = {"categories": categories}
    body = {"type": "line", "series": series, "axis_config": axis}
    return {"type": "data_visualization", "title": "x", "chart": body, **more}


def points(*labels: str) -> list[dict[str, Any]]:
    return [{"label": label, "value": 1} for label in labels]


LABELS = [str(number) for number in range(21)]

GOOD = [
    [],
    [{"type": "divider"}],
    [{"type": "header", "text": plain("x" * 150)}],
    [{"type": "section", "text": mrkdwn("x" * 3000), "accessory": button(action_id="a")}],
    [{"type": "section", "fields": [mrkdwn("x" * 2000)] * 10}],
    [
        {
            "type": "context",
            "elements": [mrkdwn(), plain(), {"type": "image", "image_url": "https://x", "alt_text": "x"}],
        }
    ],
    [{"type": "actions", "elements": [button(action_id=str(number), url="https://x") for number in range(25)]}],
    menu(option(), option(value="y"), initial_option=option(value="y"), placeholder=plain()),
    menu(option(url="https://x"), kind="overflow"),
    [{"type": "image", "image_url": "https://x/y.png", "alt_text": "x", "title": plain()}],
    [{"type": "markdown", "text": "**x**"}],
    [chart([{"name": "a", "data": points("1", "2")}, {"name": "b", "data": points("1", "2")}], ["1", "2"])],
    [{"type": "data_visualization", "title": "x", "chart": {"type": "pie", "segments": points("a", "b")}}],
]


@pytest.mark.parametrize("blocks", GOOD)
def test_accepts(blocks: list[dict[str, Any]]) -> None:
    """Blocks within Slack's limits are accepted."""
    assert problems(blocks, "/blocks") == []


BAD = [
    ("x", "must provide an array [json-pointer:/blocks]"),
    (["x"], "must provide an object [json-pointer:/blocks/0]"),
    ([{}], "missing required field: type [json-pointer:/blocks/0]"),
    ([{"type": "video"}], "unsupported type: video [json-pointer:/blocks/0/type]"),
    ([{"type": ["header"]}], "unsupported type: ['header'] [json-pointer:/blocks/0/type]"),
    ([{"type": "divider"}] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    ([{"type": "divider", "text": "x"}], "invalid additional property: text [json-pointer:/blocks/0]"),
    (
        [{"type": "divider", "block_id": "x" * 256}],
        "must be less than 256 characters [json-pointer:/blocks/0/block_id]",
    ),
    ([{"type": "divider", "block_id": "a"}] * 2, "`block_id` already exists: a [json-pointer:/blocks/1/block_id]"),
    ([{"type": "header"}], "missing required field: text [json-pointer:/blocks/0]"),
    ([{"type": "header", "text": mrkdwn()}], "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]"),
    (
        [{"type": "header", "text": plain("x" * 151)}],
        "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
    ),
    ([{"type": "section"}], "must define either `text` or `fields` [json-pointer:/blocks/0]"),
    ([{"type": "section", "text": "x"}], "must provide an object [json-pointer:/blocks/0/text]"),
    ([{"type": "section", "text": mrkdwn("")}], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    (
        [{"type": "section", "text": mrkdwn("x" * 3001)}],
        "must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
    ),
    (
        [{"type": "section", "text": {**mrkdwn(), "emoji": True}}],
        "invalid additional property: emoji [json-pointer:/blocks/0/text]",
    ),
    ([{"type": "section", "fields": [mrkdwn()] * 11}], "no more than 10 items allowed [json-pointer:/blocks/0/fields]"),
    (
        [{"type": "section", "fields": [mrkdwn("x" * 2001)]}],
        "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
    ),
    (
        [{"type": "context", "elements": [mrkdwn()] * 11}],
        "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
    ),
    (
        [{"type": "context", "elements": [button()]}],
        "unsupported type: button [json-pointer:/blocks/0/elements/0/type]",
    ),
    ([{"type": "actions", "elements": []}], "no less than 1 items allowed [json-pointer:/blocks/0/elements]"),
    (
        [{"type": "actions", "elements": [button()] * 26}],
        "no more than 25 items allowed [json-pointer:/blocks/0/elements]",
    ),
    (
        [{"type": "actions", "elements": [button(action_id="a"), button(action_id="a")]}],
        "`action_id` already exists: a [json-pointer:/blocks/0/elements/1/action_id]",
    ),
    (
        [{"type": "actions", "elements": [button(text=plain("x" * 76))]}],
        "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
    ),
    (
        [{"type": "actions", "elements": [button(value="x" * 2001)]}],
        "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
    ),
    (
        [{"type": "actions", "elements": [button(url="https://" + "x" * 3000)]}],
        "must be less than 3001 characters [json-pointer:/blocks/0/elements/0/url]",
    ),
    (
        [{"type": "actions", "elements": [button(url="javascript:alert(1)")]}],
        "invalid url [json-pointer:/blocks/0/elements/0/url]",
    ),
    (
        [{"type": "actions", "elements": [button(style="green")]}],
        "must be one of: primary, danger [json-pointer:/blocks/0/elements/0/style]",
    ),
    (
        menu(option(mrkdwn())),
        "unsupported type: mrkdwn [json-pointer:/blocks/0/elements/0/options/0/text/type]",
    ),
    (
        menu(option(url="https://x")),
        "invalid additional property: url [json-pointer:/blocks/0/elements/0/options/0]",
    ),
    (
        menu(*[option()] * 6, kind="overflow"),
        "no more than 5 items allowed [json-pointer:/blocks/0/elements/0/options]",
    ),
    (
        menu(option(), initial_option=option(value="y")),
        "must exactly match one of the provided options [json-pointer:/blocks/0/elements/0/initial_option]",
    ),
    (
        [
            {
                "type": "section",
                "text": mrkdwn(),
                "accessory": menu(option(), initial_option=option(plain("y")))[0]["elements"][0],
            }
        ],
        "must exactly match one of the provided options [json-pointer:/blocks/0/accessory/initial_option]",
    ),
    ([{"type": "image", "image_url": "https://x"}], "missing required field: alt_text [json-pointer:/blocks/0]"),
    ([{"type": "image", "alt_text": "x"}], "must define either `image_url` or `slack_file` [json-pointer:/blocks/0]"),
    (
        [{"type": "markdown", "text": "x" * 7000}] * 2,
        "markdown text must be less than 12001 characters [json-pointer:/blocks]",
    ),
    (
        [chart([{"name": "a", "data": points("1")}], ["1"])] * 3,
        "no more than 2 data_visualization blocks allowed [json-pointer:/blocks]",
    ),
    (
        [chart([{"name": "a", "data": points("1")}], ["1"], title="x" * 51)],
        "must be less than 51 characters [json-pointer:/blocks/0/title]",
    ),
    (
        [chart([{"name": "a", "data": points(*LABELS)}], LABELS[:20])],
        "no more than 20 items allowed [json-pointer:/blocks/0/chart/series/0/data]",
    ),
    (
        [chart([{"name": str(n), "data": points("1")} for n in range(7)], ["1"])],
        "no more than 6 items allowed [json-pointer:/blocks/0/chart/series]",
    ),
    (
        [chart([{"name": "a", "data": points("1")}] * 2, ["1"])],
        "series names must be unique [json-pointer:/blocks/0/chart/series]",
    ),
    (
        [chart([{"name": "a", "data": points("1")}], ["1", "2"])],
        "labels must match the categories, one point for each [json-pointer:/blocks/0/chart/series/0/data]",
    ),
    (
        [chart([{"name": "a", "data": [{"label": "1", "value": "2"}]}], ["1"])],
        "must provide a number [json-pointer:/blocks/0/chart/series/0/data/0/value]",
    ),
    (
        [chart([{"name": "a", "data": [{"label": "1", "value": None}]}], ["1"])],
        "must provide a number [json-pointer:/blocks/0/chart/series/0/data/0/value]",
    ),
    (
        [chart([{"name": "a", "data": [{"label": "1", "value": 10**400}]}], ["1"])],
        "must provide a number [json-pointer:/blocks/0/chart/series/0/data/0/value]",
    ),
    (
        [{"type": "data_visualization", "title": "x", "chart": {"type": "radar"}}],
        "unsupported type: radar [json-pointer:/blocks/0/chart/type]",
    ),
]


@pytest.mark.parametrize(("blocks", "problem"), BAD)
def test_refuses(blocks: Any, problem: str) -> None:
    """Each rule of Block Kit has its sentence and its place."""
    assert problem in problems(blocks, "/blocks")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["header", "section", "plain_text", ""]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["type", "text", "elements", "fields", "chart", "series"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_judged(value: Any) -> None:
    """Whatever JSON comes as blocks, the answer is a list of sentences with pointers, never an exception."""
    assert all("[json-pointer:/blocks" in problem for problem in problems(value, "/blocks"))


SDK = [
    (limits.BLOCK_ID, sdk.Block.block_id_max_length),
    (limits.SECTION_TEXT, sdk.SectionBlock.text_max_length),
    (limits.SECTION_FIELDS, sdk.SectionBlock.fields_max_length),
    (limits.HEADER_TEXT, sdk.HeaderBlock.text_max_length),
    (limits.CONTEXT_ELEMENTS, sdk.ContextBlock.elements_max_length),
    (limits.ACTIONS_ELEMENTS, sdk.ActionsBlock.elements_max_length),
    (limits.URL, sdk.ImageBlock.image_url_max_length),
    (limits.IMAGE_TEXT, sdk.ImageBlock.alt_text_max_length),
    (limits.MARKDOWN_TEXT, sdk.MarkdownBlock.text_max_length),
    (limits.ACTION_ID, sdk.ButtonElement.action_id_max_length),
    (limits.BUTTON_TEXT, sdk.ButtonElement.text_max_length),
    (limits.BUTTON_VALUE, sdk.ButtonElement.value_max_length),
    (limits.OVERFLOW_OPTIONS, sdk.OverflowMenuElement.options_max_length),
]


@pytest.mark.parametrize(("limit", "maximum"), SDK)
def test_numbers_are_those_of_slack_sdk(limit: limits.Limit, maximum: int) -> None:
    """Where slack-sdk's models know a limit too, the two are the same."""
    assert limit.value == maximum
