"""The processes: a workspace, a real Alertmanager that tells it by itself and through the router, the router."""

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import yaml

from bench.router.alerts import CHANNELS
from bench.router.workspace import DIRECT, ROUTER, TOKENS
from compose.addresses import PROJECT
from compose.native import process, tools

START = 30.0
"""Seconds that a process has to be ready."""


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
    """What runs, by address; `router` is the process."""

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
            lines = (await answer.text()).splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


@asynccontextmanager
async def running(home: Path) -> AsyncIterator[Stage]:
    """Start everything on an empty folder, on disk; end it afterwards."""
    slack, alertmanager, router = (f"127.0.0.1:{port}" for port in _free_ports(3))
    _write(home, _alertmanager(slack, router), _router(home, router, slack, alertmanager))
    commands = {
        "workspace": (sys.executable, "-m", "bench.router.workspace", slack),
        "alertmanager": (
            tools.alertmanager(),
            f"--config.file={home}/alertmanager.yml",
            f"--storage.path={home}/alertmanager",
            f"--web.listen-address={alertmanager}",
            "--cluster.listen-address=",
        ),
        "router": (sys.executable, "-m", "alerting", "--config", f"{home}/router.yaml"),
    }
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{PROJECT}:{PROJECT / 'demo-services'}"}
    started = []
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        try:
            for name, command in commands.items():
                started.append(process.start(name, command, home / "run", home / f"{name}.log", environment))
            for name, address in zip(commands, (slack, alertmanager, router), strict=True):
                await _ready(session, f"http://{address}/-/ready", home / f"{name}.log")
            found = {each.name: psutil.Process(each.pid) for each in started}
            yield Stage(
                session,
                f"http://{slack}",
                f"http://{alertmanager}",
                f"http://{router}",
                found["router"],
                found["workspace"],
            )
        finally:
            process.stop(started, home / "run")


def _write(home: Path, alertmanager: dict[str, Any], router: dict[str, Any]) -> None:
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / "alertmanager.yml").write_text(yaml.safe_dump(alertmanager), encoding="utf-8")
    (home / "router.yaml").write_text(yaml.safe_dump(router), encoding="utf-8")


def _alertmanager(slack: str, router: str) -> dict[str, Any]:
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
                        "api_url": f"http://{slack}/api/chat.postMessage",
                        "http_config": {"authorization": {"credentials": TOKENS[DIRECT]}},
                        "channel": "#{{ .CommonLabels.channel }}",
                        "send_resolved": True,
                    }
                ],
            },
            {"name": ROUTER, "webhook_configs": [{"url": f"http://{router}/api/v1/alertmanager"}]},
        ],
    }


def _router(home: Path, listen: str, slack: str, alertmanager: str) -> dict[str, Any]:
    return {
        "listen": listen,
        "store": str(home / "router.db"),
        "slack": {"token": TOKENS[ROUTER], "base_url": f"http://{slack}/api"},
        "alertmanager": {"urls": [f"http://{alertmanager}"]},
        "routes": [{"match": {"channel": name}, "channel": f"#{name}"} for name in CHANNELS],
        "default_channel": f"#{CHANNELS[0]}",
    }


async def _ready(session: aiohttp.ClientSession, url: str, log: Path) -> None:
    try:
        async with asyncio.timeout(START):
            while True:
                with suppress(aiohttp.ClientError):
                    async with session.get(url) as answer:
                        if answer.ok:
                            return
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise RuntimeError(f"{url} is not ready:\n{process.tail(log)}") from None


def _free_ports(count: int) -> Sequence[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports
