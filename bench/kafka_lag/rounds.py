"""The measuring: every contender is scraped in turn, and only it runs then."""

import re
import statistics
import time
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import psutil

from bench.kafka_lag.brokers import Cluster
from bench.kafka_lag.contenders import INTERVAL, Contender
from compose.native import process

ROUNDS = 5
LIMIT = 180.0
"""Seconds after which a scrape counts as not answered."""

START = 30.0
"""Seconds that a contender has to listen."""

WHOLE = 300.0
"""Seconds that it has then to tell all that it will tell; ours knows statuses after two minutes of collections."""

AT_REST = 10.0
"""Seconds over which the brokers' own use of CPU is measured."""


GZIP = zlib.MAX_WBITS | 16
GZIP_MAGIC = b"\x1f\x8b"


@dataclass
class Result:
    """What one contender took; a unit of work is a scrape, for one that collects by itself with a collection."""

    contender: Contender
    walls: list[float] = field(default_factory=list)
    """Seconds from asking to the last byte."""
    cpu: list[float] = field(default_factory=list)
    """CPU seconds of the process, a unit."""
    brokers_cpu: list[float] = field(default_factory=list)
    """CPU seconds of all brokers, a unit, less what they use at rest."""
    requests: list[float] = field(default_factory=list)
    """Requests that the brokers have got, a unit."""
    kinds: Counter[str] = field(default_factory=Counter)
    counted: float | None = None
    """Requests a collection by the contender's own counter."""
    collection: float | None = None
    """Seconds of a whole collection in the background, by the contender's own gauge."""
    lag_series: int = 0
    series: int = 0
    size: int = 0
    """Bytes of the text."""
    rss: int = 0
    """Most bytes of memory at any time."""
    problem: str | None = None

    @property
    def wall(self) -> float:
        """Median of the seconds from asking to the last byte."""
        return statistics.median(self.walls)


class Runner:
    """One contender as a process that is suspended while others are measured."""

    def __init__(self, contender: Contender, home: Path) -> None:
        """Start it; it has `START` seconds to listen."""
        self.contender = contender
        self.result = Result(contender)
        self._run = home / "run-contenders"
        log = home / "log" / f"{contender.name}.log"
        log.unlink(missing_ok=True)
        environment = {"PATH": "/usr/bin:/bin", **contender.environment}
        self._running = process.start(contender.name, contender.command, self._run, log, environment)
        self._log = log

    def stop(self) -> None:
        """End it."""
        if found := self._running.process():
            found.resume()
        process.stop([self._running], self._run)

    def suspend(self) -> None:
        """Let it use nothing while others are measured."""
        if found := self._running.process():
            found.suspend()

    @property
    def process(self) -> psutil.Process:
        """Its process. Raises RuntimeError with the end of its log when it has ended."""
        found = self._running.process()
        if found is None:
            raise RuntimeError(f"{self.contender.name} has ended:\n{process.tail(self._log)}")
        return found

    def warm_up(self) -> None:
        """Scrape unmeasured until all is told, and look at what that is. Raises RuntimeError when it is not in time."""
        self._await_listening()
        deadline = time.monotonic() + WHOLE
        last = self.contender.last or self.contender.lag
        while not _count(text := self._scrape().decode(), last):
            if time.monotonic() > deadline:
                raise RuntimeError(f"no {last} within {WHOLE:.0f} s")
            time.sleep(INTERVAL)
        self.result.lag_series = _count(text, self.contender.lag)
        self.result.series = sum(not line.startswith("#") for line in text.splitlines())
        self.result.size = len(text)

    def _await_listening(self) -> None:
        deadline = time.monotonic() + START
        while True:
            try:
                self._scrape()
                return
            except httpx.ConnectError:
                if time.monotonic() > deadline:
                    raise
                self.process.status()
                time.sleep(0.2)

    def measure(self, cluster: Cluster, at_rest: float) -> None:
        """One round, at the process and at the brokers, who use `at_rest` CPU seconds a second by themselves."""
        if self.contender.collects_by_itself:
            self._await_pause()
        before, started = self._use(cluster), time.monotonic()
        units = self._collections() if self.contender.collects_by_itself else self._scrapes()
        after, wall = self._use(cluster), time.monotonic() - started
        self.result.cpu.append((after[0] - before[0]) / units)
        self.result.brokers_cpu.append(max(0.0, after[1] - before[1] - at_rest * wall) / units)
        kinds = after[2] - before[2]
        self.result.kinds += kinds
        self.result.requests.append(kinds.total() / units)
        self.result.rss = max(self.result.rss, _peak(self.process.pid))

    def _scrapes(self) -> int:
        asked = time.monotonic()
        self._fetch()
        self.result.walls.append(time.monotonic() - asked)
        return 1

    def _collections(self) -> int:
        """Two collections and a scrape after each, which has to write what is new: from pause to pause."""
        started = time.monotonic()
        for number in (1, 2):
            # soon after the collection, so that a slow scrape is done before the next one begins
            time.sleep(max(0.0, started + (number - 0.2) * INTERVAL - time.monotonic()))
            self._scrapes()
        return 2

    def _await_pause(self) -> None:
        """Return in the middle between two collections, all that is known having been written."""
        self._await_collection()
        time.sleep(INTERVAL / 2)

    def _await_collection(self) -> None:
        """Return a moment after a collection has ended."""

        def ended() -> float:
            return _value(self._scrape().decode(), "kafka_lag_last_success_timestamp_seconds")

        last = ended()
        while ended() == last:
            time.sleep(0.1)

    def _use(self, cluster: Cluster) -> tuple[float, float, Counter[str]]:
        times = self.process.cpu_times()
        return times.user + times.system, cluster.cpu_seconds(), cluster.requests()

    def finish(self) -> None:
        """Ask one that counts its own work what it has counted."""
        if self.contender.collects_by_itself:
            before = self._scrape().decode()
            self._await_collection()
            after = self._scrape().decode()
            name = "kafka_lag_requests_total"
            # each collection asks for metadata once
            collections = _value(after, name, 'api="Metadata"') - _value(before, name, 'api="Metadata"')
            self.result.counted = (_value(after, name) - _value(before, name)) / collections
            self.result.collection = _value(after, "kafka_lag_collection_duration_seconds")

    def _scrape(self) -> bytes:
        """Give the text of /metrics."""
        compressed = self._fetch()
        return zlib.decompress(compressed, GZIP) if compressed[:2] == GZIP_MAGIC else compressed

    def _fetch(self) -> bytes:
        """Ask as Prometheus does, and give what comes over the wire."""
        url = f"http://{self.contender.address}/metrics"
        headers = {"accept-encoding": "gzip"}
        with httpx.stream("GET", url, timeout=LIMIT, trust_env=False, headers=headers) as response:
            response.raise_for_status()
            return b"".join(response.iter_raw())


