"""``python -m demo.load SCENARIO``: one scenario against any gateway of this shape, with a live line and a summary."""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.live import Live

from demo.load import tally
from demo.load.arrivals import arrivals
from demo.load.faults import Faults
from demo.load.gateway import TIMEOUT_SECONDS, Gateway
from demo.load.generator import CONNECTION_ERROR, DROPPED, NO_TOKEN, REJECTED, TIMEOUT, Generator
from demo.load.latency import ERROR
from demo.load.scenario import Scenario, find, shipped
from demo.load.tally import Tally
from demo.telemetry import tracing
from process.settings import BaseUrl, ConfigError, Seconds

EXIT_UNUSABLE = 2
EXIT_NOT_UNDONE = 1
"""Something is still as the scenario or the disk left it: a fault not undone, a summary not written."""

LIVE_EVERY = 1.0
PLAIN_EVERY = 5.0

EPILOG = """Exit status: 0 the run ended, by itself or with Ctrl-C; 1 a fault was not undone or --json not written;
2 the scenario can't be used or the gateway not reached. With --config FILE it is a process of the stack instead."""


class Unusable(Exception):
    """There is nothing to run; the message says what to do."""


@dataclass(frozen=True)
class Run:
    """What the command line asked for; `duration` is seconds, None until Ctrl-C."""

    scenario: Scenario
    url: str
    duration: float | None
    factor: float
    services: Mapping[str, str]
    json: Path | None


def main(argv: Sequence[str], console: Console | None = None) -> int:
    """Run the command line and return its exit status; `console` is where everything is shown."""
    out = console or Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    arguments = _parser().parse_args(argv)
    if arguments.list:
        _list(out)
        return 0
    try:
        return asyncio.run(_play(_run(arguments), out))
    except (Unusable, ConfigError) as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_UNUSABLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m demo.load", description=__doc__, epilog=EPILOG)
    parser.add_argument("scenario", nargs="?", metavar="SCENARIO", help="a shipped scenario's name, or a file")
    parser.add_argument("--list", action="store_true", help="show the shipped scenarios and exit")
    parser.add_argument("--url", default="http://127.0.0.1:18080", help="the gateway (default: %(default)s)")
    parser.add_argument("--duration", metavar="30s", help="instead of the scenario's own; 90, 30s, 5m")
    parser.add_argument("--rate-factor", type=float, default=1.0, metavar="N", help="multiplies every rate")
    parser.add_argument("--services", default="", metavar="NAME=URL,…", help="where the faults are ordered")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the summary there too")
    return parser


def _list(out: Console) -> None:
    for scenario in shipped().values():
        out.print(f"[bold]{scenario.name}[/]  {scenario.title}")
        out.print(textwrap.fill(scenario.description, out.width, initial_indent="    ", subsequent_indent="    "))


def _run(arguments: argparse.Namespace) -> Run:
    if arguments.scenario is None:
        raise Unusable("name a scenario; --list shows the shipped ones")
    if not 0 < arguments.rate_factor <= 1000:
        raise Unusable("--rate-factor: must be more than 0, at most 1000")
    scenario = find(arguments.scenario)
    services = _services(arguments.services)
    for fault in scenario.faults:
        if fault.service not in services:
            raise Unusable(f"{scenario.name}: {fault}; say where it is: --services {fault.service}=http://HOST:PORT")
    duration = _checked("--duration", Seconds, arguments.duration) if arguments.duration else scenario.duration
    url = _checked("--url", BaseUrl, arguments.url)
    return Run(scenario, url, duration, arguments.rate_factor, services, arguments.json)


def _services(text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.split(",") if part]
    return {name: _checked(f"--services {name}", BaseUrl, url) for name, _, url in pairs}


