"""The whole path: load to Slack, as the engineer on call sees it."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser

from compose.addresses import OFFSETS, PROJECT
from compose.drills.table import DRILLS, QUICK
from compose.native.parts import PARTS
from compose.native.stack import Stack, free

pytestmark = pytest.mark.timeout(1200)

EMPTY_BY_DESIGN = {
    "up{": "Targets down: no drill of these takes a target away",
    "kafka_topic_under_replicated_partitions": "one broker: its partitions are whole or offline",
    "error_budget_burn:rate1h": "a window of an hour is there once nine tenths of it have been seen",
    "error_budget_burn:rate6h": "likewise",
    "error_budget_burn:rate3d": "likewise",
    "limit_used_ratio:predict30m": "a slope of twenty minutes' means of five minutes",
    "gateway_ratelimit_limiter_ok": "the demo's gateway asks a limiter in the drill fail-open only",
    "pod_cpu_throttled_ratio": "the demo's pods are processes, without a quota but in the drill throttled",
    "pod_cpu_pressure_ratio": "likewise",
    "pod_cpu_workload_missing_replicas": "no autoscaler without Kubernetes",
    "router_dead_letters": "Slack refuses nothing in these drills",
}
"""Part of a query, and why it has no answer within the minutes of these drills; promtool's cases feed their rules."""

NAMES = (*QUICK, "broker")
"""The three signals, and one drill that stops a part; the others take too long to be run with each change."""

WITHOUT_METRICS = {"kafka", "slack", "console"}
"""Kafka is read by kafka_lag; the stand-in for Slack and the page are only looked at."""


HURTS = {"lag": "Kafka", "limits": "Gateway", "cpu": "Services"}
"""Drill -> the stage of the console's path that it hurts."""

WATCH = """setInterval(() => {
  for (const stage of document.querySelectorAll(".stage"))
    saw(stage.querySelector(".stage-head").innerText.trim(), stage.className.split("stage-")[1]);
}, 1000)"""
"""Tells, each second, how every stage of the console's path is; a page that was loaded anew goes on."""


@dataclass(frozen=True)
class Drilled:
    """The stack, when its drills began (seconds since the epoch), and what `bongsu drill` said.

    `turned` is how each stage of the path was meanwhile on a page that somebody had open, change by change.
    """

    stack: Stack
    began: float
    result: subprocess.CompletedProcess[str]
    turned: dict[str, list[str]]


