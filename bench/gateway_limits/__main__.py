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


async def ours(settings: GatewayLimitsSettings, process: asyncio.subprocess.Process) -> tuple[Cost, list[Cost], bytes]:
    """Collect again and again; the first time also reads every configuration."""
    assert process.stdin
    assert process.stdout
    watched, exposition, costs, text = sources(settings), Exposition(), [], b""
    for _ in range(1 + ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        snapshots = await asyncio.gather(*(source.read() for source in watched.values()))
        text = exposition.render(families(snapshots, settings))
        costs.append(Cost(time.perf_counter() - wall, time.process_time() - cpu))
        assert not any(snapshot.problems for snapshot in snapshots)
        process.stdin.write(b"\n")
        await process.stdout.readline()
    for source in watched.values():
        await source.close()
    return costs[0], costs[1:], text


def theirs(count: int) -> tuple[float, bytes]:
    """Parse and write the same answers; what fetching them would take is not in it. Returns CPU seconds and text."""
    answers = [(f"edge-{number}", statistics(number, ROUNDS).decode()) for number in range(count)]
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
        first, collections, text = await ours(settings, process)
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cpu, their_text = theirs(count)
    assert said(text) == said(their_text), "the two don't say the same"
    median = sorted(collections, key=lambda cost: cost.cpu)[len(collections) // 2]
    lines = [
        f"{count} Envoys, {series(text)} series, {len(text) / 1e6:.1f} MB of text",
        f"first collection, configurations included: {first.wall:.2f} s, {first.cpu:.2f} s of CPU",
        f"prometheus_client, parse and render only: {cpu:.2f} s of CPU, {series(their_text)} series",
        f"gateway_limits envoys={count} collect_s={median.wall:.2f} cpu_s={median.cpu:.2f} "
        f"rss_mb={rss:.0f} vs_client={cpu / median.cpu:.1f}",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--envoys", type=int, default=ENVOYS)
    asyncio.run(main(parser.parse_args().envoys))
