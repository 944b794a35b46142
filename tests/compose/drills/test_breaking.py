"""What is broken is broken for the length of a block, and whole again after it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from compose.addresses import AddressBook, native
from compose.drills import cgroups
from compose.drills.breaking import Limited, LimiterGone, Scenario, SlackFails, Stopped, all_of
from compose.native.parts import Part
from compose.native.stack import Stack

SERVER = """
import http.server, json, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        if self.path != "/":
            open(sys.argv[2], "a").write(json.dumps([self.command, self.path, body]) + "\\n")
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    do_GET = do_POST = do_PUT = do_DELETE = answer

http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def stack(tmp_path: Path, unused_tcp_port: int) -> Iterator[Stack]:
    """One part that stands for all that a drill talks to, and writes down what it is told."""
    address = f"127.0.0.1:{unused_tcp_port}"
    names = ("load", "slack", "edge_admin", "kafka")
    book = AddressBook({**native(tmp_path).values, **dict.fromkeys(names, address)}, tmp_path / "config")

    def command(book: AddressBook) -> list[str]:
        return [sys.executable, "-c", SERVER, book["kafka"].rpartition(":")[2], str(tmp_path / "state" / "told")]

    stack = Stack(tmp_path, book, [Part("kafka", "a stand-in", ("kafka",), command, "/")])
    try:
        stack.start()
        for _ in stack.wait():
            pass
        yield stack
    finally:
        stack.stop()


def told(stack: Stack) -> list[tuple[str, str, object]]:
    """What the part was told."""
    lines = (stack.home / "state" / "told").read_text(encoding="utf-8").splitlines()
    return [(method, path, json.loads(body) if body else None) for method, path, body in map(json.loads, lines)]


@pytest.mark.parametrize(
    ("breakage", "expected"),
    [
        (Scenario("burst"), [("PUT", "/scenario", {"name": "burst"}), ("DELETE", "/scenario", None)]),
        (
            LimiterGone(),
            [
                ("POST", "/runtime_modify?ratelimit.http_filter_enabled=100", None),
                ("POST", "/runtime_modify?ratelimit.http_filter_enabled=0", None),
            ],
        ),
        (
            SlackFails(),
            [
                ("POST", "/faults", {"method": "chat.postMessage", "kind": "http_500", "times": 1_000_000}),
                ("POST", "/faults", {"method": "chat.update", "kind": "http_500", "times": 1_000_000}),
                ("DELETE", "/faults", None),
            ],
        ),
    ],
    ids=str,
)
def test_orders_are_given_and_taken_back(
    stack: Stack, breakage: Scenario | LimiterGone | SlackFails, expected: list[tuple[str, str, object]]
) -> None:
    """Also when what goes on meanwhile fails."""
    with pytest.raises(RuntimeError), all_of((breakage,), stack):
        raise RuntimeError
    assert told(stack) == expected


@dataclass(frozen=True)
class Interrupted:
    """Something during whose mending somebody presses Ctrl-C."""

    name: str
    mended: list[str]

    def prevented(self, stack: Stack) -> str | None:
        """Nothing is in the way."""
        return None

    @contextmanager
    def broken(self, stack: Stack) -> Iterator[None]:
        """Note what was mended."""
        yield
        signal.raise_signal(signal.SIGINT)
        self.mended.append(self.name)


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C means what it means to `bongsu`: a server that the tests run takes it over."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_waits_until_all_is_mended(stack: Stack) -> None:
    """Whoever presses it again and again leaves nothing broken."""
    mended: list[str] = []
    with (
        pytest.raises(KeyboardInterrupt),
        all_of((Interrupted("first", mended), Interrupted("second", mended)), stack),
    ):
        mended.append("now")
    assert mended == ["now", "second", "first"]


def test_a_part_is_stopped_and_starts_again_as_it_was(stack: Stack) -> None:
    """`status` says so meanwhile; the same command runs afterwards, and is ready."""
    before = stack.running()["kafka"]
    assert Stopped("kafka").prevented(stack) is None
    with all_of((Stopped("kafka"),), stack):
        assert [(one.state, one.pid) for one in stack.status(seconds=0.0)] == [("stopped", None)]
        assert stack.ended() == []
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://{stack.book['kafka']}/")
    after = stack.running()["kafka"]
    assert (after.command, after.pid == before.pid) == (before.command, False)
    assert stack.status(seconds=0.0)[0].state == "ready"


def test_a_part_that_does_not_run_can_not_be_stopped(stack: Stack) -> None:
    """It is said before anything is broken."""
    assert Stopped("envoy").prevented(stack) == "this stack runs no envoy; `make status` shows its parts"
    assert Limited("envoy", 0.1).prevented(stack) == "this stack runs no envoy; `make status` shows its parts"


@pytest.fixture
def busy() -> Iterator[subprocess.Popen[bytes]]:
    """A process that wants a whole core."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    yield process
    process.kill()
    process.wait()


def test_a_process_is_held_to_a_limit_and_let_go(busy: subprocess.Popen[bytes]) -> None:
    """The kernel throttles it, and afterwards it is where it was; the group is gone."""
    if reason := cgroups.prevented():
        pytest.skip(f"needs a control group of its own: {reason}")
    place = Path(f"/proc/{busy.pid}/cgroup")
    before = place.read_text()
    group = f"bongsu-test-{busy.pid}/billing"
    with cgroups.limited(group, busy.pid, 0.1):
        assert group in place.read_text()
        stats = (cgroups.ROOT / tree / group / "cpu.stat" for tree in ("cpu", ""))
        stat = next(path for path in stats if path.exists())
        deadline = time.monotonic() + 20
        while "nr_throttled 0" in stat.read_text():
            assert time.monotonic() < deadline, stat.read_text()
            time.sleep(0.05)
    assert place.read_text() == before
    assert not list(cgroups.ROOT.glob(f"bongsu-test-{busy.pid}"))
    assert not list(cgroups.ROOT.glob(f"*/bongsu-test-{busy.pid}"))


def test_a_machine_without_control_groups_is_told_so(tmp_path: Path) -> None:
    """One line for the table, before anything is broken."""
    assert cgroups.prevented(tmp_path) == f"this machine has no control groups at {tmp_path}"
