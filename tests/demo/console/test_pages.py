"""The console's pages in a real browser, over a real Prometheus."""

import json
import re
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from compose.addresses import PROJECT
from compose.native.parts import PARTS
from demo.console import units
from tests.demo.console.conftest import panel

PAGES = [f"/d/{file.stem}" for file in sorted((PROJECT / "dashboards" / "json").glob("*.json"))]

LAG = "consumergroup_topic:kafka_consumergroup_lag:sum"
SECONDS = "consumergroup_topic:kafka_consumergroup_lag_seconds:max"


def stage(page: Page, name: str) -> Any:
    """A box of the path."""
    return page.locator(".stage").filter(has_text=re.compile(rf"^{name}"))


async def test_the_page_shows_what_prometheus_says(world: Any, visit: Any) -> None:
    """Tile, legend and table hold the very numbers that Prometheus gives to the same questions."""
    lag, seconds = await world.ask(LAG), await world.ask(SECONDS)
    async with visit(f"{world.url}/d/bongsu-kafka-lag") as page:
        await expect(panel(page, "Worst lag").locator(".number")).to_have_text(units.text(max(seconds.values()), "s"))
        legend = panel(page, "Lag by group and topic").locator(".legend li")
        await expect(legend).to_have_count(len(lag))
        assert await legend.all_inner_texts() == [f"{name}\n{units.text(lag[name], 'short')}" for name in sorted(lag)]
        rows = panel(page, "Lag by partition").locator("tbody tr")
        partitions = await world.ask("kafka_consumergroup_lag")
        await expect(rows).to_have_count(len(partitions))
        assert await rows.nth(0).locator("td").all_inner_texts() == ["billing", "orders", "1", "1,300"]


async def test_charts_are_drawn_with_their_threshold(world: Any, visit: Any) -> None:
    """The canvas holds lines on the instants of the window, and the rule's threshold dashed."""
    async with visit(f"{world.url}/d/bongsu-kafka-lag?from=now-5m") as page:
        chart = panel(page, "Lag by group and topic").locator(".chart")
        await expect(chart).to_have_attribute("aria-label", re.compile(r"billing / orders 1,420"))
        assert await chart.locator("canvas").count() == 1
        box = await chart.bounding_box()
        assert box
        assert box["height"] > 100


async def test_no_label_is_read_as_html(world: Any, visit: Any) -> None:
    """A group named like an HTML element is written as it is, in legend, table and tooltip, and runs nothing."""
    async with visit(f"{world.url}/d/bongsu-kafka-lag") as page:
        shown = panel(page, "Lag by group and topic")
        await expect(shown.get_by_text("<img src=x onerror=hacked=1> / orders")).to_be_visible()
        chart = shown.locator(".chart")
        box = await chart.bounding_box()
        await page.mouse.move(box["x"] + box["width"] - 16, box["y"] + box["height"] / 2)
        await expect(page.locator(".chart-tooltip").filter(has_text="<img")).to_be_visible()
        assert await page.evaluate("typeof hacked") == "undefined"


async def test_no_data_is_not_zero(world: Any, visit: Any) -> None:
    """A panel without series says so in its own words; a lag of 0 s is 0 s."""
    async with visit(f"{world.url}/d/bongsu-kafka-lag?var-consumergroup=answers") as page:
        await expect(panel(page, "Worst lag").locator(".number")).to_have_text(units.text(0, "s"))
        await expect(panel(page, "Members of the group").locator(".notice")).to_have_text(
            "No consumer group is measured"
        )


async def test_a_choice_goes_into_the_url_and_the_panels(world: Any, visit: Any) -> None:
    """A group picked in the toolbar is what every panel shows, and a link to it can be sent to someone."""
    async with visit(f"{world.url}/d/bongsu-kafka-lag") as page:
        legend = panel(page, "Lag by group and topic").locator(".legend li")
        await expect(legend).to_have_count(3)
        await page.get_by_label("consumergroup").click()
        await page.get_by_role("option", name="billing").click()
        await expect(legend).to_have_count(1)
        assert "var-consumergroup=billing" in page.url
        address = page.url
    async with visit(address) as page:
        await expect(panel(page, "Lag by group and topic").locator(".legend li")).to_have_count(1)
        await expect(page.get_by_label("consumergroup")).to_have_value("billing")


@pytest.mark.parametrize(
    ("path", "width"),
    [("/", 1440), ("/", 390), *((path, 390) for path in PAGES), ("/runbooks/KafkaConsumerLagHigh", 390)],
)
async def test_a_page_fits_and_asks_nobody_else(world: Any, visit: Any, seen: Any, width: int, path: str) -> None:
    """No scrolling sideways, no error in the browser, no request to another machine."""
    async with visit(f"{world.url}{path}", width=width) as page:
        await expect(page.get_by_role("heading").first).to_be_visible()
        await expect(page.locator(".notice:visible").filter(has_text="loading …")).to_have_count(0)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert not seen.wrongs
    assert {host.split(":")[0] for host in seen.hosts} == {"127.0.0.1"}


async def test_the_path_turns_where_it_hurts(world: Any, visit: Any) -> None:
    """A lag above its threshold colours Kafka and is listed with its runbook, one click away."""
    total = units.text(sum((await world.ask(LAG)).values()), "short")
    async with visit(world.url) as page:
        late = units.text(max((await world.ask(SECONDS)).values()), "s")
        await expect(stage(page, "Kafka").locator("dt")).to_have_text([total, late])
        await expect(stage(page, "Kafka")).to_have_class(re.compile("stage-(warn|bad)"))
        await expect(stage(page, "Services").locator("dt")).to_have_text("43.8 %")
        await expect(stage(page, "Router")).to_have_class(re.compile("stage-bad"))
        alert = page.locator(".alert").filter(has_text="KafkaConsumerLagHigh")
        await expect(alert).to_contain_text("billing")
        await alert.get_by_role("link", name="Runbook").click()
        await expect(page.get_by_role("heading", name="KafkaConsumerLagHigh").first).to_be_visible()


async def test_every_process_is_shown(world: Any, visit: Any) -> None:
    """State, pid, cores, memory and log, as `bongsu status` has them; one that ends says so above, and why."""
    async with visit(world.url) as page:
        lines = page.locator(".process")
        await expect(lines).to_have_count(len(PARTS))
        for part in world.stack.status(seconds=0):
            cells = await lines.filter(has_text=str(part.log)).locator("td").all_inner_texts()
            assert (cells[0], cells[5], cells[6]) == (part.part.name, part.part.what, str(part.log))
            assert (cells[1], cells[2]) == (part.state, str(part.pid))
        assert not await page.locator(".process-ready", has_text="router").count()
        world.stop("slack")
        await expect(page.locator(".headline a")).to_contain_text("slack")
        await page.locator(".headline a").click()
        await expect(page.locator(".process-stopped + tr pre", has_text="Shutting down")).to_be_visible()
        world.start("slack")
        await expect(page.locator(".process-ready", has_text="Slack-compatible")).to_be_visible()


async def test_what_happened_is_marked_and_listed(world: Any, visit: Any, until: Any) -> None:
    """The alert that fires stands in the list with its time, beside charts that are drawn."""

    async def fires() -> bool:
        return bool(await world.ask('ALERTS{alertname="KafkaConsumerLagHigh", alertstate="firing"}'))

    await until(fires, seconds=120)
    async with visit(f"{world.url}/d/bongsu-kafka-lag?from=now-5m") as page:
        summary = page.locator(".happened summary")
        await expect(summary).to_contain_text(re.compile(r"Alerts [1-9]"))
        await summary.press("Enter")
        event = page.locator(".happened li", has_text="KafkaConsumerLagHigh")
        await expect(event).to_contain_text("goes on")
        await expect(event.locator("local-time").first).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))


async def test_a_page_leads_to_the_others_with_its_time_and_choices(world: Any, visit: Any) -> None:
    """Two groups chosen, an hour looked at: the next page looks at the same."""
    query = "from=now-1h&var-consumergroup=billing&var-consumergroup=answers"
    async with visit(f"{world.url}/d/bongsu-kafka-lag?{query}") as page:
        await expect(panel(page, "Lag by group and topic").locator(".legend li")).to_have_count(2)
        pods = page.get_by_role("link", name="Pod CPU")
        await expect(pods).to_have_attribute("href", f"/d/bongsu-pods?{query}")
        await page.get_by_label("Time range").click()
        await page.get_by_role("option", name="5 minutes", exact=True).click()
        await expect(pods).to_have_attribute("href", re.compile("from=now-5m"))
        await pods.click()
        await expect(page.get_by_label("Time range")).to_have_value("5 minutes")


async def test_everything_is_reached_by_keyboard(world: Any, visit: Any) -> None:
    """The first Tab offers to skip the navigation, and each thing that has the focus shows it."""
    async with visit(world.url) as page:
        await expect(stage(page, "Kafka").locator("dt")).to_have_count(2)
        await page.keyboard.press("Tab")
        skip = page.get_by_text("Skip to content")
        await expect(skip).to_be_focused()
        await expect(skip).to_be_in_viewport()
        seen = []
        for _ in range(40):
            await page.keyboard.press("Tab")
            tag, text, outline = await page.evaluate(FOCUSED)
            assert outline or tag == "IFRAME", f"the focus on {text} can't be seen"
            seen.append(text)
        for name in ("Overview", "Gateway", "Runbook", "Start", "#kafka"):
            assert any(text.startswith(name) for text in seen), f"{name} is not reached: {seen}"


