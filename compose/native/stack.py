"""All parts together: checked, started, watched, stopped."""

import json
import os
import shutil
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from compose import render
from compose.addresses import SLACK_APP_TOKEN, SLACK_SIGNING_SECRET, SLACK_TOKEN, AddressBook, native
from compose.native import process
from compose.native.parts import PARTS, Part
from compose.native.process import Running

READY_SECONDS = 120.0
"""A part that is not ready by then has a fault worth showing; on two busy cores all are ready in about 20 s."""

RECORD = "stack.json"
"""In the stack's folder: that it is one, and how it was last started: on which ports, to which Slack."""

OTLP_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
OTLP_PORT = 4318
"""OTLP/HTTP's own (https://opentelemetry.io/docs/specs/otlp/#otlphttp-default-port)."""

SECRETS = (SLACK_TOKEN, SLACK_SIGNING_SECRET, SLACK_APP_TOKEN)
ENVIRONMENT = {
    "PYTHONUNBUFFERED": "1",
    "MALLOC_ARENA_MAX": "2",  # glibc's arena a thread costs tens of MB over fifteen Python processes
    "GODEBUG": "madvdontneed=1",  # Go gives memory back at once, so that what `status` shows is what is used
}


class StackError(Exception):
    """The stack can't start or has lost a part; the message says which, why, and what to do."""


class AlreadyRunning(StackError):
    """Someone started this stack before; it is left as it is."""


@dataclass(frozen=True)
class Status:
    """One part as it is now: `state` is ready, starting or stopped; CPU in cores, memory (PSS) in bytes."""

    part: Part
    state: str
    pid: int | None
    cores: float
    memory: int
    log: Path
    url: str


class Stack:
    """The native stack whose state, logs, pids and rendered configuration live in one folder."""

    def __init__(self, home: Path, book: AddressBook, parts: Sequence[Part] = PARTS) -> None:
        """Describe the stack; nothing starts yet."""
        self.home = home
        self.book = book
        self.parts = tuple(part for part in parts if not (book.real_slack and part.name == "slack"))
        self.run = home / "run"

    def log(self, part: Part) -> Path:
        """Where a part's output goes."""
        return self.home / "log" / f"{part.name}.log"

    def running(self) -> dict[str, Running]:
        """Parts whose process lives."""
        return {name: running for name, running in process.remembered(self.run).items() if running.process()}

    def ended(self) -> list[Part]:
        """Parts that were started, not stopped, and run no more."""
        known = process.remembered(self.run)
        return [part for part in self.parts if part.name in known and not known[part.name].process()]

    def check_ports(self) -> None:
        """Raise StackError naming each port that another program holds."""
        taken = [
            f"  {self.book[name]} ({part.name}){_owner(self.book[name])}"
            for part in self.parts
            for name in part.listens
            if not free(self.book[name])
        ]
        if taken:
            raise StackError(
                "These ports are in use:\n" + "\n".join(taken) + "\nStop those programs, or choose other ports with "
                "BONGSU_PORT_BASE=19000 (every part's port moves with it)."
            )

    def start(self) -> None:
        """Render the configuration and start every part; return at once, `wait` tells when they are ready.

        State and logs of an earlier run are removed: Alertmanager and the router would remember alerts of which the
        workspace of the demo, which keeps nothing, has no message any more.

        Raises AlreadyRunning, StackError when a port is taken, and ToolMissing.
        """
        if alive := self.running():
            raise AlreadyRunning(f"The stack runs already ({len(alive)} parts). `make down` stops it.")
        self.check_ports()
        self._claim_home()
        for folder in ("state", "log"):
            shutil.rmtree(self.home / folder, ignore_errors=True)
        for folder in ("log", "state/prometheus", "state/alertmanager"):
            (self.home / folder).mkdir(parents=True)
        render.write(self.book)
        for part in self.parts:
            self.start_part(part)

    def start_part(self, part: Part) -> None:
        """Start one part that is not running, on the state that it left."""
        part.prepare(self.book)
        environment = {name: value for name, value in os.environ.items() if name not in SECRETS or name in part.secrets}
        process.start(part.name, part.command(self.book), self.run, self.log(part), {**environment, **ENVIRONMENT})

    def stop_part(self, part: Part) -> None:
        """End one part that was started; `start_part` starts it again."""
        process.stop([one for name, one in process.remembered(self.run).items() if name == part.name], self.run)

    def _claim_home(self) -> None:
        """Make the folder ours: its state and logs are removed at each start, so it must not be anybody else's."""
        record = self.home / RECORD
        known = {"port_base": int(self.book["console_port"]), "real_slack": self.book.real_slack}
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            if not record.exists() and any(self.home.iterdir()):
                raise StackError(
                    f"{self.home} is not empty and was not made by Bongsu (it has no {RECORD}). "
                    "Name a new or empty folder with --home or BONGSU_HOME."
                )
            process.write_whole(record, known)
        except OSError as error:
            raise StackError(
                f"{self.home} can't be written to: {error.strerror}. Name another folder with --home or BONGSU_HOME."
            ) from error

    def wait(self, seconds: float = READY_SECONDS) -> Iterator[set[str]]:
        """Yield the names of the parts that are ready, again and again until all are.

        Raises StackError with the end of the log when a part has ended or is not ready in time.
        """
        return self._wait(self.parts, seconds)

    def wait_for(self, part: Part, seconds: float = READY_SECONDS) -> None:
        """Wait until one part is ready.

        Raises StackError as `wait` does.
        """
        for _ in self._wait((part,), seconds):
            pass

    def _wait(self, parts: Sequence[Part], seconds: float) -> Iterator[set[str]]:
        deadline = time.monotonic() + seconds
        ready: set[str] = set()
        while len(ready) < len(parts):
            yield ready
            for part in parts:
                if part.name in ready:
                    continue
                self.raise_if_ended(part)
                if self.is_ready(part):
                    ready.add(part.name)
                elif time.monotonic() > deadline:
                    raise StackError(f"{part.name} is not ready after {seconds:.0f} s. {self._log_end(part)}")
            time.sleep(0.2)
        yield ready

    def raise_if_ended(self, part: Part) -> None:
        """Raise StackError with the end of its log when `part` was started and has ended."""
        if part in self.ended():
            raise StackError(f"{part.name} has ended. {self._log_end(part)}")

    def is_ready(self, part: Part) -> bool:
        """Ask a part whether it can do its job."""
        if part.ready is None:
            host, _, port = part.address(self.book).rpartition(":")
            with suppress(OSError), closing(socket.create_connection((host, int(port)), timeout=1)):
                return True
            return False
        try:
            # without TLS there is nothing to verify, and to load the system's certificates costs 14 ms a question
            url = f"http://{part.address(self.book)}{part.ready}"
            return httpx.get(url, timeout=1, trust_env=False, verify=False).is_success
        except httpx.HTTPError:
            return False

    def stop(self) -> list[str]:
        """End every process that was started; returns the names of those that had to be killed."""
        return process.stop(list(process.remembered(self.run).values()), self.run)

    def status(self, seconds: float = 1.0) -> list[Status]:
        """Look at every part; CPU is measured over `seconds`."""
        alive = {name: found for name, running in self.running().items() if (found := running.process())}
        before = {name: _cpu_seconds(found) for name, found in alive.items()}
        started = time.monotonic()
        time.sleep(seconds)
        elapsed = time.monotonic() - started
        return [self._status(part, alive.get(part.name), before.get(part.name, 0.0), elapsed) for part in self.parts]

    def _status(self, part: Part, found: psutil.Process | None, before: float, elapsed: float) -> Status:
        url = f"http://{part.address(self.book)}" if part.ready else part.address(self.book)
        if found is None:
            return Status(part, "stopped", None, 0.0, 0, self.log(part), url)
        state = "ready" if self.is_ready(part) else "starting"
        cores = max(0.0, _cpu_seconds(found) - before) / elapsed
        return Status(part, state, found.pid, cores, _memory(found), self.log(part), url)

    def _log_end(self, part: Part) -> str:
        return f"The end of {self.log(part)}:\n{process.tail(self.log(part))}"


