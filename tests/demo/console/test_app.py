"""A console over dashboards and a Prometheus of the test's own."""

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

from compose.addresses import PROJECT
from tests.demo.console.conftest import panel


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
def console(stack: Any, until: Any) -> Callable[..., AbstractAsyncContextManager[str]]:
    """Run a console whose Prometheus and dashboards are the test's own, `async with console(…) as url`."""

    @asynccontextmanager
    async def run(folder: Path, prometheus: str) -> AsyncIterator[str]:
        port = stack.book["billing_port"]
        settings = (Path(stack.book.values["config"]) / "demo" / "console.yaml").read_text()
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
    overview = PROJECT / "dashboards" / "json" / "bongsu-overview.json"
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
    stack: Any, console: Any, visit: Opened, tmp_path: Path
) -> None:
    """The file and its place are on the page; odd panels and refused queries say so in their own card."""
    (tmp_path / "broken.json").write_text(BROKEN)
    (tmp_path / "odd.json").write_text(ODD)
    async with console(tmp_path, stack.book["prometheus_url"]) as url, visit(f"{url}/d/odd") as page:
        await expect(page.locator(".banner").first).to_have_text(
            "broken.json is not shown: panels.0.targets.0.expr: Field required."
        )
        await expect(page.get_by_role("heading", name="Odd <b>title</b>")).to_be_visible()
        await expect(page.locator(".happened")).to_be_hidden()
        await expect(panel(page, "Heat").locator(".notice")).to_contain_text("are drawn by Grafana only")
        await expect(panel(page, "Bad query").locator(".notice")).to_contain_text("Prometheus refused the query")


async def test_health_and_metrics(stack: Any, console: Any, tmp_path: Path) -> None:
    """Ready with dashboards, 503 with a reason without; the process counts its own CPU and memory."""
    running = stack.book["console_url"]
    async with httpx.AsyncClient() as http:
        assert (await http.get(f"{running}/-/healthy")).text == "console is running.\n"
        assert (await http.get(f"{running}/-/ready")).text == "console is ready.\n"
        metrics = (await http.get(f"{running}/metrics")).text
        assert "process_cpu_seconds_total" in metrics
        async with console(tmp_path, "http://127.0.0.1:9") as url:
            answer = await http.get(f"{url}/-/ready")
            assert (answer.status_code, answer.text) == (503, f"no dashboard in {tmp_path}.\n")
