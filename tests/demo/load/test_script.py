"""The script as its user runs it: a process of its own, real signals, a real server."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from demo.load import script as program
from demo.load.scenario import names
from tests.demo.load.stub import Stub, Until, bound, serving

FAULTS = """
faults:
  - billing_delay: 1s
  - burn: {service: orders, cores: 0.2, seconds: 60}
"""

SCENARIO = """
title: A test
description: A busy test.
streams:
  - {client: alice, request: order, rate: 60}
  - {client: bob, request: me, rate: 30}
"""

PROJECT = Path(__file__).parents[3]


@dataclass
class Script:
    """The running script; `output` has what it said, once `end` returned the exit status."""

    process: asyncio.subprocess.Process
    output: str = ""
    errors: str = ""

    async def end(self) -> int:
        async with asyncio.timeout(20):
            out, err = await self.process.communicate()
        self.output, self.errors = out.decode(), err.decode()
        assert self.process.returncode is not None
        return self.process.returncode


Run = Callable[..., AbstractAsyncContextManager[Script]]


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """A busy scenario without faults."""
    path = tmp_path / "busy.yaml"
    path.write_text(SCENARIO)
    return path


@pytest.fixture
def breaking(tmp_path: Path) -> Path:
    """The busy scenario with both kinds of faults."""
    path = tmp_path / "breaking.yaml"
    path.write_text(SCENARIO + FAULTS)
    return path


@asynccontextmanager
async def running(*arguments: object) -> AsyncIterator[Script]:
    """Run ``python -m demo.load`` with arguments."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "demo.load", *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{PROJECT}:{PROJECT / 'demo-services'}"},
    )
    try:
        yield Script(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def services(stub: Stub) -> tuple[str, str]:
    return "--services", f"billing={stub.url},orders={stub.url}"


def statuses(stub: Stub, path: str) -> dict[str, int]:
    return {str(status): count for (part, status), count in stub.seen.items() if part == path}


async def test_the_summary_is_what_the_server_saw(stub: Stub, scenario: Path, tmp_path: Path) -> None:
    """Every number of the JSON summary equals the server's own count, and the table shows them."""
    file = tmp_path / "summary.json"
    stub.answers["users"] = 429
    async with running(scenario, "--url", stub.url, "--duration", "2s", "--json", file) as script:
        assert await script.end() == 0
    summary = json.loads(file.read_text())
    kinds = summary["kinds"]
    assert kinds["order"]["statuses"] == statuses(stub, "orders")
    assert kinds["me"]["statuses"] == statuses(stub, "users")
    assert kinds["login"]["statuses"] == {"200": 2} == statuses(stub, "login")
    assert kinds["me"]["rejected"] == stub.count("users")
    assert [kinds["order"][key] for key in ("rate_asked", "due", "sent")] == [60, *[stub.count("orders")] * 2]
    assert kinds["order"]["rate_achieved"] == pytest.approx(stub.count("orders") / summary["seconds"], rel=0.001)
    assert kinds["me"]["latency_seconds"] == {"p50": None, "p95": None, "p99": None, "max": None}
    assert f"202 ×{stub.count('orders')}" in script.output
    assert f"429 rejected ×{stub.count('users')}" in script.output


async def test_timeouts_and_drops_are_told_apart(stub: Stub, scenario: Path, tmp_path: Path) -> None:
    """While orders hang they fill what may be in flight: the rest is dropped and said so, nothing is lost."""
    file = tmp_path / "summary.json"
    stub.stalled.add("orders")
    # 600 orders are due and 256 fit; the second ends long before the first of them is given up
    arguments = ("--url", stub.url, "--rate-factor", 10, "--duration", "1s", "--json", file)
    async with running(scenario, *arguments) as script:
        assert await script.end() == 0
    order, me = (json.loads(file.read_text())["kinds"][kind] for kind in ("order", "me"))
    assert order["timeouts"] == order["sent"] == stub.count("orders")
    assert order["due"] == order["sent"] + order["dropped"]
    assert order["dropped"] > 0
    assert me["due"] == me["sent"] + me["dropped"]
    assert order["latency_seconds"]["p50"] >= 5 * 0.99


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_it_with_a_summary_and_no_fault_left(
    stub: Stub, breaking: Path, until: Until, number: signal.Signals
) -> None:
    """Ctrl-C, SIGTERM and a closed terminal end the run as its duration would."""
    async with running(breaking, "--url", stub.url, *services(stub)) as script:
        await until(lambda: stub.delay_ms == 1000 and stub.burning and stub.count("orders") > 5)
        script.process.send_signal(number)
        assert await script.end() == 0
    assert (stub.delay_ms, stub.burning) == (10, False)
    assert f"202 ×{stub.count('orders')}" in script.output
    assert script.errors == ""


async def test_a_second_signal_does_not_wait_for_answers(stub: Stub, breaking: Path, until: Until) -> None:
    """The second cuts off what is open, says so, and still undoes the faults, however soon it comes."""
    stub.stalled.add("orders")
    async with running(breaking, "--url", stub.url, *services(stub)) as script:
        await until(lambda: stub.burning and stub.count("orders") > 5)
        script.process.send_signal(signal.SIGINT)
        script.process.send_signal(signal.SIGTERM)  # another one: two of the same, not yet delivered, are one
        assert await script.end() == 0
    assert (stub.delay_ms, stub.burning) == (10, False)
    assert "abandoned ×" in script.output


async def test_the_end_of_the_duration_undoes_faults(stub: Stub, breaking: Path) -> None:
    """A run that ends by itself leaves nothing broken."""
    async with running(breaking, "--url", stub.url, "--duration", "0.5s", *services(stub)) as script:
        assert await script.end() == 0
    assert stub.orders == ["speed 1000", "burn 0.2", "speed again", "burn ends"]


async def test_a_reader_that_leaves_undoes_faults(stub: Stub, breaking: Path, until: Until) -> None:
    """When what reads the output goes away (``| head``) the run ends and nothing stays broken."""
    async with running(breaking, "--url", stub.url, *services(stub)) as script:
        await until(lambda: stub.delay_ms == 1000 and stub.burning)
        stdout: Any = script.process.stdout
        stdout._transport.close()
        await until(lambda: not stub.burning)
        await script.process.wait()
    assert stub.delay_ms == 10


async def test_a_gateway_that_dies_costs_its_requests_only(scenario: Path, tmp_path: Path, until: Until) -> None:
    """When the gateway goes away in the middle, the run goes on and counts connection errors."""
    file = tmp_path / "summary.json"
    address = bound()
    async with serving(address) as stub:
        script = running(scenario, "--url", stub.url, "--duration", "3s", "--json", file)
        process = await script.__aenter__()
        await until(lambda: stub.count("orders") > 5)
    try:
        assert await process.end() == 0
    finally:
        await script.__aexit__(None, None, None)
    order = json.loads(file.read_text())["kinds"]["order"]
    assert order["connection_errors"] > 0
    assert order["due"] == order["sent"] > 100


async def test_a_fault_that_stays_is_said(stub: Stub, breaking: Path, until: Until) -> None:
    """When a service refuses to be mended, the end says which and why, and the exit status is 1."""
    async with running(breaking, "--url", stub.url, *services(stub)) as script:
        await until(lambda: stub.delay_ms == 1000 and stub.burning)
        stub.answers["burn"] = 500
        script.process.send_signal(signal.SIGINT)
        assert await script.end() == 1
    assert script.errors == f"not undone: burn 0.2 cores in orders: DELETE {stub.url}/burn answered 500\n"
    assert stub.delay_ms == 10


async def test_a_summary_that_cannot_be_written_is_said(stub: Stub, scenario: Path, tmp_path: Path) -> None:
    """The table is shown all the same; one sentence says why there is no file, and the exit status is 1."""
    file = tmp_path / "missing" / "summary.json"
    async with running(scenario, "--url", stub.url, "--duration", "0.5s", "--json", file) as script:
        assert await script.end() == 1
    assert f"202 ×{stub.count('orders')}" in script.output
    assert script.errors == f"--json {file}: can't be written: No such file or directory\n"


async def test_a_gateway_that_is_not_there(nobody: str, scenario: Path) -> None:
    """An address where nobody listens is said in one line, with exit status 2."""
    async with running(scenario, "--url", nobody) as script:
        assert await script.end() == 2
    assert script.errors == f"{nobody} can't be reached: Connection refused; is the stack up, and --url right?\n"


async def test_a_server_that_is_no_gateway(stub: Stub, scenario: Path) -> None:
    """A server that has no login is not loaded."""
    stub.answers["login"] = 404
    async with running(scenario, "--url", stub.url) as script:
        assert await script.end() == 2
    assert script.errors == f"{stub.url}/login answers 404 for alice: it is no gateway of this demo\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a scenario; --list shows the shipped ones"),
        (["brust"], f"brust: is no shipped scenario ({', '.join(names())}) and no file"),
        (["steady", "--duration", "soon"], "--duration: 'soon' is not a duration such as 500ms, 5s, 2m or 1h"),
        (["steady", "--duration", "0"], "--duration: must be longer than 0s"),
        (["steady", "--url", "localhost"], "--url: 'localhost' is not an http:// or https:// URL"),
        (["steady", "--rate-factor", "0"], "--rate-factor: must be more than 0, at most 1000"),
        (["steady", "--rate-factor", "nan"], "--rate-factor: must be more than 0, at most 1000"),
        (["steady", "--services", "orders=x"], "--services orders: 'x' is not an http:// or https:// URL"),
        (
            ["slow-consumer"],
            "slow-consumer: billing takes 1 s per record; say where it is: --services billing=http://HOST:PORT",
        ),
    ],
)
def test_a_command_line_that_makes_no_sense(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each mistake is one sentence, with exit status 2."""
    assert program.main(arguments) == 2
    assert capsys.readouterr().err == f"{message}\n"


def test_list_shows_what_is_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    """--list shows every name with its title and its sentence."""
    assert program.main(["--list"]) == 0
    shown = capsys.readouterr().out
    assert [line.split()[0] for line in shown.splitlines() if not line.startswith(" ")] == names()
    assert "Lights PodCPUNearLimit." in shown
