"""A real Docker Engine with containers that burn under a quota, and answers as other Engines give them."""

import asyncio
import contextlib
import io
import json
import os
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from compose.native import tools
from exporters.errors import Reason, SourceError
from exporters.pod_cpu.config import Docker
from exporters.pod_cpu.history import Stalls, Usage
from exporters.pod_cpu.sources.docker import DockerSource, listed, reading

BURN = ["/bin/sh", "-c", "while :; do :; done"]
SLEEP = ["/bin/sh", "-c", "while :; do sleep 60; done"]
LIBRARIES = tools.UNPACKED / "lib/x86_64-linux-gnu"


@dataclass
class Engine:
    """A dockerd of the test's own: its socket, images, containers and state are in one folder."""

    home: Path
    process: "subprocess.Popen[bytes] | None" = None
    made: list[str] = field(default_factory=list)

    @property
    def socket(self) -> Path:
        return self.home / "docker.sock"

    def start(self) -> None:
        """Return when it answers."""
        command = [
            *(tools.program("dockerd"), "--host", f"unix://{self.socket}", "--pidfile", str(self.home / "pid")),
            *("--data-root", str(self.home / "data"), "--exec-root", str(self.home / "exec")),
            # nothing of the machine is changed: no bridge, no firewall rules; and no file system is asked of it
            *("--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--storage-driver=vfs"),
        ]
        folders = (tools.UNPACKED / "usr/bin", tools.UNPACKED / "usr/sbin")
        environment = {
            **os.environ,
            "PATH": os.pathsep.join((os.environ["PATH"], *map(str, folders))),
            "LD_LIBRARY_PATH": str(LIBRARIES),
        }
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"dockerd did not start:\n{(self.home / 'log').read_text()[-2000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End it and what it started."""
        assert self.process
        self.process.terminate()
        self.process.wait(60)

    def answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:  # httpx leaves its own open when there is nobody
            if probe.connect_ex(str(self.socket)):
                return False
        self.ask("GET", "/_ping")
        return True

    def ask(self, method: str, path: str, content: bytes | None = None, **document: Any) -> Any:
        """Make a request of the API; returns the answer's JSON, None when it has none."""
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(self.socket)), timeout=60) as client:
            if content is None:
                answer = client.request(method, f"http://docker{path}", json=document)
            else:
                answer = client.request(method, f"http://docker{path}", content=content)
        assert answer.status_code < 400, answer.text
        return answer.json() if answer.headers.get("content-type") == "application/json" else None

    def run(self, name: str, command: list[str], labels: dict[str, str] | None = None, **host: Any) -> None:
        """Start a container without a network."""
        document = {
            "Image": "tiny",
            "Cmd": command,
            "Labels": labels or {},
            "HostConfig": {"NetworkMode": "none"} | host,
        }
        self.ask("POST", f"/containers/create?name={name}", **document)
        self.made.append(name)
        self.ask("POST", f"/containers/{name}/start")

    def schedstat(self, name: str) -> float:
        """Seconds on a processor of the container's first process, from the kernel itself."""
        pid = self.ask("GET", f"/containers/{name}/json")["State"]["Pid"]
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9

    def clear(self) -> None:
        """Remove every container."""
        for container in self.ask("GET", "/containers/json?all=true"):
            self.ask("DELETE", f"/containers/{container['Id']}?force=true")


