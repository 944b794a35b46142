"""The pages, over HTTP and in a real browser."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>\'"><svg onload=window.hacked=1>'


def _hostile_message() -> dict[str, Any]:
    """Return a message with hostile text in every place that takes text."""
    plain, mrkdwn = {"type": "plain_text", "text": HOSTILE[:75]}, {"type": "mrkdwn", "text": HOSTILE}
    short = HOSTILE[:20]
    data = [{"label": short, "value": 1}]
    chart = {"type": "line", "series": [{"name": short, "data": data}], "axis_config": {"categories": [short]}}
    return {
        "text": HOSTILE,
        "blocks": [
            {"type": "header", "text": plain},
            {
                "type": "section",
                "text": mrkdwn,
                "fields": [mrkdwn, plain],
                "accessory": {"type": "button", "text": plain},
            },
            {"type": "context", "elements": [mrkdwn, plain]},
            {"type": "actions", "elements": [{"type": "button", "text": plain, "url": f"https://x/{HOSTILE}"}]},
            {"type": "markdown", "text": HOSTILE},
            {"type": "image", "image_url": f"http://127.0.0.1:9/{HOSTILE}", "alt_text": HOSTILE, "title": plain},
            {"type": "data_visualization", "title": HOSTILE[:50], "chart": chart},
        ],
        "attachments": [
            {"text": HOSTILE, "pretext": HOSTILE, "title": HOSTILE, "title_link": f"https://x/{HOSTILE}"},
            {"fields": [{"title": HOSTILE, "value": HOSTILE}], "footer": HOSTILE, "author_name": HOSTILE},
        ],
    }


async def test_first_page_leads_to_the_first_channel(slack: Any) -> None:
    """/ redirects to the first channel."""
    answer = await slack.http.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/channels/kafka")


async def test_unknown_channel_is_404(slack: Any) -> None:
    """A channel that is not there is a 404."""
    assert (await slack.http.get("/channels/<b>")).status_code == 404


async def test_polling_is_cheap_while_nothing_changes(slack: Any) -> None:
    """The live part is answered 304 without a body until something changes."""
    first = await slack.http.get("/channels/kafka/messages")
    known = {"if-none-match": first.headers["etag"]}
    again = await slack.http.get("/channels/kafka/messages", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    await slack.post("gateway")
    changed = await slack.http.get("/channels/kafka/messages", headers=known)
    assert changed.json()["posted"] == {"kafka": 0, "gateway": 1, "elsewhere": 0, "old": 0}


async def test_a_restarted_workspace_has_other_versions(make_slack: Any) -> None:
    """A page that is open over a restart does not take the new, empty workspace for unchanged."""
    tags = [(await make_slack().http.get("/channels/kafka/messages")).headers["etag"] for _ in range(2)]
    assert tags[0] != tags[1]


HOUR = 3600
NOW = 1_800_000_000
"""2027-01-15 08:00 UTC, which is 17:00 in Seoul."""

DATES = [
    (0, "{date_num} {time}", "2027-01-15 5:00 PM"),
    (0, "{time_secs}", "5:00:00 PM"),
    (0, "{date}", "January 15th"),
    (0, "{date_short}", "Jan 15"),
    (0, "{date_long}", "Friday, January 15th"),
    (0, "{date_short_pretty} {time_secs}", "Today 5:00:00 PM"),
    (7 * HOUR, "on {date_pretty}", "On tomorrow"),
    (7 * HOUR, "{date_num}", "2027-01-16"),
    (-18 * HOUR, "{date_long_pretty}", "Yesterday"),
    (-42 * HOUR, "{date_pretty}", "January 13th"),
    (-42 * HOUR, "{date_short_pretty}", "Jan 13"),
    (-42 * HOUR, "{date_long_pretty}", "Wednesday, January 13th"),
    (-24 * 200 * HOUR, "{date}, {date_short}, {date_long}", "June 29th, 2026, Jun 29, 2026, Monday, June 29th, 2026"),
    (24 * 200 * HOUR, "{date_short_pretty}", "Aug 3, 2027"),
    (-1, "{ago}", "1 second ago"),
    (-179, "{ago}", "2 minutes ago"),
    (-4 * HOUR, "posted {ago}", "Posted 4 hours ago"),
    (-49 * HOUR, "{ago}", "2 days ago"),
    (60, "{ago}", "In 1 minute"),
]


@asynccontextmanager
async def dated(browser: Browser, slack: Any, *formats: tuple[int, str], **context: Any) -> AsyncIterator[Page]:
    """Open a page at NOW in Seoul; each of the formats is a message with a date, so many seconds from NOW."""
    for offset, wanted in formats:
        await slack.post(text=f"<!date^{NOW + offset}^{wanted}|the fallback>")
    opened = await browser.new_context(**{"timezone_id": "Asia/Seoul", "locale": "en-US", **context})
    try:
        page = await opened.new_page()
        await page.clock.set_fixed_time(NOW)
        await page.goto(f"{slack.url}/channels/kafka")
        yield page
    finally:
        await opened.close()


async def test_dates_read_as_slack_writes_them(slack: Any, browser: Browser) -> None:
    """Each token of a date is replaced in the reader's time zone, and the whole begins with a capital letter."""
    formats = [(offset, wanted) for offset, wanted, _ in DATES]
    async with dated(browser, slack, *formats) as page:
        await expect(page.locator("time[data-format]")).to_have_text([shown for _, _, shown in DATES])