def at(home: Path, port_base: int | None, default: int) -> Stack:
    """The stack that lives in `home`, on the ports it was last started with unless `port_base` says otherwise.

    One that runs posts to the Slack that it was started with, whatever the environment says now.
    """
    known_ports, known_slack = _last_start(home / RECORD)
    real_slack = bool(os.environ.get(SLACK_TOKEN))
    if known_slack is not None and any(one.process() for one in process.remembered(home / "run").values()):
        real_slack = known_slack
    return Stack(home, native(home, port_base or known_ports or default, otlp_receiver(), real_slack=real_slack))


def _last_start(record: Path) -> tuple[int | None, bool | None]:
    """First port and kind of Slack of the last start; None when there was none, or its record can't be read.

    No error: the ports can be given, and what runs is remembered apart, so `down` still ends it.
    """
    with suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(record.read_text(encoding="utf-8"))
        return int(known["port_base"]), bool(known["real_slack"])
    return None, None


def otlp_receiver() -> str | None:
    """``host:port`` of the OTLP receiver that OpenTelemetry's own variable names.

    Raises StackError when it is no URL with a host.
    """
    endpoint = os.environ.get(OTLP_ENDPOINT)
    if not endpoint:
        return None
    with suppress(httpx.InvalidURL):
        url = httpx.URL(endpoint)
        if url.scheme in ("http", "https") and url.host:
            return f"{url.host}:{url.port or OTLP_PORT}"
    raise StackError(f"{OTLP_ENDPOINT}: {endpoint!r} is not an http:// or https:// URL.")


def free(address: str) -> bool:
    """Whether nothing listens on ``host:port``."""
    host, _, port = address.rpartition(":")
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError:
            return False
    return True


def _owner(address: str) -> str:
    port = int(address.rpartition(":")[2])
    with suppress(psutil.AccessDenied):
        for connection in psutil.net_connections("tcp"):
            listens_here = connection.status == psutil.CONN_LISTEN and tuple(connection.laddr)[1:] == (port,)
            if listens_here and connection.pid:
                with suppress(psutil.NoSuchProcess):
                    return f" held by {psutil.Process(connection.pid).name()}, pid {connection.pid}"
    return ""


def _cpu_seconds(found: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        times = found.cpu_times()
        return float(times.user + times.system)
    return 0.0


def _memory(found: psutil.Process) -> int:
    """Proportional set size: pages that processes share are counted once over all of them."""
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return int(found.memory_full_info().pss)
    return 0
