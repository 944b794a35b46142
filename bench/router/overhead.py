"""Breach to message, one alert at a time: by Alertmanager's own notifier, and through the router."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.router import alerts
from bench.router.stage import Stage
from bench.router.workspace import DIRECT, ROUTER

ALERTS = 120
APART = 0.8
"""Seconds. The router posts twice for each, a message and the first line of its thread: fewer than Slack takes."""

LONGEST = 20.0
"""Seconds that the last may take."""


@dataclass(frozen=True)
class Overhead:
    """Seconds from posting an alert to Alertmanager until Slack's answer to the message of it, one an alert."""

    direct: list[float]
    ours: list[float]


async def measure(stage: Stage, say: Callable[[str], None]) -> Overhead:
    """Let alerts fire one by one."""
    begun = time.time()
    fired: dict[str, float] = {}
    for change in alerts.apart(ALERTS, APART, random.Random(1)):
        await asyncio.sleep(begun + change.at - time.time())
        now = datetime.now(UTC)
        fired[change.alert] = time.time()
        await stage.fire(alerts.posted(change, now, now))
        if len(fired) % 20 == 0:
            say(f"one alert at a time: {len(fired)} of {ALERTS}")
    end = time.time() + LONGEST
    while True:
        told = await _told(stage)
        if all(len(told[path]) == ALERTS for path in told) or time.time() > end:
            return Overhead(*([at - fired[alert] for alert, at in told[path].items()] for path in (DIRECT, ROUTER)))
        await asyncio.sleep(0.5)


async def _told(stage: Stage) -> dict[str, dict[str, float]]:
    """When each path first named each alert."""
    told: dict[str, dict[str, float]] = {DIRECT: {}, ROUTER: {}}
    for record in await stage.records():
        for alert in record.shows:
            told[record.app].setdefault(alert, record.at)
    return told