async def test_dates_speak_the_language_of_the_reader(slack: Any, browser: Browser) -> None:
    """Words, order and clock are those of the browser's language."""
    async with dated(browser, slack, (0, "{date_short_pretty} {time_secs}"), locale="de-DE") as page:
        await expect(page.locator("time[data-format]")).to_have_text("Heute 17:00:00")


async def test_without_a_script_a_date_is_its_fallback(slack: Any, browser: Browser) -> None:
    """A browser that runs no script shows what the sender meant for such clients."""
    async with dated(browser, slack, (0, "{time}"), java_script_enabled=False) as page:
        await expect(page.locator("time[data-format]")).to_have_text("the fallback")


async def test_today_becomes_yesterday(slack: Any, browser: Browser) -> None:
    """A date on a page that stays open reads as it should at any time, also when no message comes."""
    async with dated(browser, slack, (0, "{date_pretty}")) as page:
        await expect(page.locator("time[data-format]")).to_have_text("Today")
        await page.clock.set_fixed_time(NOW + 24 * HOUR)
        await expect(page.locator("time[data-format]")).to_have_text("Yesterday")


async def test_hostile_text_stays_text(slack: Any, page: Page) -> None:
    """Hostile text in any place is shown, not run, and the browser is told to run nothing inline."""
    await slack.post(**_hostile_message())
    answer = await page.goto(f"{slack.url}/channels/kafka")
    assert answer
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    await expect(page.locator("article")).to_contain_text("<script>window.hacked=1</script>")
    assert await page.evaluate("window.hacked") is None
    assert await page.locator("#messages script, #messages [onerror], #messages [onload]").count() == 0


async def test_updates_in_place(slack: Any, page: Page) -> None:
    """New messages and edits appear without a reload; an open thread stays open."""
    ts = await slack.post(text="FIRING", attachments=[{"color": "#e01e5a", "text": "lag 9000"}])
    reply = await slack.post(text="first reply", thread_ts=ts)
    await page.goto(f"{slack.url}/channels/kafka")
    await page.get_by_text("1 reply").click()
    await slack.call(
        "chat.update",
        channel=slack.channels["kafka"],
        ts=ts,
        text="RESOLVED",
        attachments=[{"color": "#2eb67d", "text": "lag 3"}],
    )
    await slack.post(text="second reply", thread_ts=ts)
    await slack.post(text="another alert")
    await slack.call("chat.update", channel=slack.channels["kafka"], ts=reply, text="reply, put right")
    await expect(page.get_by_text("another alert")).to_be_visible()
    first = page.locator("article").first
    await expect(first).to_contain_text("RESOLVED (edited)")
    assert await first.locator("svg.bar rect").get_attribute("fill") == "#2eb67d"
    await expect(page.get_by_text("2 replies")).to_be_visible()
    await expect(page.get_by_text("second reply")).to_be_visible()
    await expect(page.get_by_text("reply, put right")).to_be_visible()
    await expect(page.locator("article")).to_have_count(2)


async def test_what_changed_does_not_flash_for_who_wants_no_motion(slack: Any, page: Page) -> None:
    """A message that was edited is lit up for a moment, but not when the browser asks for no motion."""
    ts = await slack.post()
    await page.goto(f"{slack.url}/channels/kafka")
    await slack.call("chat.update", channel=slack.channels["kafka"], ts=ts, text="RESOLVED")
    message = page.locator("article.changed")
    await expect(message).to_have_css("animation-name", "changed")
    await page.emulate_media(reduced_motion="reduce")
    await expect(message).to_have_css("animation-name", "none")


async def test_badges_count_what_was_not_seen(slack: Any, page: Page) -> None:
    """A channel that gets messages while another one is looked at shows their number until it is opened."""
    await page.goto(f"{slack.url}/channels/kafka")
    await slack.post("gateway")
    await slack.post("gateway")
    link = page.get_by_role("link", name="gateway")
    await expect(link.get_by_label("2 unread")).to_be_visible()
    await link.click()
    await expect(page.get_by_role("heading", name="gateway")).to_be_visible()
    await expect(page.locator(".unread:visible")).to_have_count(0)