def bongsu(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line against a stack that runs already."""
    return subprocess.run(
        [sys.executable, "-m", "compose.cli", *arguments],
        env={**os.environ, "BONGSU_HOME": str(stack.home), "BONGSU_PORT_BASE": stack.book["console_port"]},
        capture_output=True,
        text=True,
        check=False,
    )


def ask(stack: Stack, path: str, **params: str) -> Any:
    """Ask Prometheus."""
    response = httpx.get(f"http://{stack.book['prometheus']}/api/v1/{path}", params=params, timeout=10)
    response.raise_for_status()
    return response.json()["data"]


@pytest.fixture(scope="module")
async def drilled(whole: Stack, browser: Browser) -> Drilled:
    """The stack after these drills were run on it, with the console open in a browser."""
    turned: dict[str, list[str]] = {}

    def saw(stage: str, condition: str) -> None:
        if turned.setdefault(stage, ["unknown"])[-1] != condition:
            turned[stage].append(condition)

    page = await browser.new_page()
    await page.expose_function("saw", saw)
    await page.add_init_script(WATCH)
    await page.goto(f"http://{whole.book['console']}/")
    began = time.time()
    result = await asyncio.to_thread(bongsu, whole, "drill", *NAMES)
    deadline = time.monotonic() + 60
    while {states[-1] for states in turned.values()} != {"ok"} and time.monotonic() < deadline:
        await asyncio.sleep(1)
    await page.close()
    return Drilled(whole, began, result, turned)


def test_every_target_is_scraped(whole: Stack) -> None:
    """Prometheus reads each exporter, service and part of the pipeline."""
    deadline = time.monotonic() + 60
    while down := [t["labels"]["part"] for t in ask(whole, "targets")["activeTargets"] if t["health"] != "up"]:
        assert time.monotonic() < deadline, down
        time.sleep(1)
    scraped = {target["labels"]["part"] for target in ask(whole, "targets")["activeTargets"]}
    assert scraped == {part.name for part in PARTS} - WITHOUT_METRICS


def test_it_is_small(whole: Stack) -> None:
    """All parts together stay below 2 GB, and `status` says so part by part."""
    statuses = whole.status()
    assert sum(status.memory for status in statuses) < 2e9, {one.part.name: one.memory for one in statuses}
    printed = bongsu(whole, "status")
    assert printed.returncode == 0, printed.stdout
    for status in statuses:
        assert re.search(rf"^{status.part.name}\s+ready\s+\S*{status.part.address(whole.book)}", printed.stdout, re.M)


def test_every_drill_passes(drilled: Drilled) -> None:
    """Each lights the right alert in the right channel, its message is edited when it is over, nothing else fires."""
    result = drilled.result
    assert result.returncode == 0, result.stdout + result.stderr
    assert [line.split()[0] for line in result.stdout.splitlines() if line.endswith(" yes")] == [*NAMES]


def test_the_path_turns_red_where_it_hurts_and_back(drilled: Drilled) -> None:
    """Who looks at the console during a drill sees which part it is, and that it is over."""
    for drill, stage in HURTS.items():
        assert "bad" in drilled.turned[stage], f"{drill}: {drilled.turned}"
    assert {states[-1] for states in drilled.turned.values()} == {"ok"}, drilled.turned


def test_every_panel_had_data_during_the_drills(drilled: Drilled) -> None:
    """No panel is dead: each query of each dashboard had an answer at some time since the drills began."""
    stack, began = drilled.stack, drilled.began
    empty, unused = [], set(EMPTY_BY_DESIGN)
    for path in sorted((PROJECT / "dashboards/json").glob("*.json")):
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            for target in panel.get("targets", []):
                query = re.sub(r"\$\{?__(rate_)?interval\}?", "1m", target["expr"])
                query = re.sub(r"\$\{?[a-z]\w*(:\w+)?\}?", ".*", query)
                found = ask(stack, "query_range", query=query, start=str(began), end=str(time.time()), step="5")
                if not found["result"]:
                    reasons = {part for part in EMPTY_BY_DESIGN if part in query}
                    unused -= reasons
                    empty += [] if reasons else [f"{path.stem}: {panel['title']}: {query}"]
    assert not unused, "these have answers now"
    assert not empty, "\n".join(empty)


async def test_slack_shows_what_happened(drilled: Drilled, browser: Browser) -> None:
    """One message a drill, resolved, with its history in the thread; the page shows it in a real browser."""
    stack = drilled.stack
    slack = f"http://{stack.book['slack']}"
    page = await browser.new_page()
    for told in (DRILLS[name].expects for name in NAMES):
        answer = await page.request.get(f"{slack}/messages", params={"channel": told.channel})
        (message,) = (await answer.json())["messages"]
        assert f"Resolved: {told.alert}" in message["text"]
        assert message["edited"]
        assert any("fired" in reply["text"] for reply in message["thread"])
        await page.goto(f"{slack}/channels/{told.channel}")
        await page.get_by_text(f"Resolved: {told.alert}").first.wait_for()
    await page.close()


async def test_the_console_shows_it_and_asks_nobody_else(drilled: Drilled, browser: Browser) -> None:
    """The drill's charts are drawn, the path is back to steady traffic, and no request leaves this machine."""
    stack = drilled.stack
    foreign: list[str] = []
    page = await browser.new_page(viewport={"width": 1440, "height": 1000})
    page.on("request", lambda request: foreign.append(request.url) if _is_foreign(request.url) else None)
    for dashboard in sorted((PROJECT / "dashboards/json").glob("*.json")):
        await page.goto(f"http://{stack.book['console']}/d/{dashboard.stem}")
        await page.locator("canvas").first.wait_for()
    for address in (f"{stack.book['console']}/runbooks/KafkaConsumerLagHigh", f"{stack.book['slack']}/channels/kafka"):
        await page.goto(f"http://{address}")
        await page.get_by_text("KafkaConsumerLagHigh").first.wait_for()
    await page.goto(f"http://{stack.book['console']}/")
    await page.get_by_text("Steady traffic").first.wait_for()
    await page.close()
    assert not foreign


def _is_foreign(url: str) -> bool:
    return url.startswith(("http:", "https:", "ws:", "wss:")) and httpx.URL(url).host != "127.0.0.1"


def test_ctrl_c_ends_everything(tmp_path: Path, port_base: Callable[[], int]) -> None:
    """`bongsu demo` ends every process and frees every port when its terminal says Ctrl-C."""
    base = port_base()
    environment = {**os.environ, "BONGSU_HOME": str(tmp_path), "BONGSU_PORT_BASE": str(base)}
    child = subprocess.Popen(
        [sys.executable, "-u", "-m", "compose.cli", "demo"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert child.stdout is not None
    seen = []
    try:
        for line in child.stdout:
            seen.append(line)
            if "Ctrl-C ends it all" in line:
                child.send_signal(signal.SIGINT)
                break
        rest = child.stdout.read()
        assert child.wait(timeout=60) == 0, "".join(seen) + rest
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    assert "Everything is stopped" in rest
    assert not list((tmp_path / "run").glob("*.json"))
    assert [name for name, offset in OFFSETS.items() if not free(f"127.0.0.1:{base + offset}")] == []
