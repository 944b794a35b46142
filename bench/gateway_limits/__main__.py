"""``python -m bench.gateway_limits``: one collection of many Envoys, ours beside prometheus_client's work."""

import argparse
import asyncio
import gc
import resource
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench.gateway_limits.answers import ROUTES, statistics
from bench.gateway_limits.contender import render
from exporters.exposition import Exposition
from exporters.gateway_limits.config import Envoy, GatewayLimitsSettings
from exporters.gateway_limits.metrics import families
from exporters.gateway_limits.sources import sources

ENVOYS = 1000
ROUNDS = 5
COMPARED = (b"gateway_ratelimit_decisions_total{", b"gateway_ratelimit_limit_requests{")


@dataclass(frozen=True)
class Cost:
    """Seconds that a piece of work took."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Ours:
    """What our collections cost, and what the last of them said."""

    first: Cost
    costs: list[Cost]
    text: bytes
    round: int


@asynccontextmanager
async def envoys(count: int) -> AsyncIterator[tuple[GatewayLimitsSettings, asyncio.subprocess.Process]]:
    """Start them, and end them afterwards."""
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "bench.gateway_limits.envoys", str(count))
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    assert process.stdin
    assert process.stdout
    port = int(await process.stdout.readline())
    gateways = tuple(
        Envoy(kind="envoy", name=f"edge-{number}", admin=f"http://127.0.0.1:{port}/{number}") for number in range(count)
    )
    yield GatewayLimitsSettings(listen="127.0.0.1:9309", gateways=gateways), process
    process.stdin.close()
    await process.wait()


async def ours(settings: GatewayLimitsSettings, process: asyncio.subprocess.Process) -> Ours:
    """Collect until every configuration is known, as the exporter's first minutes do, and then a few times more."""
    assert process.stdin
    assert process.stdout
    watched, exposition = sources(settings), Exposition()
    first, costs, rounds = Cost(0, 0), list[Cost](), 0
    while True:
        wall, cpu = time.perf_counter(), time.process_time()
        snapshots = await asyncio.gather(*(source.read() for source in watched.values()))
        text = exposition.render(families(snapshots, settings))
        cost = Cost(time.perf_counter() - wall, time.process_time() - cpu)
        assert not any(snapshot.problems for snapshot in snapshots)
        if rounds == 0:
            first = cost
        elif costs or all(snapshot.limits for snapshot in snapshots):
            costs.append(cost)
        if len(costs) == ROUNDS:
            break
        process.stdin.write(b"\n")
        await process.stdout.readline()
        rounds += 1
    for source in watched.values():
        await source.close()
    return Ours(first, costs, text, rounds)


def theirs(count: int, round: int) -> tuple[float, bytes]:
    """Parse and write the same answers; what fetching them would take is not in it. Returns CPU seconds and text."""
    answers = [(f"edge-{number}", statistics(number, round).decode()) for number in range(count)]
    gc.collect()
    names = [f"route-{route}" for route in range(ROUTES)]
    buckets = [(name, name, descriptor) for name in names for descriptor in ("", "client")]
    cpu = time.process_time()
    text = render(answers, buckets)
    return time.process_time() - cpu, text


def said(text: bytes) -> dict[bytes, float]:
    """Value by series, whatever the order of labels."""
    found = {}
    for line in text.splitlines():
        if line.startswith(COMPARED):
            labels, _, value = line.rpartition(b"} ")
            found[b",".join(sorted(labels.replace(b"{", b",").split(b",")))] = float(value)
    return found


def series(text: bytes) -> int:
    """Count the series of an exposition."""
    return sum(1 for line in text.splitlines() if not line.startswith(b"#"))


async def main(count: int) -> None:
    """Measure, and print what was measured."""
    async with envoys(count) as (settings, process):
        mine = await ours(settings, process)
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cpu, their_text = theirs(count, mine.round)
    assert said(mine.text) == said(their_text), "the two don't say the same"
    median = sorted(mine.costs, key=lambda cost: cost.cpu)[ROUNDS // 2]
    lines = [
        f"{count} Envoys, {series(mine.text)} series, {len(mine.text) / 1e6:.1f} MB of text",
        f"first collection, configurations included: {mine.first.wall:.2f} s, {mine.first.cpu:.2f} s of CPU",
        f"prometheus_client, parse and render only: {cpu:.2f} s of CPU, {series(their_text)} series",
        f"gateway_limits envoys={count} collect_s={median.wall:.2f} cpu_s={median.cpu:.2f} "
        f"rss_mb={rss:.0f} vs_client={cpu / median.cpu:.1f}",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--envoys", type=int, default=ENVOYS)
    asyncio.run(main(parser.parse_args().envoys))
