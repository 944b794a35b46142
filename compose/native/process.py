"""One part as a process: started in its own session, remembered by pid and start time, stopped by both."""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

STOP_SECONDS = 12.0
"""A part gets this long to end after SIGTERM: the broker writes its clean-shutdown mark, services finish a request."""


ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that ask this program to end."""


class RecordError(Exception):
    """What was written down about a started process can't be read; the message says what to do."""


@dataclass(frozen=True)
class Running:
    """A started process; `birth` tells it from a later one that got the same pid."""

    name: str
    pid: int
    birth: str
    command: tuple[str, ...]

    def process(self) -> psutil.Process | None:
        """The live process, or None when it has ended."""
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            if _birth(self.pid) == self.birth and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None


def _birth(pid: int) -> str:
    """Boot and clock ticks since it (proc(5), field 22 of stat); empty when there is no such process.

    Not the wall clock: a step of it between `up` and `down` must not make a process a stranger.
    """
    with suppress(OSError):
        ticks = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text(encoding='utf-8').strip()}/{ticks}"
    return ""


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let what is inside end before this program is asked to: a signal that comes meanwhile is delivered afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield  # the only thread that Python interrupts
        return
    noted: list[int] = []
    before = {number: signal.signal(number, lambda which, _frame: noted.append(which)) for number in ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if noted:
            signal.raise_signal(noted[0])


def start(name: str, command: Sequence[str], run: Path, log: Path, environment: Mapping[str, str]) -> Running:
    """Start `command` with its output appended to `log`, and remember it in `run`/<name>.json.

    It gets a session of its own, so that Ctrl-C in a terminal reaches only the program that supervises. A command that
    can't be started says so in its log and has ended when it is looked at. `environment` is all that it gets.
    Ctrl-C does not fall between the start and the record: nothing would ever end the process.
    """
    with undisturbed():
        return _start(name, command, run, log, environment)


def _start(name: str, command: Sequence[str], run: Path, log: Path, environment: Mapping[str, str]) -> Running:
    log.parent.mkdir(parents=True, exist_ok=True)
    run.mkdir(parents=True, exist_ok=True)
    # Through a shell that ends at once: the part then belongs to init, not to this program. Envoy asks the kernel to
    # be ended with its parent (PR_SET_PDEATHSIG), and `up` must be able to leave it running.
    detach = 'log=$1; shift; "$@" </dev/null >>"$log" 2>&1 & echo $!'
    shell = subprocess.run(
        ["sh", "-c", detach, "sh", str(log), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=dict(environment),
        check=True,
    )
    pid = int(shell.stdout)
    running = Running(name, pid, _birth(pid), tuple(command))
    write_whole(run / f"{name}.json", asdict(running))
    return running


def write_whole(record: Path, values: Mapping[str, Any]) -> None:
    """Write a record that is whole or not there, also when this program is killed now: renamed into place."""
    draft = record.with_suffix(".draft")
    draft.write_text(json.dumps(values), encoding="utf-8")
    draft.rename(record)


def remembered(run: Path) -> dict[str, Running]:
    """Every process that was started and not stopped since, by name.

    Raises RecordError for a record that this version can't read.
    """
    found = {}
    for path in sorted(run.glob("*.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            found[path.stem] = Running(record["name"], record["pid"], record["birth"], tuple(record["command"]))
        except (ValueError, KeyError, TypeError) as error:
            raise RecordError(
                f"{path} is damaged or from another version. End that process by its pid, then remove the file."
            ) from error
    return found


def stop(all_running: Sequence[Running], run: Path, seconds: float = STOP_SECONDS) -> list[str]:
    """Ask each to end, kill what has not after `seconds`, and forget those that are gone.

    Returns the names of those that had to be killed.
    """
    alive = _send(signal.SIGTERM, all_running)
    stubborn = _send(signal.SIGKILL, _outlast(alive, seconds))
    for running in set(all_running) - set(_outlast(stubborn, 5.0)):
        (run / f"{running.name}.json").unlink(missing_ok=True)
    return [running.name for running in stubborn]


def _send(number: signal.Signals, all_running: Sequence[Running]) -> list[Running]:
    """Signal those that live, and return them."""
    reached = []
    for running in all_running:
        if found := running.process():
            with suppress(psutil.NoSuchProcess):
                found.send_signal(number)
                reached.append(running)
    return reached


def _outlast(all_running: Sequence[Running], seconds: float) -> list[Running]:
    """Wait until all have ended, and return those that have not after `seconds`. One that nobody reaped has ended."""
    deadline = time.monotonic() + seconds
    left = list(all_running)
    while (left := [running for running in left if running.process()]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def tail(log: Path, lines: int = 12) -> str:
    """The end of a log, for a person to read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16384))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return "(no log)"
    return "\n".join(text.splitlines()[-lines:]) or "(the log is empty)"
