"""The cluster that is scraped: three brokers whose data outlive a run, and what they tell of their own work."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from compose.addresses import PROJECT
from compose.native import clusters, tools
from compose.native.stack import Stack

JOLOKIA = tools.Jars(PROJECT / "bench" / "kafka_lag" / "pom.xml")

PORT_BASE = 27000
"""Of the cluster; the contenders' ports follow."""

TELLS = 470
"""Offset of node 1's port for its metrics."""

SETTINGS = (
    # data are kept for later runs
    "log.retention.ms=-1",
    "offsets.retention.minutes=5256000",
    # one copy: brokers at rest do next to nothing, so that what they do is what they are asked
    "default.replication.factor=1",
    "offsets.topic.replication.factor=1",
    "num.network.threads=3",
    "num.io.threads=8",
)

AMONG_THEMSELVES = frozenset(
    (
        *("Fetch", "FetchFollower", "FetchConsumer", "Vote", "BeginQuorumEpoch", "UpdateRaftVoter"),
        *("BrokerRegistration", "ControllerRegistration", "BrokerHeartbeat", "AlterPartition"),
    )
)
"""Requests of brokers and controllers to each other."""


def _jvm(node: int) -> tuple[str, ...]:
    agent = next(JOLOKIA.folder.glob("*.jar"))
    return (
        "-Xms512m",
        "-Xmx512m",
        "-XX:+UseSerialGC",
        f"-javaagent:{agent}=host=127.0.0.1,port={PORT_BASE + TELLS + node},discoveryEnabled=false",
    )


@dataclass(frozen=True)
class Cluster:
    """The running brokers."""

    stack: Stack

    @property
    def bootstrap(self) -> tuple[str, ...]:
        """``host:port`` of each."""
        return tuple(part.address(self.stack.book) for part in self.stack.parts)

    def cpu_seconds(self) -> float:
        """CPU that the brokers have used since their start."""
        found = [running.process() for running in self.stack.running().values()]
        times = [process.cpu_times() for process in found if process]
        return sum(time.user + time.system for time in times)

    def requests(self) -> Counter[str]:
        """Requests that the brokers have got from clients since their start, by kind."""
        counts: Counter[str] = Counter()
        bean = "kafka.network:type=RequestMetrics,name=RequestsPerSec,*"
        for node in clusters.NODES:
            url = f"http://127.0.0.1:{PORT_BASE + TELLS + node}/jolokia/"
            answer = httpx.post(
                url, json={"type": "read", "mbean": bean, "attribute": "Count"}, timeout=30, trust_env=False
            )
            for name, value in answer.raise_for_status().json()["value"].items():
                kind = dict(pair.split("=") for pair in name.partition(":")[2].split(","))["request"]
                if kind not in AMONG_THEMSELVES:
                    counts[kind] += value["Count"]
        return counts


@contextmanager
def running(home: Path) -> Iterator[Cluster]:
    """Start the brokers on the data below `home`, and end them."""
    for jars in (tools.KAFKA, JOLOKIA):
        if not jars.present():
            jars.install()
    stack = Stack(home, clusters.book(home, PORT_BASE), clusters.three_brokers(SETTINGS, _jvm))
    stack.check_ports()
    try:
        for part in stack.parts:
            stack.start_part(part)
        for _ in stack.wait():
            pass
        yield Cluster(stack)
    finally:
        stack.stop()