def image() -> bytes:
    """A file system with a static shell and nothing else."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(tools.BUSYBOX, "bin/sh")
        archive.add(tools.BUSYBOX, "bin/sleep")
    return packed.getvalue()


@pytest.fixture(scope="module")
def engine_of_the_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if os.geteuid() != 0:
        pytest.skip("needs root: starts a Docker Engine")
    engine = Engine(tmp_path_factory.mktemp("docker"))
    engine.start()
    engine.ask("POST", "/images/create?fromSrc=-&repo=tiny", image())
    yield engine
    engine.stop()


@pytest.fixture
def engine(engine_of_the_module: Engine) -> Iterator[Engine]:
    """An Engine without containers."""
    yield engine_of_the_module
    engine_of_the_module.clear()


def source(engine: Engine) -> DockerSource:
    return DockerSource(Docker(kind="docker", socket=engine.socket), 60.0)


async def test_what_a_container_burned_under_its_quota(engine: Engine) -> None:
    """Usage within 5 % of what the kernel counted, its limit, its request, and that it was throttled."""
    engine.run("burn", BURN, NanoCpus=100_000_000, CpuShares=51)
    engine.ask("POST", "/containers/burn/pause")
    watched = source(engine)
    used, times = engine.schedstat("burn"), [time.monotonic()]
    (first,) = (await watched.read()).pods
    times.append(time.monotonic())
    assert (first.usage, first.limit, first.throttled) == (None, 0.1, None)
    engine.ask("POST", "/containers/burn/unpause")
    while engine.schedstat("burn") < used + 0.2:
        await asyncio.sleep(0.05)
    engine.ask("POST", "/containers/burn/pause")
    used = engine.schedstat("burn") - used
    times.append(time.monotonic())
    (pod,) = (await watched.read()).pods
    times.append(time.monotonic())
    await watched.close()
    assert pod.usage is not None
    # it was measured at some time within each of the two readings
    assert used / (times[3] - times[0]) * 0.95 <= pod.usage <= used / (times[2] - times[1]) * 1.05
    assert pod.request == pytest.approx(0.05, rel=0.01)
    assert pod.throttled is not None
    assert 0 < pod.throttled <= 1


async def test_labels_of_compose_and_swarm_are_namespace_and_workload(engine: Engine) -> None:
    """A container without them is its own workload, and has no limit that nobody set."""
    compose = {"com.docker.compose.project": "shop", "com.docker.compose.service": "orders"}
    swarm = {"com.docker.stack.namespace": "shop", "com.docker.swarm.service.name": "shop_users"}
    engine.run("shop-orders-1", SLEEP, compose)
    engine.run("shop_users.1.x", SLEEP, swarm)
    engine.run("alone", SLEEP)
    watched = source(engine)
    found = (await watched.read()).pods
    await watched.close()
    assert {(pod.namespace, pod.name, pod.workload, pod.limit, pod.request) for pod in found} == {
        ("shop", "shop-orders-1", "orders", None, None),
        ("shop", "shop_users.1.x", "users", None, None),
        ("docker", "alone", "alone", None, None),
    }


async def test_a_container_that_ended_leaves_and_one_that_came_again_begins_anew(engine: Engine) -> None:
    """The counters of before say nothing of it."""
    engine.run("first", SLEEP)
    engine.run("other", SLEEP)
    watched = source(engine)
    await watched.read()
    engine.ask("POST", "/containers/first/kill")
    (left,) = (await watched.read()).pods
    assert left.name == "other"
    assert left.usage is not None
    engine.ask("POST", "/containers/first/start")
    found = {pod.name: pod.usage for pod in (await watched.read()).pods}
    await watched.close()
    assert found["first"] is None
    assert found["other"] is not None


async def test_an_engine_that_is_down_is_read_again_once_it_is_back(engine: Engine) -> None:
    """The source says where it asked."""
    engine.run("alone", SLEEP)
    watched = source(engine)
    assert len((await watched.read()).pods) == 1
    engine.stop()
    with pytest.raises(SourceError) as caught:
        await watched.read()
    assert caught.value.reason is Reason.UNREACHABLE
    assert str(engine.socket) in caught.value.message
    engine.start()
    engine.ask("POST", "/containers/alone/start")
    assert len((await watched.read()).pods) == 1
    await watched.close()


STATS = {
    "read": "2026-11-25T03:40:18.109448319Z",
    "cpu_stats": {
        "cpu_usage": {"total_usage": 490619723, "usage_in_kernelmode": 20000000, "usage_in_usermode": 460000000},
        "system_cpu_usage": 1365310000000,
        "online_cpus": 2,
        "throttling_data": {"periods": 24, "throttled_periods": 12, "throttled_time": 7},
    },
}
"""Of an Engine on control groups of version 2: no percpu_usage
(https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerStats)."""

INSPECTED = {
    "Name": "/web",
    "Config": {"Labels": None},
    "HostConfig": {"NanoCpus": 0, "CpuShares": 0, "CpuQuota": 50000, "CpuPeriod": 0},
    "State": {"Running": True, "StartedAt": "2026-11-25T03:40:14.7Z"},
}


def test_version_2_and_a_quota_without_a_period() -> None:
    """The kernel's own period is 100 ms."""
    found = reading(INSPECTED, STATS, "docker")
    assert found is not None
    assert found.limit == 0.5
    assert found.usage == Usage(pytest.approx(1795578018.109448), pytest.approx(0.490619723), 1795578014.7)
    assert found.stalls == Stalls(found.usage.at, 24, 12)


