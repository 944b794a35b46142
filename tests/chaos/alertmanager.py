"""What tells the router: two Alertmanagers that are acted, or a real one with a Prometheus that is acted."""

import asyncio
import json
import random
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from compose.native import tools
from tests.chaos.script import Group, Life, Telling

CONFIG = """\
route: {{receiver: router, group_by: [alertname], group_wait: 100ms, group_interval: 300ms, repeat_interval: 1h}}
receivers:
  - name: router
    webhook_configs: [{{url: '{url}/api/v1/alertmanager', send_resolved: true}}]
"""


def labels(group: Group, life: Life) -> dict[str, str]:
    """Labels of one alert."""
    return {"alertname": group.name, "signal": group.signal, "severity": life.severity, "topic": life.topic}


def body(telling: Telling, base: datetime) -> bytes:
    """What Alertmanager sends for a group at one moment: what fires, and what has resolved since it told last."""
    alerts = []
    for life in telling.group.lives:
        span = life.span(telling.moment)
        if span is None or (not life.fires(telling.moment) and (span[1] or 0) <= telling.since):
            continue
        fires = life.fires(telling.moment)
        alerts.append(
            {
                "status": "firing" if fires else "resolved",
                "labels": labels(telling.group, life),
                "annotations": {"summary": "made up", "value": "1", "threshold": "0.5"},
                "startsAt": _stamp(base, span[0]),
                "endsAt": "0001-01-01T00:00:00Z" if fires else _stamp(base, span[1] or 0),
                "fingerprint": life.topic,
            }
        )
    payload = {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{telling.group.name}"}}',
        "groupLabels": {"alertname": telling.group.name},
        "externalURL": "http://alertmanager.example",
        "truncatedAlerts": 0,
        "alerts": alerts,
    }
    return json.dumps(payload).encode()


async def tell(client: httpx.AsyncClient, urls: Sequence[str], content: bytes, chance: random.Random) -> None:
    """Send until there is a 2xx, as Alertmanager does, to whichever router a balancer chooses."""
    while True:
        with suppress(httpx.HTTPError):
            answer = await client.post(f"{chance.choice(urls)}/api/v1/alertmanager", content=content, timeout=1)
            if answer.is_success:
                return
            if answer.is_client_error:
                raise RuntimeError(f"the router refuses what is valid: {answer.status_code} {answer.text}")
        await asyncio.sleep(0.15)


class Alertmanager:
    """A real one."""

    def __init__(self, home: Path, port: int, router: str) -> None:
        """Write its configuration."""
        self.url = f"http://127.0.0.1:{port}"
        self._home = home
        self._running: subprocess.Popen[bytes] | None = None
        (home / "alertmanager.yml").write_text(CONFIG.format(url=router), encoding="utf-8")

    def start(self) -> None:
        """Start it on what it kept."""
        address = self.url.removeprefix("http://")
        with (self._home / "alertmanager.log").open("ab") as log:
            self._running = subprocess.Popen(
                (
                    tools.alertmanager(),
                    f"--config.file={self._home}/alertmanager.yml",
                    f"--storage.path={self._home}/alertmanager",
                    f"--web.listen-address={address}",
                    "--cluster.listen-address=",
                ),
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """End it at once."""
        if self._running:
            self._running.kill()
            self._running.wait()

    async def firing(self, client: httpx.AsyncClient) -> frozenset[str]:
        """The topics that it holds as active."""
        answer = await client.get(f"{self.url}/api/v2/alerts")
        return frozenset(alert["labels"]["topic"] for alert in answer.json())

    async def feed(self, client: httpx.AsyncClient, groups: Sequence[Group], base: datetime) -> None:
        """Be Prometheus: send every alert again and again, those that have resolved too."""
        while True:
            now = (datetime.now(UTC) - base).total_seconds()
            alerts = [alert for group in groups for life in group.lives if (alert := _posted(group, life, now, base))]
            with suppress(httpx.HTTPError):
                await client.post(f"{self.url}/api/v2/alerts", json=alerts, timeout=1)
            await asyncio.sleep(0.2)


def _posted(group: Group, life: Life, now: float, base: datetime) -> dict[str, Any] | None:
    span = life.span(now)
    if span is None:
        return None
    begin, end = span
    ends = _stamp(base, end) if end is not None and end <= now else _stamp(base, now + 60)
    return {"labels": labels(group, life), "startsAt": _stamp(base, begin), "endsAt": ends}


def _stamp(base: datetime, seconds: float) -> str:
    return (base + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