FOCUSED = """() => {
  const one = document.activeElement, style = getComputedStyle(one);
  return [one.tagName, one.innerText ?? "", style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2];
}"""


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
async def test_everyone_can_read_it(world: Any, visit: Any, scheme: str, width: int) -> None:
    """axe-core finds nothing: contrast of WCAG AA, names, roles, order; with an alert firing and parts down."""
    addresses = ["/", "/d/bongsu-kafka-lag", "/runbooks/KafkaConsumerLagHigh", f"{world.slack}/channels/kafka"]
    for address in addresses:
        async with visit(urljoin(world.url, address), width=width, scheme=scheme) as page:
            await expect(page.get_by_role("heading").first).to_be_visible()
            await expect(page.locator(".notice:visible").filter(has_text="loading …")).to_have_count(0)
            found = await Axe().run(page)
            assert not found.violations_count, found.generate_report()


async def test_slack_has_the_colours_of_the_page(world: Any, visit: Any) -> None:
    """Dark by the switch, on a system that is light: no white frame in a dark page."""
    async with visit(world.url) as page:
        ground = "getComputedStyle(document.body).backgroundColor"
        frame = page.frame_locator(".slack iframe").locator("body")
        await expect(frame).to_have_css("background-color", "rgb(255, 255, 255)")
        for name in ("auto", "light"):
            await page.get_by_role("button", name=f"Colours: {name}").click()
        await expect(page.locator("body")).to_have_class(re.compile("body--dark"))
        await expect(frame).to_have_css("background-color", "rgb(26, 29, 33)")
        assert await page.evaluate(ground) == "rgb(14, 17, 22)"


async def test_a_scenario_is_started_and_stopped(world: Any, visit: Any) -> None:
    """The buttons order the load; what runs and the time left are shown, by keyboard too."""
    async with visit(world.url) as page:
        await page.get_by_role("button", name="Start Slow worker").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator(".scenario-running")).to_contain_text("2:00 left")
        assert world.load.current == "lag"
        await page.get_by_role("button", name="Stop Slow worker").click()
        await expect(page.locator(".scenario-running")).to_contain_text("Steady")
        assert world.load.current == "steady"


async def test_a_refusal_is_a_toast(world: Any, visit: Any) -> None:
    """What the load says is shown, and the page stays as it was."""
    world.load.refusal = "the last scenario's faults can't be undone"
    try:
        async with visit(world.url) as page:
            await page.get_by_role("button", name="Start Slow worker").click()
            await expect(page.get_by_role("alert")).to_contain_text(
                "The load refused (409): the last scenario's faults"
            )
    finally:
        world.load.refusal = None


async def test_the_load_fails_and_comes_back(world: Any, visit: Any) -> None:
    """The page says what it was told, offers no scenario meanwhile, and goes on by itself."""
    async with visit(world.url) as page:
        notice, start = page.locator(".scenarios .notice"), page.get_by_role("button", name="Start Slow worker")
        await expect(start).to_be_visible()
        world.load.ill = True
        await expect(notice).to_have_text("The load refused (503): no scenario can be read")
        await expect(start).to_be_hidden()
        await expect(stage(page, "Load")).to_contain_text("load can't be asked")
        world.load.ill = False
        await expect(notice).to_be_hidden()
        await expect(start).to_be_visible()


async def test_slack_is_embedded_and_its_absence_said(world: Any, visit: Any) -> None:
    """The channel is in the page; when Slack goes the page says so there, and it comes back by itself."""
    async with visit(world.url) as page:
        frame = page.frame_locator(".slack iframe")
        await expect(frame.get_by_text("kafka").first).to_be_visible()
        world.stop("slack")
        await expect(page.locator(".slack .notice")).to_contain_text("does not answer")
        await expect(stage(page, "Slack")).to_have_class(re.compile("stage-bad"))
        world.start("slack")
        await expect(page.locator(".slack .notice")).to_be_hidden()
        await expect(frame.get_by_text("kafka").first).to_be_visible()