def test_one_that_has_ended_meanwhile_is_not_there() -> None:
    """Its stats are there, and empty."""
    assert reading(INSPECTED | {"State": {"Running": False}}, STATS, "docker") is None
    empty = {"read": "0001-01-01T00:00:00Z", "cpu_stats": {"cpu_usage": {"total_usage": 0}}}
    assert reading(INSPECTED, empty, "docker") is None


def test_what_is_no_list_is_said_so() -> None:
    """An Engine's error, or something else's page."""
    with pytest.raises(SourceError, match="not a list of containers"):
        listed({"message": "page not found"})


@pytest.mark.parametrize(
    ("answer", "reason", "message"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n<html", Reason.INVALID_ANSWER, "not JSON"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n[{", Reason.INVALID_ANSWER, "answer is cut"),
        (b"HTTP/1.1 500 Internal\r\ncontent-length: 3\r\n\r\nbad", Reason.UNREACHABLE, "answered 500: bad"),
        (b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", Reason.REFUSED, "answered 403"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Reason.INVALID_ANSWER, "Bad status line"),
        (b"", Reason.UNREACHABLE, "Server disconnected"),
    ],
)
async def test_an_answer_that_is_none(tmp_path: Path, answer: bytes, reason: Reason, message: str) -> None:
    """Whatever is behind the socket, the source is down and says why."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_unix_server(say, tmp_path / "s")
    watched = DockerSource(Docker(kind="docker", socket=tmp_path / "s"), 1.0)
    with pytest.raises(SourceError) as caught:
        await watched.read()
    await watched.close()
    server.close()
    await server.wait_closed()
    assert caught.value.reason is reason
    assert message in caught.value.message


async def test_one_container_that_cant_be_read_costs_no_other(tmp_path: Path) -> None:
    """It is a problem; one that has gone meanwhile is none."""
    answers = {
        "/containers/json": (200, [{"Id": "good"}, {"Id": "odd"}, {"Id": "gone"}, {"Id": "slow"}]),
        "/containers/good/json": (200, INSPECTED),
        "/containers/good/stats": (200, STATS),
        "/containers/odd/json": (200, {"Name": "/odd"}),
        "/containers/odd/stats": (200, STATS),
        "/containers/gone/json": (404, {"message": "No such container"}),
    }

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError), contextlib.closing(writer):
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split()[1].decode().partition("?")[0]
                if path.startswith("/containers/slow"):
                    await reader.read()
                    break
                status, document = answers[path]
                text = json.dumps(document).encode()
                writer.write(b"HTTP/1.1 %d _\r\ncontent-length: %d\r\n\r\n%s" % (status, len(text), text))

    server = await asyncio.start_unix_server(say, tmp_path / "s")
    watched = DockerSource(Docker(kind="docker", socket=tmp_path / "s"), 1.0)
    found = await watched.read()
    await watched.close()
    server.close()
    assert [pod.name for pod in found.pods] == ["web"]
    odd, slow = found.problems
    assert odd.message.startswith("container odd: not what the API documents")
    assert (slow.reason, slow.message) == (Reason.TIMEOUT, "container slow: not read in time")
