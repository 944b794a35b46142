"""Every number that this workspace is strict about, in one table, each with its source.

Names in the sources: *docs* is https://docs.slack.dev, *sdk* is slackapi/python-slack-sdk 3.47 (slack_sdk/models),
*ref* is slack-ruby/slack-api-ref (docs.slack.dev/methods), a daily copy of Slack's own method descriptions.
"""

from typing import Final, NamedTuple


class Limit(NamedTuple):
    """One number and where it is written down."""

    value: int
    source: str


# --- the message -----------------------------------------------------------------------------------------------------
BLOCKS: Final = Limit(50, "docs /reference/block-kit/blocks: up to 50 blocks in each message")
BLOCKS_CHARACTERS: Final = Limit(13_200, "undocumented; seen as msg_blocks_too_long, slackapi/bolt-js#2509")
POST_TEXT: Final = Limit(40_000, "docs /changelog/2018-04-truncating-really-long-messages: longer text is cut")
UPDATE_TEXT: Final = Limit(4_000, "ref chat.update: msg_too_long, text cannot exceed 4,000 characters")
MARKDOWN_TEXT: Final = Limit(12_000, "docs /reference/block-kit/blocks/markdown-block, all of a message together")
ATTACHMENTS: Final = Limit(100, "ref chat.postMessage: too_many_attachments, a maximum of 100")
METADATA_BYTES: Final = Limit(16_384, "size is unpublished (error metadata_too_large); our choice")

# --- Block Kit -------------------------------------------------------------------------------------------------------
BLOCK_ID: Final = Limit(255, "docs /reference/block-kit/blocks: block_id")
ACTION_ID: Final = Limit(255, "docs /reference/block-kit/block-elements/button-element: action_id")
HEADER_TEXT: Final = Limit(150, "docs /reference/block-kit/blocks/header-block")
SECTION_TEXT: Final = Limit(3_000, "docs /reference/block-kit/blocks/section-block: text")
SECTION_FIELDS: Final = Limit(10, "docs /reference/block-kit/blocks/section-block: fields")
FIELD_TEXT: Final = Limit(2_000, "docs /reference/block-kit/blocks/section-block: each item of fields")
CONTEXT_ELEMENTS: Final = Limit(10, "docs /reference/block-kit/blocks/context-block")
TEXT: Final = Limit(3_000, "docs /reference/block-kit/composition-objects/text-object")
ACTIONS_ELEMENTS: Final = Limit(25, "docs /reference/block-kit/blocks/actions-block")
BUTTON_TEXT: Final = Limit(75, "docs /reference/block-kit/block-elements/button-element: text")
BUTTON_VALUE: Final = Limit(2_000, "docs /reference/block-kit/block-elements/button-element: value")
URL: Final = Limit(3_000, "docs /reference/block-kit/block-elements/button-element: url; image-block: image_url")
ACCESSIBILITY_LABEL: Final = Limit(75, "docs /reference/block-kit/block-elements/button-element: accessibility_label")
IMAGE_TEXT: Final = Limit(2_000, "docs /reference/block-kit/blocks/image-block: alt_text, title")
CONFIRM_TITLE: Final = Limit(100, "docs /reference/block-kit/composition-objects/confirmation-dialog-object: title")
CONFIRM_TEXT: Final = Limit(300, "docs /reference/block-kit/composition-objects/confirmation-dialog-object: text")
CONFIRM_BUTTON: Final = Limit(30, "docs /reference/block-kit/composition-objects/confirmation-dialog-object: confirm")
OPTION_TEXT: Final = Limit(75, "docs /reference/block-kit/composition-objects/option-object: text")
OPTION_VALUE: Final = Limit(150, "docs /reference/block-kit/composition-objects/option-object: value")
SELECT_OPTIONS: Final = Limit(100, "docs /reference/block-kit/block-elements/select-menu-element: options")
OVERFLOW_OPTIONS: Final = Limit(5, "docs /reference/block-kit/block-elements/overflow-menu-element: options")

# --- the data visualization block: docs /reference/block-kit/blocks/data-visualization-block ------------------------
CHARTS: Final = Limit(2, "abdolence/slack-morphism-rust 2.30, quoting Slack's page: at most two in a message")
CHART_TITLE: Final = Limit(50, "docs …/data-visualization-block: title")
CHART_SERIES: Final = Limit(6, "docs …/data-visualization-block: min 1, max 6 (others quote 12)")
CHART_POINTS: Final = Limit(20, "slack-messaging 0.7.7 (crates.io), quoting Slack's page: data, min 1, max 20")
CHART_LABEL: Final = Limit(20, "slack-messaging 0.7.7, quoting Slack's page: categories, labels, series names")
CHART_AXIS_LABEL: Final = Limit(50, "slack-messaging 0.7.7, quoting Slack's page: x_label, y_label")
CHART_SEGMENTS: Final = Limit(6, "docs …/data-visualization-block: pie, min 1, max 6")

# --- legacy attachments ----------------------------------------------------------------------------------------------
ATTACHMENT_FOOTER: Final = Limit(300, "sdk attachments: footer_max_length")

# --- reading ---------------------------------------------------------------------------------------------------------
HISTORY_DEFAULT: Final = Limit(100, "ref conversations.history: limit, default 100")
HISTORY_MAXIMUM: Final = Limit(999, "docs /reference/methods/conversations.history: maximum of 999")
REPLIES_DEFAULT: Final = Limit(1_000, "ref conversations.replies: limit, default 1000")
LIST_DEFAULT: Final = Limit(100, "ref conversations.list: limit, default 100")
LIST_MAXIMUM: Final = Limit(1_000, "docs /reference/methods/conversations.list: an integer under 1000")
REACTIONS: Final = Limit(23, "docs /reference/methods/reactions.add: too_many_emoji; the number is unpublished")

# --- Socket Mode: docs /apis/events-api/using-socket-mode ------------------------------------------------------------
SOCKETS: Final = Limit(10, "docs /apis/events-api/using-socket-mode: up to 10 open WebSocket connections")

# --- files -----------------------------------------------------------------------------------------------------------
ALT_TEXT: Final = Limit(1_000, "ref files.getUploadURLExternal: alt_txt_too_large")
FILE_BYTES: Final = Limit(2_000_000, "our choice: a demo keeps files in memory (Slack takes 1 GB)")
FILES_TOTAL_BYTES: Final = Limit(12_000_000, "our choice: the oldest file goes when all together exceed this")
BODY_BYTES: Final = Limit(1_000_000, "our choice: the largest body of one call")

# --- rates: docs /apis/web-api/rate-limits ---------------------------------------------------------------------------
POSTS_PER_SECOND: Final = Limit(1, "docs /apis/web-api/rate-limits: posting messages, 1 per second per channel")
POSTS_BURST: Final = Limit(4, "docs /apis/web-api/rate-limits: short bursts allowed; the number is our choice")
POSTS_PER_MINUTE: Final = Limit(
    300, "a workspace-wide limit exists, several hundred a minute; the number is our choice"
)
TIER_2: Final = Limit(20, "docs /apis/web-api/rate-limits: 20+ per minute")
TIER_3: Final = Limit(50, "docs /apis/web-api/rate-limits: 50+ per minute")
TIER_4: Final = Limit(100, "docs /apis/web-api/rate-limits: 100+ per minute")
SPECIAL: Final = Limit(600, "docs /reference/methods/auth.test: hundreds of requests per minute; our choice of number")
