"""Real processes, found by their command lines and measured on a clock of the test's."""

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from exporters.pod_cpu.config import Process, ProcessPod
from exporters.pod_cpu.snapshot import Pod
from exporters.pod_cpu.sources.process import WALK_EVERY, ProcessSource

WORKER = """
import subprocess, sys, time
for line in sys.stdin:
    if line.strip() == "child":
        # its own command line has no mark; it burns for as long as it is told, then waits as its parent does
        child = subprocess.Popen([sys.executable, "-c", sys.argv[2], "", sys.argv[2]], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)
    elif line.startswith("child "):
        print(line.removeprefix("child ").strip(), file=child.stdin, flush=True)
        child.stdout.readline()
    else:
        end = time.process_time() + float(line)
        while time.process_time() < end:
            pass
    print(time.process_time(), flush=True)
"""


@dataclass
class Worker:
    """A process that burns CPU when told."""

    process: "subprocess.Popen[str]"

    def tell(self, order: str) -> float:
        """Give an order and wait until it was carried out; returns the CPU seconds that the process has used so far."""
        assert self.process.stdin
        assert self.process.stdout
        print(order, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def end(self) -> None:
        """Close its input, which ends it and its child, and wait."""
        self.process.communicate()


@dataclass
class Clock:
    """Seconds, moved by the test."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


Start = Callable[[str], Worker]


@pytest.fixture
def mark() -> str:
    """Text that only command lines of this test have."""
    return f"mark-{uuid.uuid4().hex}"


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a worker with a mark in its command line."""
    workers: list[Worker] = []

    def started(mark: str) -> Worker:
        command = [sys.executable, "-c", WORKER, mark, WORKER]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        worker = Worker(process)
        workers.append(worker)
        worker.tell("0")  # the command line is its own only once the interpreter runs
        return worker

    yield started
    for worker in workers:
        worker.process.kill()
        worker.end()


def source(clock: Clock, *patterns: str) -> ProcessSource:
    pods = [
        ProcessPod(namespace="demo", pod=f"pod-{number}", workload="pod", command=pattern, request=0.25, limit=0.5)
        for number, pattern in enumerate(patterns)
    ]
    return ProcessSource(Process(kind="process", pods=tuple(pods)), clock)


async def read(watched: ProcessSource) -> dict[str, Pod]:
    return {pod.name: pod for pod in (await watched.read()).pods}


async def test_usage_is_cpu_time_over_time(start: Start, mark: str) -> None:
    """The first read has no usage; the second has what was used in between, within 5 %: the kernel tells hundredths."""
    worker, clock = start(mark), Clock()
    watched = source(clock, mark)
    before = worker.tell("0")
    assert await read(watched) == {"pod-0": Pod("demo", "pod-0", "pod", None, 0.25, 0.5)}
    used = worker.tell("0.5") - before
    clock.now = 2.0
    usage = (await read(watched))["pod-0"].usage
    assert usage == pytest.approx(used / 2, rel=0.05)
    clock.now = 4.0
    assert (await read(watched))["pod-0"].usage == pytest.approx(0.0, abs=0.03)


async def test_a_pod_that_does_not_run_is_not_there(start: Start, mark: str) -> None:
    """No series, not even of its request and limit, until it runs."""
    watched = source(Clock(), mark)
    assert await read(watched) == {}
    start(mark)
    assert set(await read(watched)) == {"pod-0"}


async def test_a_pod_that_ended_leaves_at_once(start: Start, mark: str) -> None:
    """Also while nobody has waited for it yet and the kernel still lists it."""
    worker = start(mark)
    watched = source(Clock(), mark)
    assert set(await read(watched)) == {"pod-0"}
    worker.process.kill()
    assert worker.process.stdout
    worker.process.stdout.read()  # ends with the process, which stays a zombie until it is waited for
    for _ in range(100):
        if not await read(watched):
            break
    assert await read(watched) == {}
    worker.end()
    assert await read(watched) == {}


async def test_a_restarted_pod_begins_anew(start: Start, mark: str) -> None:
    """The new process has no usage at its first read, whatever the old one had used."""
    old, clock = start(mark), Clock()
    watched = source(clock, mark)
    old.tell("0.3")
    await read(watched)
    old.end()
    new = start(mark)
    clock.now = 1.0
    assert (await read(watched))["pod-0"].usage is None
    new.tell("0.1")
    clock.now = 2.0
    assert (await read(watched))["pod-0"].usage == pytest.approx(0.1, abs=0.03)


async def test_all_that_match_are_the_pod(start: Start, mark: str) -> None:
    """Two servers that are started alike are added up; other pods do not count them."""
    one, two, clock = start(f"{mark}-a"), start(f"{mark}-b"), Clock()
    watched = source(clock, mark, f"{mark}-b")
    await read(watched)
    one.tell("0.2")
    two.tell("0.1")
    clock.now = 1.0
    pods = await read(watched)
    assert pods["pod-0"].usage == pytest.approx(0.3, abs=0.04)
    assert pods["pod-1"].usage == pytest.approx(0.1, abs=0.03)


async def test_descendants_belong_to_the_pod(start: Start, mark: str) -> None:
    """A child counts although its own command line does not match, and takes nothing back when it ends."""
    worker, clock = start(mark), Clock()
    worker.tell("child")
    watched = source(clock, mark)
    await read(watched)
    worker.tell("child 0.3")
    clock.now = 1.0
    assert (await read(watched))["pod-0"].usage == pytest.approx(0.3, abs=0.03)


async def test_known_processes_are_not_looked_for_again_each_time(start: Start, mark: str) -> None:
    """A second match is found with the next walk over all processes."""
    start(mark)
    clock = Clock()
    watched = source(clock, mark)
    await read(watched)
    second = start(mark)
    clock.now = WALK_EVERY / 2
    await read(watched)
    second.tell("0.2")
    clock.now = WALK_EVERY - 1
    assert (await read(watched))["pod-0"].usage == pytest.approx(0.0, abs=0.01)
    clock.now = WALK_EVERY
    await read(watched)
    second.tell("0.2")
    clock.now = WALK_EVERY + 1
    assert (await read(watched))["pod-0"].usage == pytest.approx(0.2, abs=0.03)