async def test_the_buttons_of_a_message_work_in_the_page(world: Any, visit: Any, serve: Any) -> None:
    """A click reaches the app where the router listens, and what it makes of the message is shown without a reload."""
    heard = []

    async def acknowledge(request: Request) -> Response:
        click = json.loads((await request.form())["payload"])
        heard.append((click["channel"]["name"], click["actions"][0]["action_id"], click["actions"][0]["value"]))
        async with httpx.AsyncClient() as http:
            await http.post(click["response_url"], json={"replace_original": True, "text": "Acknowledged by you"})
        return Response()

    button = {"type": "button", "action_id": "ack", "value": "7", "text": {"type": "plain_text", "text": "Acknowledge"}}
    message = {"channel": "kafka", "text": "Lag", "blocks": [{"type": "actions", "elements": [button]}]}
    app = Starlette(routes=[Route("/api/v1/slack/interactions", acknowledge, methods=["POST"])])
    async with serve(app, port=int(world.stack.book["router_port"])), httpx.AsyncClient() as http:
        token = {"authorization": f"Bearer {world.stack.book['slack_token']}"}
        assert (await http.post(f"{world.slack}/api/chat.postMessage", json=message, headers=token)).json()["ok"]
        async with visit(world.url) as page:
            frame = page.frame_locator(".slack iframe")
            await frame.get_by_role("button", name="Acknowledge").press("Enter")
            await expect(frame.get_by_text("Acknowledged by you")).to_be_visible()
            await expect(frame.get_by_role("button", name="Acknowledge")).to_have_count(0)
    assert heard == [("kafka", "ack", "7")]


async def test_prometheus_goes_and_comes_back(world: Any, visit: Any) -> None:
    """While it is down every panel says so and no old number stands; afterwards all is drawn again without a reload."""
    async with visit(world.url) as page, visit(f"{world.url}/d/bongsu-pods") as pods:
        await expect(stage(page, "Services").locator("dt")).to_have_text("43.8 %")
        await expect(panel(pods, "Worst pod").locator(".number")).to_have_text("43.8 %")
        world.stop("prometheus")
        await expect(stage(page, "Prometheus")).to_contain_text("can't be reached")
        await expect(stage(page, "Services").locator("dt")).to_have_text("—")
        await expect(page.locator(".alerts .notice")).to_contain_text("Prometheus can't be reached")
        await expect(pods.locator(".banner")).to_contain_text("Prometheus can't be reached")
        await expect(panel(pods, "Worst pod").locator(".number")).to_be_hidden()
        world.start("prometheus")
        await expect(panel(pods, "Worst pod").locator(".number")).to_have_text("43.8 %")
        await expect(pods.locator(".banner")).to_be_hidden()
        await expect(stage(page, "Services").locator("dt")).to_have_text("43.8 %")


async def test_colours_follow_the_browser_and_the_switch(world: Any, visit: Any) -> None:
    """Dark when the system is; the switch goes to light and is remembered."""
    async with visit(f"{world.url}/runbooks", scheme="dark") as page:
        await expect(page.locator("body")).to_have_class(re.compile("body--dark"))
        await page.get_by_role("button", name="Colours: auto").click()
        await expect(page.locator("body")).to_have_class(re.compile("body--light"))
        await page.wait_for_function("document.cookie.includes('theme=light')")
        await page.reload()
        await expect(page.get_by_role("button", name="Colours: light")).to_be_visible()
        await expect(page.locator("body")).to_have_class(re.compile("body--light"))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/d/nothing", "There is no dashboard with the uid nothing."),
        ("/runbooks/Nothing", "There is no runbook for Nothing."),
        ("/runbooks/..%2f..%2fREADME", None),
    ],
)
async def test_what_is_not_there_is_404(world: Any, visit: Any, path: str, text: str | None) -> None:
    """The status says it, and so does the page."""
    async with httpx.AsyncClient() as http:
        assert (await http.get(f"{world.url}{path}")).status_code == 404
    if text:
        async with visit(f"{world.url}{path}") as page:
            await expect(page.get_by_text(text)).to_be_visible()


async def test_a_time_range_that_makes_no_sense_is_said(world: Any, visit: Any) -> None:
    """The sentence stands above the panels; nothing is asked."""
    async with visit(f"{world.url}/d/bongsu-pods?from=yesterday") as page:
        await expect(page.locator(".banner")).to_contain_text("'yesterday' is not a time such as now, now-15m")


MOVING = """() => [...document.querySelectorAll("body, body *")].filter((one) =>
  ["", "::before", "::after"].map((part) => getComputedStyle(one, part)).some((style) =>
    style.animationName !== "none" || style.transitionDuration.split(", ").some((each) => parseFloat(each) > 0)
  )).map((one) => one.className)"""


async def test_nothing_moves_for_who_wants_no_motion(world: Any, visit: Any) -> None:
    """The widgets' own transitions are there, and end with the browser's setting."""
    async with visit(f"{world.url}/d/bongsu-kafka-lag") as page:
        await expect(page.get_by_label("consumergroup")).to_be_visible()
        assert await page.evaluate(MOVING) != []
        await page.emulate_media(reduced_motion="reduce")
        assert await page.evaluate(MOVING) == []
