"""One application on one address, ended by SIGTERM."""

import signal
import socket
import subprocess
import sys
from contextlib import closing

PROGRAM = """
import sys
from starlette.applications import Starlette
from process.serve import serve
serve(Starlette(), sys.argv[1])
"""

UNABLE = """
import sys
from contextlib import asynccontextmanager
from starlette.applications import Starlette
from process.serve import serve

@asynccontextmanager
async def lifespan(_):
    raise RuntimeError("no store here")
    yield

serve(Starlette(lifespan=lifespan), "127.0.0.1:0")
"""


def test_a_taken_port_ends_it_with_the_reason() -> None:
    """The address is named in the error and the exit code is 3."""
    with closing(socket.create_server(("127.0.0.1", 0))) as holder:
        port = holder.getsockname()[1]
        result = subprocess.run(
            [sys.executable, "-c", PROGRAM, f"127.0.0.1:{port}"], capture_output=True, text=True, check=False
        )
    assert result.returncode == 3
    assert "address already in use" in result.stderr
    assert str(port) in result.stderr


def test_a_host_that_does_not_exist_ends_it_with_the_setting() -> None:
    """Which key is wrong, and what with it."""
    command = [sys.executable, "-c", PROGRAM, "no-such-host.invalid:1"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert result.stderr.startswith("listen: no-such-host.invalid:1: ")
    assert len(result.stderr.splitlines()) == 1


def test_an_application_that_does_not_start_ends_it_with_the_reason() -> None:
    """What its lifespan raised is in the log, and the exit code is 3."""
    result = subprocess.run([sys.executable, "-c", UNABLE], capture_output=True, text=True, check=False)
    assert result.returncode == 3
    assert "no store here" in result.stderr


def test_sigterm_ends_it_cleanly() -> None:
    """A served application ends at once when it is told to."""
    with closing(socket.create_server(("127.0.0.1", 0))) as holder:
        port = holder.getsockname()[1]
    child = subprocess.Popen([sys.executable, "-c", PROGRAM, f"127.0.0.1:{port}"], stderr=subprocess.DEVNULL)
    try:
        for _ in range(400):
            with closing(socket.socket()) as probe:
                probe.settimeout(0.05)
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            try:
                child.wait(timeout=0.05)
            except subprocess.TimeoutExpired:
                continue
        child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=10) in (0, -signal.SIGTERM)
    finally:
        child.kill()
        child.wait()
