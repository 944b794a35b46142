"""Processes are started apart, remembered, and ended by pid and start time."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from compose.native import process

SLEEP = (sys.executable, "-c", "import time; print('awake', flush=True); time.sleep(60)")
STUBBORN = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('awake', flush=True); time.sleep(60)",
)


def awake(log: Path) -> None:
    """Wait until the child has written its first line."""
    for _ in range(1000):
        if log.exists() and log.stat().st_size:
            return
        time.sleep(0.01)
    pytest.fail("the child did not start")


def ended(running: process.Running) -> None:
    """Wait until a process that ends by itself has."""
    for _ in range(1000):
        if running.process() is None:
            return
        time.sleep(0.01)
    pytest.fail("the process did not end")


def test_a_started_process_is_remembered_and_stopped(tmp_path: Path) -> None:
    """A later program finds it by its record; after stop neither process nor record is left."""
    log = tmp_path / "log/a.log"
    running = process.start("a", SLEEP, tmp_path / "run", log, os.environ)
    awake(log)
    assert process.remembered(tmp_path / "run") == {"a": running}
    assert running.process() is not None
    assert process.stop([running], tmp_path / "run") == []
    assert running.process() is None
    assert process.remembered(tmp_path / "run") == {}


def test_it_has_a_session_of_its_own(tmp_path: Path) -> None:
    """Ctrl-C in the terminal that started it reaches only the supervisor, which ends the parts in its own order."""
    log = tmp_path / "a.log"
    running = process.start("a", SLEEP, tmp_path, log, os.environ)
    try:
        assert os.getsid(running.pid) != os.getsid(0)
    finally:
        process.stop([running], tmp_path)


def test_a_process_that_ignores_sigterm_is_killed_and_named(tmp_path: Path) -> None:
    """`down` always ends with nothing left."""
    log = tmp_path / "a.log"
    running = process.start("a", STUBBORN, tmp_path, log, os.environ)
    awake(log)
    assert process.stop([running], tmp_path, seconds=0.2) == ["a"]
    assert running.process() is None


def test_another_process_with_the_same_pid_is_left_alone(tmp_path: Path) -> None:
    """A record that outlived its process must not end a stranger that got the pid."""
    log = tmp_path / "a.log"
    stranger = process.start("a", SLEEP, tmp_path, log, os.environ)
    try:
        record = process.Running("old", stranger.pid, stranger.birth + "0", ("x",))
        assert record.process() is None
        assert process.stop([record], tmp_path) == []
        assert stranger.process() is not None
    finally:
        process.stop([stranger], tmp_path)


def test_it_outlives_the_program_that_started_it(tmp_path: Path) -> None:
    """Envoy asks the kernel to end it with its parent; `up` must leave it running all the same."""
    tied = "import ctypes, time; ctypes.CDLL(None).prctl(1, 15); print('awake', flush=True); time.sleep(60)"
    starter = f"""
import os, sys
from pathlib import Path
from compose.native import process
room = Path({str(tmp_path)!r})
process.start("a", (sys.executable, "-c", {tied!r}), room, room / "a.log", os.environ)
"""
    subprocess.run([sys.executable, "-c", starter], check=True)
    running = process.remembered(tmp_path)["a"]
    try:
        awake(tmp_path / "a.log")
        assert running.process() is not None
    finally:
        process.stop([running], tmp_path)


def test_ctrl_c_never_falls_between_a_start_and_its_record(tmp_path: Path) -> None:
    """Whenever the program is interrupted, what it has started is on record, so that somebody can end it."""
    starter = f"""
import os, signal, sys
from pathlib import Path
from compose.native import process
room = Path({str(tmp_path)!r})
sleep = (sys.executable, "-c", "import time; time.sleep(60) # {tmp_path}")
for number in range(100):
    process.start(f"part-{{number}}", sleep, room, room / "log", os.environ)
"""
    child = subprocess.Popen([sys.executable, "-c", starter], stderr=subprocess.DEVNULL)
    while not process.remembered(tmp_path):
        time.sleep(0.001)
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=20) != 0
    recorded = process.remembered(tmp_path)
    try:
        assert {one.pid for one in recorded.values()} == {
            found.pid
            for found in psutil.process_iter(["cmdline"])
            if f"# {tmp_path}" in (found.info["cmdline"] or [""])[-1]
        }
    finally:
        process.stop(list(recorded.values()), tmp_path)


def test_output_goes_to_the_log_and_its_end_can_be_shown(tmp_path: Path) -> None:
    """Both streams, appended, the last lines first to be wanted."""
    log = tmp_path / "log/a.log"
    program = "import sys; [print(i) for i in range(50)]; sys.stdout.flush(); print('why', file=sys.stderr)"
    running = process.start("a", (sys.executable, "-c", program), tmp_path, log, os.environ)
    ended(running)
    assert process.tail(log, 3) == "48\n49\nwhy"
    assert process.tail(tmp_path / "none") == "(no log)"


def test_it_gets_the_environment_that_is_given(tmp_path: Path) -> None:
    """Nothing of this program's own environment comes along by itself."""
    log = tmp_path / "a.log"
    program = "import os; print(os.environ['GIVEN'], 'HOME' in os.environ)"
    running = process.start("a", (sys.executable, "-c", program), tmp_path, log, {"GIVEN": "yes"})
    ended(running)
    assert process.tail(log) == "yes False"


@pytest.mark.parametrize("record", ["{", "[]", '{"name": "a", "pid": 1, "created": 2.0, "command": []}'])
def test_a_record_that_can_not_be_read_is_named(tmp_path: Path, record: str) -> None:
    """Damaged, or written by another version: the message says which file and what to do."""
    path = tmp_path / "a.json"
    path.write_text(record, encoding="utf-8")
    with pytest.raises(process.RecordError, match="is damaged or from another version") as caught:
        process.remembered(tmp_path)
    assert str(path) in str(caught.value)
