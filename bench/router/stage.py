"""The processes: a workspace, a real Alertmanager that tells it by itself and through the router, the router."""

import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bench.router.alerts import CHANNELS
from bench.router.workspace import DIRECT, ROUTER, TOKENS
from compose.addresses import AddressBook, native
from compose.native.parts import PARTS, Part
from compose.native.stack import Stack

PORT_BASE = 28000


def _workspace(book: AddressBook) -> list[str]:
    return [sys.executable, "-m", "bench.router.workspace", book["slack"]]


DEMO = {part.name: part for part in PARTS}
PLAYED = (
    Part("slack", "workspace that notes each call", ("slack",), _workspace),
    DEMO["alertmanager"],
    replace(DEMO["router"], secrets=()),  # it must not find the token of a real Slack
)


@dataclass(frozen=True)
class Record:
    """A call of one of the two apps that Slack answered: what the message shows since, and from when."""

    app: str
    kind: str
    at: float
    ok: bool
    ts: str | None
    shows: dict[str, bool]


@dataclass(frozen=True)
class Stage:
    """What runs, by address; `router` and `workspace` are processes."""

    session: aiohttp.ClientSession
    slack: str
    alertmanager: str
    webhook: str
    router: psutil.Process
    workspace: psutil.Process

    async def fire(self, alert: dict[str, Any]) -> None:
        """Post an alert to Alertmanager, as Prometheus does."""
        async with self.session.post(f"{self.alertmanager}/api/v2/alerts", json=[alert]) as answer:
            answer.raise_for_status()

    async def records(self) -> list[Record]:
        """Return all calls so far that write."""
        async with self.session.get(f"{self.slack}/records") as answer:
            return [Record(**found) for found in await answer.json()]

    async def metric(self, name: str) -> float:
        """Return the sum of one of the router's metrics."""
        async with self.session.get(f"{self.webhook}/metrics") as answer:
            families = text_string_to_metric_families(await answer.text())
        return sum(sample.value for family in families for sample in family.samples if sample.name == name)


@asynccontextmanager
async def running(home: Path) -> AsyncIterator[Stage]:
    """Start everything on an empty folder, on disk; end it afterwards. Raises StackError and ToolMissing."""
    book = _prepared(home)
    stack = Stack(home, book, PLAYED)
    stack.check_ports()
    try:
        for part in stack.parts:
            stack.start_part(part)
        for _ in stack.wait():
            pass
        found = {name: psutil.Process(one.pid) for name, one in stack.running().items()}
        slack, alertmanager, router = (f"http://{book[part.name]}" for part in PLAYED)
        timeout = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
            yield Stage(session, slack, alertmanager, router, found["router"], found["slack"])
    finally:
        stack.stop()


def _prepared(home: Path) -> AddressBook:
    """Make the folder anew, with the two configurations in place of the demo's."""
    shutil.rmtree(home, ignore_errors=True)
    book = native(home, PORT_BASE)
    Path(book["state"]).mkdir(parents=True)
    for name, settings in (
        ("alertmanager/alertmanager.yml", _alertmanager(book)),
        ("alerting/router.yaml", _router(book)),
    ):
        path = book.config / name
        path.parent.mkdir(parents=True)
        path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return book


def _alertmanager(book: AddressBook) -> Mapping[str, Any]:
    """Both paths in one: nothing waits for a group to fill, and the router is told early and often as by default here.

    The other path is told of changes every half minute: each is one more post.
    """
    return {
        "route": {
            "receiver": ROUTER,
            "group_by": ["alertname", "severity"],
            "group_wait": "0s",
            "group_interval": "5s",
            "repeat_interval": "1h",
            "routes": [{"receiver": DIRECT, "group_interval": "30s", "continue": True}, {"receiver": ROUTER}],
        },
        "receivers": [
            {
                "name": DIRECT,
                "slack_configs": [
                    {
                        "api_url": f"{book['slack_api']}chat.postMessage",
                        "http_config": {"authorization": {"credentials": TOKENS[DIRECT]}},
                        "channel": "#{{ .CommonLabels.channel }}",
                        "send_resolved": True,
                    }
                ],
            },
            {"name": ROUTER, "webhook_configs": [{"url": f"http://{book['router']}/api/v1/alertmanager"}]},
        ],
    }


def _router(book: AddressBook) -> Mapping[str, Any]:
    return {
        "listen": book["router"],
        "store": f"{book['state']}/router.db",
        "slack": {"token": TOKENS[ROUTER], "base_url": book["slack_api"]},
        "alertmanager": {"urls": [f"http://{book['alertmanager']}"]},
        "routes": [{"match": {"channel": name}, "channel": f"#{name}"} for name in CHANNELS],
        "default_channel": f"#{CHANNELS[0]}",
    }
