"""``python -m bench.pod_cpu``: one collection of a large cluster, ours beside prometheus_client's."""

import argparse
import asyncio
import gc
import json
import re
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from bench.pod_cpu import texts
from bench.pod_cpu.cluster import TOKEN, address, name
from bench.pod_cpu.contender import Contender, Known, Pod
from exporters.exposition import Exposition
from exporters.pod_cpu.config import Kubernetes, PodCpuSettings
from exporters.pod_cpu.metrics import families
from exporters.pod_cpu.sources.kubernetes.api import Api
from exporters.pod_cpu.sources.kubernetes.source import KubernetesSource

NODES = 500
TIMEOUT = 300.0
"""Seconds for a collection: nothing is cut short, it is measured how long it takes."""

EVERY = 10
"""Of so many nodes prometheus_client reads one: each costs it the same, and all would take a quarter of an hour."""


@dataclass
class Cost:
    """Seconds that a piece of work took."""

    wall: float = 0.0
    cpu: float = 0.0


@contextmanager
def measured(cost: Cost) -> Iterator[None]:
    """Add what happens within to `cost`."""
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        yield
    finally:
        cost.wall += time.perf_counter() - wall
        cost.cpu += time.process_time() - cpu


@dataclass
class Cluster:
    """The cluster, served by another process."""

    process: asyncio.subprocess.Process
    settings: PodCpuSettings
    nodes: int
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def source(self) -> Kubernetes:
        """The settings of its one source."""
        (source,) = self.settings.sources
        assert isinstance(source, Kubernetes)
        return source

    async def turn(self) -> None:
        """Have every kubelet measure again."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(b"\n")
        await self.process.stdout.readline()


@asynccontextmanager
async def cluster(nodes: int) -> AsyncIterator[Cluster]:
    """Start it, and end it afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench.pod_cpu.cluster", folder, str(nodes)]
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        assert process.stdin
        assert process.stdout
        ports = json.loads(await process.stdout.readline())
        config = {
            "current-context": "bench",
            "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
            "clusters": [
                {
                    "name": "bench",
                    "cluster": {"server": f"https://127.0.0.1:{ports['api']}", "insecure-skip-tls-verify": True},
                }
            ],
            "users": [{"name": "bench", "user": {"token": TOKEN}}],
        }
        file = Path(folder) / "kubeconfig"
        file.write_text(yaml.safe_dump(config))
        source = Kubernetes(
            kind="kubernetes", kubeconfig=file, kubelet_port=ports["kubelets"], kubelet_insecure_tls=True
        )
        yield Cluster(process, PodCpuSettings(listen="127.0.0.1:9310", sources=(source,)), nodes)
        process.stdin.close()
        await process.wait()


@dataclass(frozen=True)
class Ours:
    """What our collections cost, and what they made."""

    first: Cost
    collection: Cost
    rss: int
    """Bytes at most."""
    text: bytes


async def ours(served: Cluster) -> Ours:
    """Collect twice: the second time is what an exporter that runs does again and again."""
    source, exposition = KubernetesSource(served.source, TIMEOUT), Exposition()
    first, second, text = Cost(), Cost(), b""
    for cost in (first, second):
        with measured(cost):
            snapshot = await source.read()
            text = exposition.render(families([snapshot], served.settings))
        assert snapshot.problems == (), snapshot.problems[:3]
        await served.turn()
    await source.close()
    return Ours(first, second, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, text)


async def contender(served: Cluster, pods: dict[Pod, Known], numbers: Sequence[int]) -> tuple[Cost, int]:
    """Read the next two rounds of these nodes with prometheus_client; returns the second's cost, and its series."""
    names = {name(number) for number in numbers}
    api, each = (
        Api(served.source),
        Contender({pod: found for pod, found in pods.items() if names & {*pod[1].split("-")}}),
    )
    text = b""
    for _ in range(2):
        cost = Cost()
        for done, number in enumerate(numbers):
            asked = [api.kubelet(address(number), path) for path in ("/metrics/resource", "/metrics/cadvisor")]
            of_resource, of_cadvisor = [(await one).whole().decode() for one in asked]
            with measured(cost):
                each.take(of_resource, of_cadvisor)
            sys.stderr.write(f"\rprometheus_client: node {done + 1} of {len(numbers)} ")
        with measured(cost):
            text = each.render()
        await served.turn()
    sys.stderr.write("\n")
    await api.close()
    return cost, series(text)


def series(text: bytes) -> int:
    """Count the series of an exposition."""
    return sum(1 for line in text.splitlines() if line.startswith(b"pod_cpu_"))


def known(text: bytes) -> dict[Pod, Known]:
    """Take the pods from our exposition."""
    pattern = rb'pod_cpu_request_cores\{namespace="([^"]*)",pod="([^"]*)",workload="([^"]*)"\} (\S+)'
    limits = dict(re.findall(rb'pod_cpu_limit_cores\{namespace="[^"]*",(pod="[^"]*"),workload="[^"]*"\} (\S+)', text))
    return {
        (namespace.decode(), pod.decode()): Known(
            workload.decode(),
            float(request),
            float(limits[key]) if (key := b'pod="%s"' % pod) in limits else None,
        )
        for namespace, pod, workload, request in re.findall(pattern, text)
    }


async def main(nodes: int, every: int) -> None:
    """Measure, and print what was measured."""
    say = sys.stdout.write
    say(f"{nodes} nodes, {nodes * texts.PODS_A_NODE} pods, {nodes * texts.PODS_A_NODE * 2} containers\n")
    sys.stderr.write("the cluster writes its texts …\n")
    sample = range(0, nodes, every)
    async with cluster(nodes) as served:
        mine = await ours(served)
        pods = known(mine.text)
        assert len(pods) == nodes * texts.PODS_A_NODE, len(pods)
        gc.collect()
        theirs, their_series = await contender(served, pods, sample)
    made = series(mine.text)
    whole = theirs.cpu * nodes / len(sample)
    say(f"first collection, list of pods included: {mine.first.wall:.1f} s, {mine.first.cpu:.1f} s of CPU\n")
    say(f"series: {made}, {made / len(pods):.2f} a pod; {len(mine.text) / 1e6:.1f} MB of text\n")
    say(
        f"prometheus_client, parse and render only, {len(sample)} of the nodes: {theirs.cpu:.1f} s of CPU, "
        f"{their_series} series; {whole:.0f} s for all of them\n"
    )
    say(
        f"pod_cpu pods={len(pods)} collect_s={mine.collection.wall:.2f} cpu_s={mine.collection.cpu:.2f} "
        f"rss_mb={mine.rss / 1e6:.0f} vs_client={whole / mine.collection.cpu:.1f}\n"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=NODES)
    parser.add_argument("--every", type=int, default=EVERY, help="prometheus_client reads every n-th node")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.nodes, arguments.every))