def run(contenders: Sequence[Contender], cluster: Cluster, home: Path, say: Callable[[str], None]) -> list[Result]:
    """Measure all of them, in turn, ROUNDS times."""
    runners: list[Runner] = []
    try:
        say(f"the brokers at rest, {AT_REST:.0f} s")
        at_rest = _at_rest(cluster)
        for contender in contenders:
            runners.append(Runner(contender, home))
            say(f"{contender.name}: first scrape, not measured")
            _guarded(runners[-1], runners[-1].warm_up, say)
            runners[-1].suspend()
        for number in range(ROUNDS):
            for runner in runners:
                if runner.result.problem is None:
                    runner.process.resume()
                    _guarded(runner, partial(runner.measure, cluster, at_rest), say)
                    runner.suspend()
                    say(f"round {number + 1} of {ROUNDS}, {runner.contender.name}: {_last(runner.result)}")
        for runner in runners:
            if runner.result.problem is None:
                runner.process.resume()
                _guarded(runner, runner.finish, say)
                runner.suspend()
    finally:
        for runner in runners:
            runner.stop()
    return [runner.result for runner in runners]


def _at_rest(cluster: Cluster) -> float:
    """CPU seconds a second of the brokers when nobody asks them anything."""
    before = cluster.cpu_seconds()
    time.sleep(AT_REST)
    return (cluster.cpu_seconds() - before) / AT_REST


def _guarded(runner: Runner, work: Callable[[], None], say: Callable[[str], None]) -> None:
    """Note why a contender can't be measured, and go on with the others."""
    try:
        work()
    except httpx.TimeoutException:
        runner.result.problem = f"no answer within {LIMIT:.0f} s"
    except (httpx.HTTPError, RuntimeError) as error:
        runner.result.problem = str(error) or type(error).__name__
    if runner.result.problem:
        say(f"{runner.contender.name}: {runner.result.problem}")


def _last(result: Result) -> str:
    if result.problem or not result.walls:
        return result.problem or "nothing"
    return f"{result.walls[-1]:.3f} s, CPU {result.cpu[-1]:.2f} s, {result.requests[-1]:.0f} requests"


def _count(text: str, name: str) -> int:
    return len(re.findall(rf"^{name}\{{", text, re.MULTILINE))


def _value(text: str, name: str, label: str = "") -> float:
    """Sum of a metric's series, of those with `label` if one is given."""
    found = re.findall(rf"^{name}(?:\{{([^}}]*)\}})? (\S+)", text, re.MULTILINE)
    return sum(float(value) for labels, value in found if label in labels)


def _peak(pid: int) -> int:
    """VmHWM of proc(5), in bytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
