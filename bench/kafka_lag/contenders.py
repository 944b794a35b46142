"""The exporters that are compared: where each comes from, and how it is told to do the same."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.kafka_lag.brokers import PORT_BASE
from compose.native.tools import CACHE

OURS = "bongsu"
INTERVAL = 5.0
"""Seconds between two collections of ours, as by default; the others collect when they are scraped."""


@dataclass(frozen=True)
class Contender:
    """One exporter as a process; `lag` is the name of its metric of lag by group and partition.

    `last` is the metric whose series come last, where it is not that: some things are told only after a while.
    """

    name: str
    version: str
    lag: str
    address: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    collects_by_itself: bool = False
    last: str | None = None


class Missing(Exception):
    """A peer can't be had; the message says why."""


def ours(home: Path, bootstrap: Sequence[str]) -> Contender:
    """Our own, with its settings as they are by default."""
    address = f"127.0.0.1:{PORT_BASE + 480}"
    config = home / "kafka_lag.yaml"
    config.write_text(
        f"listen: {address}\ninterval: {INTERVAL:g}s\ntimeout: 4s\nclusters:\n  - bootstrap_servers: {[*bootstrap]}\n",
        encoding="utf-8",
    )
    command = (sys.executable, "-m", "exporters", "kafka_lag", "--config", str(config))
    lag, last = "kafka_consumergroup_lag", "kafka_consumergroup_topic_status"
    return Contender(OURS, "this commit", lag, address, command, collects_by_itself=True, last=last)


def kafka_exporter(_home: Path, bootstrap: Sequence[str]) -> Contender:
    """https://github.com/danielqsj/kafka_exporter with its settings as they are by default."""
    program, version = _peer("kafka_exporter", "KAFKA_EXPORTER", "github.com/danielqsj/kafka_exporter")
    address = f"127.0.0.1:{PORT_BASE + 481}"
    servers = [f"--kafka.server={server}" for server in bootstrap]
    command = (program, *servers, f"--web.listen-address={address}", "--topic.exclude=^__.*")
    return Contender("kafka_exporter", version, "kafka_consumergroup_lag", address, command)


def kminion(_home: Path, bootstrap: Sequence[str]) -> Contender:
    """https://github.com/redpanda-data/kminion: lag by partition over the admin API; no sizes of log folders."""
    program, version = _peer("kminion", "KMINION", "github.com/cloudhut/kminion/v2")
    port = PORT_BASE + 482
    environment = {
        "KAFKA_BROKERS": ",".join(bootstrap),
        "EXPORTER_HOST": "127.0.0.1",
        "EXPORTER_PORT": str(port),
        "MINION_CONSUMERGROUPS_SCRAPEMODE": "adminApi",
        "MINION_CONSUMERGROUPS_GRANULARITY": "partition",
        "MINION_TOPICS_GRANULARITY": "partition",
        "MINION_TOPICS_IGNOREDTOPICS": "/__.*/",
        "MINION_LOGDIRS_ENABLED": "false",
        "LOGGER_LEVEL": "warn",
    }
    lag = "kminion_kafka_consumer_group_topic_partition_lag"
    return Contender("kminion", version, lag, f"127.0.0.1:{port}", (program,), environment)


ALL: Mapping[str, Callable[[Path, Sequence[str]], Contender]] = {
    OURS: ours,
    "kafka_exporter": kafka_exporter,
    "kminion": kminion,
}


def _peer(name: str, variable: str, module: str) -> tuple[str, str]:
    """Path and version of a peer: named by the environment, on PATH, or built by Go.

    Raises Missing.
    """
    folder = CACHE / "peers"
    found = os.environ.get(variable) or shutil.which(name) or shutil.which(name, path=str(folder))
    if found is None:
        _go_install(name, variable, module, folder)
        found = str(folder / name)
    if not os.access(found, os.X_OK):
        raise Missing(f"{found} can't be run")
    return found, _version(found, module)


def _go_install(name: str, variable: str, module: str, folder: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise Missing(f"it is not on PATH and Go is not here to build it; name a binary in {variable}")
    environment = {**os.environ, "GOBIN": str(folder)}
    result = subprocess.run(
        [go, "install", f"{module}@latest"], env=environment, capture_output=True, text=True, check=False
    )
    if result.returncode:
        why = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Missing(f"`go install {module}@latest` failed: {why}; name a binary in {variable}")


def _version(program: str, module: str) -> str:
    """What Go wrote into the binary: the module's version, or the commit that it was built from."""
    go = shutil.which("go")
    if go is None:
        return "version not told"
    text = subprocess.run([go, "version", "-m", program], capture_output=True, text=True, check=False).stdout
    words = [line.split() for line in text.splitlines()]
    versions = [line[2] for line in words if line[:2] == ["mod", module] and len(line) > 2]
    commits = [line[1].partition("=")[2][:7] for line in words if line[:1] == ["build"] and "vcs.revision=" in line[1]]
    return " ".join([*(version for version in versions if version != "(devel)"), *commits]) or "built from source"
