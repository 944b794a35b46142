"""The console's pages in a real browser, over a real Prometheus."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from demo.console import units

WAIT = 30_000
"""Milliseconds for what comes with a refresh, a scrape and a rule's evaluation, on a busy machine."""

LAG = "consumergroup_topic:kafka_consumergroup_lag:sum"
SECONDS = "consumergroup_topic:kafka_consumergroup_lag_seconds:max"

expect.set_options(timeout=WAIT)


def panel(page: Page, title: str) -> Any:
    """The card of one panel."""
    return page.locator(".panel", has=page.get_by_role("heading", name=title, exact=True))


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


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("path", ["/", "/d/bongsu-pods", "/runbooks/KafkaConsumerLagHigh"])
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
        await expect(stage(page, "Kafka").locator("dt")).to_have_text(total)
        await expect(stage(page, "Kafka")).to_have_class(re.compile("stage-(warn|bad)"))
        await expect(stage(page, "Services").locator("dt")).to_have_text("43.8 %")
        await expect(stage(page, "Router")).to_have_class(re.compile("stage-bad"))
        alert = page.locator(".alert").filter(has_text="KafkaConsumerLagHigh")
        await expect(alert).to_contain_text("billing")
        await alert.get_by_role("link", name="Runbook").click()
        await expect(page.get_by_role("heading", name="KafkaConsumerLagHigh").first).to_be_visible()


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


# --- a console of its own, over a Prometheus that counts ---


class Counting:
    """A stand-in for Prometheus that answers "no series" and keeps every question."""

    def __init__(self) -> None:
        self.questions: list[str] = []
        self.asked = asyncio.Event()

    async def answer(self, request: Request) -> JSONResponse:
        body = (await request.body()).decode()
        self.questions.append(f"{request.url.path} {request.url.query} {body}")
        self.asked.set()
        data: Any = {"resultType": "vector", "result": []}
        if request.url.path.endswith("/alerts"):
            data = {"alerts": []}
        elif request.url.path.endswith("/values"):
            data = []
        return JSONResponse({"status": "success", "data": data})

    async def next_question(self, seconds: float) -> None:
        """Wait for a question from now on. Raises TimeoutError."""
        self.asked.clear()
        await asyncio.wait_for(self.asked.wait(), seconds)

    async def falls_silent(self, seconds: float, within: float) -> bool:
        """Whether no question comes for `seconds` on end, some time `within` seconds."""
        async with asyncio.timeout(within):
            while True:
                try:
                    await self.next_question(seconds)
                except TimeoutError:
                    return True


@pytest.fixture
def console(world: Any, until: Any) -> Callable[..., AbstractAsyncContextManager[str]]:
    """Run a console whose Prometheus and dashboards are the test's own, `async with console(…) as url`."""

    @asynccontextmanager
    async def run(folder: Path, prometheus: str) -> AsyncIterator[str]:
        port = world.stack.book["billing_port"]
        settings = (Path(world.stack.book.values["config"]) / "demo" / "console.yaml").read_text()
        settings = re.sub(r"(?m)^listen: .*", f"listen: 127.0.0.1:{port}", settings)
        settings = re.sub(r"(?m)^prometheus: .*", f"prometheus: {prometheus}", settings)
        settings = re.sub(r"(?m)^dashboards: .*", f"dashboards: {folder}", settings)
        (folder / "console.yaml").write_text(settings)
        command = (sys.executable, "-m", "demo.console", "--config", str(folder / "console.yaml"))
        process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{port}"

        async def answers() -> bool:
            assert process.returncode is None, f"the console ended with {process.returncode}"
            try:
                async with httpx.AsyncClient() as http:
                    return (await http.get(f"{url}/-/healthy")).is_success
            except httpx.ConnectError:
                return False

        try:
            await until(answers)
            yield url
        finally:
            process.terminate()
            await process.wait()

    return run


Serve = Callable[..., AbstractAsyncContextManager[int]]
Opened = Callable[..., AbstractAsyncContextManager[Page]]


async def test_many_pages_ask_once_and_no_page_asks_nothing(
    console: Any, serve: Serve, visit: Opened, tmp_path: Path
) -> None:
    """Three pages open: no question is put twice. All closed: none is put any more."""
    counting = Counting()
    overview = Path(__file__).parents[3] / "dashboards" / "json" / "bongsu-overview.json"
    (tmp_path / overview.name).write_text(overview.read_text())
    app = Starlette(routes=[Route("/{rest:path}", counting.answer, methods=["GET", "POST"])])
    async with serve(app) as port, console(tmp_path, f"http://127.0.0.1:{port}") as url:
        with pytest.raises(TimeoutError):
            await counting.next_question(1)
        async with visit(url) as first, visit(url) as second, visit(url) as third:
            for page in (first, second, third):
                await expect(panel(page, "Consumer lag").locator(".notice")).to_have_text(
                    "No consumer group is measured"
                )
            timed = [question for question in counting.questions if "query=" in question]
            assert len(timed) == len(set(timed))
        # NiceGUI waits three seconds for a browser to come back
        assert await counting.falls_silent(8, within=30)


BROKEN = '{"uid": "broken", "title": "Broken", "panels": [{"type": "stat", "targets": [{}]}]}'
ODD = """{"uid": "odd", "title": "Odd <b>title</b>", "panels": [
  {"type": "heatmap", "title": "Heat", "targets": [{"expr": "up"}]},
  {"type": "stat", "title": "Bad query", "gridPos": {"y": 9}, "targets": [{"expr": "sum(<script>"}]}]}"""


async def test_a_broken_dashboard_is_named_and_the_others_work(
    world: Any, console: Any, visit: Opened, tmp_path: Path
) -> None:
    """The file and its place are on the page; odd panels and refused queries say so in their own card."""
    (tmp_path / "broken.json").write_text(BROKEN)
    (tmp_path / "odd.json").write_text(ODD)
    async with console(tmp_path, world.prometheus) as url, visit(f"{url}/d/odd") as page:
        await expect(page.locator(".banner").first).to_have_text(
            "broken.json is not shown: panels.0.targets.0.expr: Field required."
        )
        await expect(page.get_by_role("heading", name="Odd <b>title</b>")).to_be_visible()
        await expect(panel(page, "Heat").locator(".notice")).to_contain_text("are drawn by Grafana only")
        await expect(panel(page, "Bad query").locator(".notice")).to_contain_text("Prometheus refused the query")


async def test_health_and_metrics(world: Any, console: Any, tmp_path: Path) -> None:
    """Ready with dashboards, 503 with a reason without; the process counts its own CPU and memory."""
    async with httpx.AsyncClient() as http:
        assert (await http.get(f"{world.url}/-/healthy")).text == "console is running.\n"
        assert (await http.get(f"{world.url}/-/ready")).text == "console is ready.\n"
        metrics = (await http.get(f"{world.url}/metrics")).text
        assert "process_cpu_seconds_total" in metrics
        async with console(tmp_path, "http://127.0.0.1:9") as url:
            answer = await http.get(f"{url}/-/ready")
            assert (answer.status_code, answer.text) == (503, f"no dashboard in {tmp_path}.\n")
