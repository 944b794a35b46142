"""How many webhooks a second one core takes, each answered after a durable commit."""

import asyncio
import itertools
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.router.alerts import lives
from bench.router.stage import Stage

AT_ONCE = 32
"""Alertmanager tells of each group by itself: a storm is many at a time."""

WARM_UP, SECONDS = 3.0, 15.0

TOGETHER = 100
"""Groups whose lives go on side by side."""


@dataclass(frozen=True)
class Intake:
    """Answers of 200 a second, and how long each took, in seconds. `cpu` is the router's share of its core."""

    per_second: float
    waits: list[float]
    cpu: float


async def measure(stage: Stage, say: Callable[[str], None]) -> Intake:
    """Send without a pause, with the router on a core of its own."""
    first, *others = sorted(os.sched_getaffinity(0))
    for thread in stage.router.threads():
        os.sched_setaffinity(thread.id, [first])
    os.sched_setaffinity(0, others or [first])
    stage.workspace.cpu_affinity(others or [first])
    bodies = _bodies()
    say(f"webhooks: {WARM_UP + SECONDS:.0f} s of them, {AT_ONCE} at a time")
    await _send(stage, bodies, WARM_UP)
    before, begun = stage.router.cpu_times(), time.perf_counter()
    waits = await _send(stage, bodies, SECONDS)
    lasted, after = time.perf_counter() - begun, stage.router.cpu_times()
    used = after.user + after.system - before.user - before.system
    return Intake(len(waits) / lasted, waits, used / lasted)


async def _send(stage: Stage, bodies: Iterator[bytes], seconds: float) -> list[float]:
    waits: list[float] = []
    end = time.perf_counter() + seconds

    async def work() -> None:
        while (begun := time.perf_counter()) < end:
            async with stage.session.post(f"{stage.webhook}/api/v1/alertmanager", data=next(bodies)) as answer:
                answer.raise_for_status()
            waits.append(time.perf_counter() - begun)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return waits


def _bodies() -> Iterator[bytes]:
    """Each group's life in its order, those of a hundred groups at a time."""
    for start in itertools.count(step=TOGETHER):
        groups = [lives(number) for number in range(start, start + TOGETHER)]
        for bodies in zip(*groups, strict=True):
            yield from bodies
