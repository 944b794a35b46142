"""The real Prometheus takes every rule, and every query of every panel."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from compose.native.stack import Stack
from tests.dashboards.contract import ELSEWHERE

FOLDER = Path(__file__).resolve().parents[2] / "dashboards" / "json"
BOARDS = sorted(FOLDER.glob("*.json"))


@pytest.fixture(scope="module")
def watchers(parts: Callable[..., AbstractContextManager[Stack]]) -> Iterator[Stack]:
    """Prometheus and Alertmanager, nothing else of the stack."""
    with parts("prometheus", "alertmanager") as stack:
        yield stack


@pytest.fixture(scope="module")
def prometheus(watchers: Stack) -> Iterator[httpx.Client]:
    """Prometheus with the project's configuration and rules."""
    with httpx.Client(base_url=f"http://{watchers.book['prometheus']}") as client:
        yield client


def test_every_rule_is_loaded_and_evaluates(prometheus: httpx.Client) -> None:
    """No group fails against real storage; Watchdog fires."""
    groups = prometheus.get("/api/v1/rules").json()["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert {group["name"] for group in groups} == {"gateway_limits", "kafka_lag", "pipeline", "pod_cpu", "slo"}
    assert {rule.get("lastError") for rule in rules} == {None}


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_every_query_of_a_page_is_understood(prometheus: httpx.Client, path: Path) -> None:
    """Panels, variables and annotations ask PromQL that this Prometheus knows, whatever is chosen."""
    board = json.loads(path.read_text(encoding="utf-8"))
    exprs = [target["expr"] for panel in board["panels"] for target in panel.get("targets") or []]
    exprs += [annotation["expr"] for annotation in board["annotations"]["list"]]
    exprs += [
        variable["query"].removeprefix("label_values(").rpartition(",")[0]
        for variable in board["templating"]["list"][1:]
    ]
    for expr in exprs:
        filled = re.sub(r"\$\w+", ".*", expr.replace("$__rate_interval", "20s"))
        answer = prometheus.get("/api/v1/query", params={"query": filled}).json()
        assert answer["status"] == "success", answer


@pytest.mark.parametrize("part", ["prometheus", "alertmanager"])
def test_what_is_asked_of_the_watchers_is_what_they_tell(watchers: Stack, part: str) -> None:
    """The names that the pages ask Prometheus and Alertmanager for, of themselves, are those of their own /metrics."""
    told = httpx.get(f"http://{watchers.book[part]}/metrics").text
    asked = {name for name in ELSEWHERE if name.startswith(f"{part}_")}
    assert asked
    assert {name for name in asked if f"\n{name}" not in told} == set()