def _checked(option: str, wanted: Any, value: str) -> Any:
    try:
        return TypeAdapter(wanted).validate_python(float(value) if value.isdigit() else value)
    except ValidationError as error:
        raise Unusable(f"{option}: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from error


async def _play(run: Run, out: Console) -> int:
    counts = Tally()
    provider = tracing("load", os.environ)
    gateway = Gateway(run.url, counts.record, provider.get_tracer("demo.load"))
    faults = Faults(run.services)
    generator = Generator(gateway.send, counts.record)
    with _signals(generator) as stop:
        try:
            await _reach(gateway, run.scenario.streams[0].client)
            out.print(f"[bold]{run.scenario.name}[/]: {run.scenario.description}")
            out.print(f"Against {run.url}, {f'{run.duration:g} s' if run.duration else 'until Ctrl-C'}.")
            seconds = await _generate(run, generator, faults, counts, out, stop)
        finally:
            await faults.release()
            await faults.close()
            await gateway.close()
            provider.shutdown()
    return _report(run, counts, seconds, faults, out)


@contextlib.contextmanager
def _signals(generator: Generator) -> Iterator[asyncio.Event]:
    """Yield what the first Ctrl-C (or SIGTERM, or the terminal's end) sets; the second cuts off open requests.

    None of them raises, so that nothing is left undone.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def ask() -> None:
        if stop.is_set():
            generator.abandon()
        stop.set()

    for number in numbers:
        loop.add_signal_handler(number, ask)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def _reach(gateway: Gateway, client: str) -> None:
    """Log one client in, so that a wrong address is said at once and not after a run of errors."""
    answer = await gateway.login(client)
    if gateway.problem:
        raise Unusable(f"{gateway.url} can't be reached: {gateway.problem}; is the stack up, and --url right?")
    if answer.outcome.startswith("4") and answer.outcome != REJECTED:
        raise Unusable(f"{gateway.url}/login answers {answer.outcome} for {client}: it is no gateway of this demo")


async def _generate(
    run: Run, generator: Generator, faults: Faults, counts: Tally, out: Console, stop: asyncio.Event
) -> float:
    """Make the load until its time is over or `stop` is set; return the seconds that it lasted."""
    faults.want(run.scenario.faults)
    started = time.monotonic()
    due = arrivals(run.scenario.streams, run.factor, Random())
    tasks = [
        asyncio.create_task(work)
        for work in (
            generator.run(due, run.duration),
            stop.wait(),
            faults.keep(),
            _show(run, generator, faults, counts, started, out),
        )
    ]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        seconds = time.monotonic() - started
        tasks[0].cancel()
        await generator.drain(TIMEOUT_SECONDS + 1)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()
    return seconds


async def _show(run: Run, generator: Generator, faults: Faults, counts: Tally, started: float, out: Console) -> None:
    asked = run.factor * sum(stream.rate for stream in run.scenario.streams)

    def line() -> str:
        seconds = time.monotonic() - started
        return _line(counts, generator.in_flight, faults, seconds, asked)

    if not out.is_terminal:
        while True:
            await asyncio.sleep(PLAIN_EVERY)
            out.print(line())
    with Live(console=out, auto_refresh=False, transient=True) as live:
        while True:
            live.update(line(), refresh=True)
            await asyncio.sleep(LIVE_EVERY)


def _line(counts: Tally, in_flight: int, faults: Faults, seconds: float, asked: float) -> str:
    sent = counts.total()
    parts = [
        f"{seconds:4.0f} s",
        f"{sent} sent, {sent / seconds if seconds else 0:.1f}/s of {asked:.1f}/s",
        f"p99 {tally.milliseconds(counts.p99())}",
        f"in flight {in_flight}",
    ]
    for outcome, word in (
        (REJECTED, "rejected"),
        (TIMEOUT, "timeouts"),
        (CONNECTION_ERROR, "connection errors"),
        (NO_TOKEN, "no token"),
        (DROPPED, "dropped"),
    ):
        if count := counts.total(outcome):
            parts.append(f"{word} {count}")
    parts += [f"fault not set: {problem}" for problem in faults.problems.values()]
    return " · ".join(parts)


def _report(run: Run, counts: Tally, seconds: float, faults: Faults, out: Console) -> int:
    rows = counts.rows(run.scenario.streams, run.factor, seconds)
    out.print(tally.table(rows))
    out.print(
        f"{seconds:.1f} s; arrivals are random (Poisson), so rates vary around what was asked.\n"
        f"Latency runs from the intended start, within {ERROR:.0%}: answers and timeouts, rejected ones left out."
    )
    status = 0
    for fault, problem in faults.problems.items():
        sys.stderr.write(f"not undone: {fault}: {problem}\n")
        status = EXIT_NOT_UNDONE
    if run.json and not _write(run.json, run, rows, seconds):
        status = EXIT_NOT_UNDONE
    return status


def _write(file: Path, run: Run, rows: Sequence[tally.Row], seconds: float) -> bool:
    summary = {
        "scenario": run.scenario.name,
        "url": run.url,
        "rate_factor": run.factor,
        "seconds": round(seconds, 3),
        "kinds": {row.kind: tally.document(row) for row in rows},
    }
    try:
        file.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        sys.stderr.write(f"--json {file}: can't be written: {error.strerror}\n")
        return False
    return True