async def test_says_when_the_workspace_is_away(slack: Any, page: Page) -> None:
    """A page that can't reach the workspace says so, and no longer once it can."""
    await page.goto(f"{slack.url}/channels/kafka")
    await page.route("**/messages", lambda route: route.abort())
    await expect(page.get_by_role("status")).to_be_visible()
    await page.unroute("**/messages")
    await expect(page.get_by_role("status")).to_be_hidden()


async def test_embed_has_no_sidebar(slack: Any, page: Page) -> None:
    """?embed=1 shows the channel alone, for an iframe."""
    await page.goto(f"{slack.url}/channels/kafka?embed=1")
    await expect(page.get_by_role("navigation")).to_have_count(0)
    await expect(page.get_by_text("This is the very beginning of the")).to_be_visible()


async def test_blocks_look_as_they_are(slack: Any, page: Page) -> None:
    """Buttons with a URL are links; charts are pictures with a name; pictures have their text."""
    points = [{"label": "10:00", "value": 1}, {"label": "10:01", "value": 3}]
    axis = {"categories": ["10:00", "10:01"]}
    chart = {"type": "line", "series": [{"name": "lag", "data": points}], "axis_config": axis}
    buttons = [
        {"type": "button", "text": {"type": "plain_text", "text": "Runbook"}, "url": "https://example.com/"},
        {"type": "button", "text": {"type": "plain_text", "text": "Acknowledge"}, "action_id": "ack"},
    ]
    await slack.post(
        blocks=[
            {"type": "actions", "elements": buttons},
            {"type": "data_visualization", "title": "Lag", "chart": chart},
        ]
    )
    await page.goto(f"{slack.url}/channels/kafka")
    assert await page.get_by_role("link", name="Runbook").get_attribute("href") == "https://example.com/"
    await expect(page.get_by_role("button", name="Acknowledge")).to_be_enabled()
    await expect(page.get_by_role("img", name="Lag. lag: 3 at the end")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1440])
async def test_fits_the_width(slack: Any, page: Page, width: int) -> None:
    """Nothing sticks out sideways, be the text one long word, and the note is in sight."""
    await page.set_viewport_size({"width": width, "height": 844})
    await slack.post(text="x" * 500, attachments=[{"text": "`" + "y" * 300 + "`"}])
    await slack.post(text="```" + "z" * 300 + "```")
    await page.goto(f"{slack.url}/channels/kafka")
    await expect(page.get_by_text("A Slack-compatible workspace for demos, not Slack.")).to_be_in_viewport()
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert await page.evaluate("(m => m.scrollWidth <= m.clientWidth)(document.getElementById('messages'))")


async def test_keyboard(slack: Any, page: Page) -> None:
    """With the keyboard alone: skip to the messages, and open a thread."""
    ts = await slack.post()
    await slack.post(text="below", thread_ts=ts)
    await page.goto(f"{slack.url}/channels/kafka")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "Skip to the messages"
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("below")).to_be_visible()


CONTRAST = """
() => {
  const parse = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = (c) => {
    const [r, g, b] = parse(c).map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if (!/, 0\\)$/.test(color)) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const found = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.checkVisibility() || e.closest("svg, [disabled]")) continue;
    const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) found.push(`${e.className || e.tagName}: ${ratio.toFixed(2)}`);
  }
  return found;
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_contrast(slack: Any, page: Page, scheme: Any) -> None:
    """Every text has a contrast of 4.5 to its ground (WCAG 2.2, 1.4.3 AA), in both colour schemes."""
    await page.emulate_media(color_scheme=scheme)
    ts = await slack.post(text="*b* `code` <https://example.com|link> <!here> ```pre```")
    await slack.post(thread_ts=ts, text="reply")
    button = {"type": "button", "text": {"type": "plain_text", "text": "x"}, "url": "https://example.com"}
    elements = [button, {**button, "style": "primary"}, {**button, "style": "danger"}]
    mrkdwn = {"type": "mrkdwn", "text": "_quiet_"}
    await slack.post(blocks=[{"type": "actions", "elements": elements}, {"type": "context", "elements": [mrkdwn]}])
    await slack.call("chat.update", channel=slack.channels["kafka"], ts=ts, text="`edited` text")
    await page.goto(f"{slack.url}/channels/kafka")
    await slack.post("gateway")
    await expect(page.get_by_label("1 unread")).to_be_visible()
    assert await page.evaluate(CONTRAST) == []
