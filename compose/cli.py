"""`bongsu`: the whole stack from one command line."""

import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from alerting import cli as router
from compose import render, show
from compose.addresses import DEFAULT_PORT_BASE, PROJECT, SLACK_TOKEN, containers
from compose.drills.course import Course
from compose.drills.observer import Observer
from compose.drills.run import run
from compose.drills.table import DRILLS, QUICK
from compose.native import process, tools
from compose.native import stack as native_stack
from compose.native.parts import Part
from compose.native.process import RecordError
from compose.native.stack import AlreadyRunning, Stack, StackError
from compose.native.tools import ToolMissing
from dashboards import cli as dashboards

app = typer.Typer(
    help="Bongsu: watches gateways, Kafka and pods, and lights a fire in Slack before they burst.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(router.app, name="router")
app.add_typer(dashboards.app, name="dashboards")
console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)

Home = Annotated[Path, typer.Option(envvar="BONGSU_HOME", help="Folder of state, logs and pids.")]
PortBase = Annotated[
    int | None, typer.Option(envvar="BONGSU_PORT_BASE", min=1024, max=65000, help="First port; the others follow it.")
]
HOME = PROJECT / ".bongsu"


def _stack(home: Path, port_base: int | None) -> Stack:
    with _said():
        return native_stack.at(home.resolve(), port_base, DEFAULT_PORT_BASE)


@contextmanager
def _said() -> Iterator[None]:
    """Turn what a person can mend into a message and exit code 1."""
    try:
        yield
    except (StackError, ToolMissing, RecordError) as error:
        console.print(f"[bold red]✗[/] {show.plain(str(error))}")
        raise typer.Exit(1) from error


@app.command()
def install(tests: Annotated[bool, typer.Option(help="Also what the test suite needs.")] = False) -> None:
    """Install what is missing from Debian's packages and Maven's artifacts."""
    with _said(), console.status("") as spinner:
        begun: dict[str, float] = {}
        for tool in tools.install(tools.for_tests() if tests else tools.RUN):
            what = f"{tool.name} ({tool.origin})"
            if tool.name in begun:
                console.print(f"[green]✓[/] {what}, {time.monotonic() - begun[tool.name]:.0f} s")
                continue
            begun[tool.name] = time.monotonic()
            spinner.update(f"Installing {what} …")
            if not console.is_terminal:
                console.print(f"· installing {what} …")


@app.command()
def up(home: Home = HOME, port_base: PortBase = None) -> None:
    """Start the whole stack in the background."""
    with _said():
        stack = _stack(home, port_base)
        _start(stack)
    console.print(show.table(stack.status(), console.width))
    console.print(f"\nOpen [bold]{stack.book['console_url']}[/]. `make status` looks again, `make down` ends it all.")


@app.command()
def down(home: Home = HOME, port_base: PortBase = None) -> None:
    """End every process of the stack."""
    stack = _stack(home, port_base)
    with _said():
        count = len(stack.running())
        _stop(stack)
    console.print(f"[green]✓[/] {count} parts stopped." if count else "Nothing was running.")


@app.command()
def demo(home: Home = HOME, port_base: PortBase = None) -> None:
    """Start the whole stack, show a live line a part until Ctrl-C, then end it all."""
    stack = _stack(home, port_base)
    _end_in_order()
    with _said():
        ours = not stack.running()
    try:
        with _said():
            stack.start()
            _wait(stack)
            console.print(f"\nOpen [bold]{stack.book['console_url']}[/]. Ctrl-C ends it all.\n")
            _watch(stack)
    except KeyboardInterrupt:
        console.print("\nStopping …")
    finally:
        if ours and process.remembered(stack.run):
            _stop(stack)
            console.print("[green]✓[/] Everything is stopped.")


@app.command()
def status(home: Home = HOME, port_base: PortBase = None) -> None:
    """Show every part: URL, state, pid, CPU, memory, log."""
    stack = _stack(home, port_base)
    with _said():
        statuses = stack.status(seconds=3)
        ended = stack.ended()
    console.print(show.table(statuses, console.width))
    for part in ended:
        _show_end(part, stack)
    if not all(part.state == "ready" for part in statuses):
        raise typer.Exit(1)


@app.command()
def drill(
    names: Annotated[
        list[str] | None,
        typer.Argument(help=f"Which: {', '.join(DRILLS)}; {', '.join(QUICK)} by default."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every drill there is.")] = False,
    home: Home = HOME,
    port_base: PortBase = None,
) -> None:
    """Break the demo on purpose and wait for Slack; exit 0 only when every alert came, went, and came alone."""
    unknown = [name for name in names or [] if name not in DRILLS]
    if unknown:
        raise typer.BadParameter(f"no drill {', '.join(unknown)}; there are {', '.join(DRILLS)}")
    chosen = list(DRILLS) if everything else names or list(QUICK)
    stack = _stack(home, port_base)
    with _to_be_drilled(stack), Observer(stack.book) as observer:
        courses = list(run(stack, chosen, observer, console))
    _conclude(courses, may_be_prevented=everything)


@app.command("game-day")
def game_day(
    seed: Annotated[int | None, typer.Option(min=0, help="Play the order of an earlier game day again.")] = None,
    home: Home = HOME,
    port_base: PortBase = None,
) -> None:
    """Run every drill in random order, and write a report with the charts and what Slack showed."""
    from compose.drills import gameday  # the templates of the demo's Slack, which other commands need not wait for

    chosen = secrets.randbelow(1_000_000) if seed is None else seed
    stack = _stack(home, port_base)
    path = gameday.report_path(stack.home, datetime.now(UTC), chosen)
    with _to_be_drilled(stack), Observer(stack.book) as observer:
        console.print(f"Seed {chosen}: {', '.join(gameday.order(chosen))}")
        courses = gameday.play(stack, chosen, observer, console, path)
    console.print(f"\nThe report is {path}")
    _conclude(courses, may_be_prevented=True)


@contextmanager
def _to_be_drilled(stack: Stack) -> Iterator[None]:
    """A stack that runs for the length of a block; one that did not run before is ended after it."""
    with _said():
        ours = not stack.running()
        if stack.book.real_slack and not os.environ.get(SLACK_TOKEN):
            raise StackError(f"This stack posts to your own Slack; set {SLACK_TOKEN} for the drill to read it there.")
    _end_in_order()
    try:
        with _said():
            if ours:
                _start(stack)
            yield
    except KeyboardInterrupt:
        console.print("\nStopped before the end.")
        raise typer.Exit(130) from None
    finally:
        if ours:
            _stop(stack)


def _conclude(courses: Sequence[Course], *, may_be_prevented: bool) -> None:
    console.print(show.drills(courses))
    if not all(course.ok or (course.prevented and may_be_prevented) for course in courses):
        raise typer.Exit(1)


@app.command()
def doctor(home: Home = HOME, port_base: PortBase = None) -> None:
    """Say what this machine has, what it lacks, and what to do about it."""
    from compose import check  # every settings model of the project: half a second that other commands need not pay

    stack = _stack(home, port_base)
    fine = True
    for line in check.machine(stack):
        fine = fine and line.ok
        console.print(f"{'[green]✓[/]' if line.ok else '[bold red]✗[/]'} {show.plain(line.text)}")
    raise typer.Exit(0 if fine else 1)


@app.command("check-config")
def check_config() -> None:
    """Render every configuration, natively and for containers, and let each program check its own."""
    from compose import check

    with _said():
        problems = check.configurations()
    for problem in problems:
        console.print(f"[bold red]✗[/] {show.plain(problem)}")
    if problems:
        raise typer.Exit(1)
    console.print(f"[green]✓[/] {len(render.FILES)} configuration files, two ways to run them")


@app.command("render")
def render_for_containers(
    target: Annotated[Path, typer.Option(help="Folder to write the rendered files to.")],
) -> None:
    """Write the configuration files for the containers of compose.yaml."""
    real_slack = bool(os.environ.get(SLACK_TOKEN))
    with _said():
        receiver = native_stack.otlp_receiver()
    for path in render.write(containers(target, receiver, real_slack=real_slack)):
        console.print(f"[green]✓[/] {path}")


def _start(stack: Stack) -> None:
    """Start all and wait; what did not come up whole is ended again."""
    try:
        stack.start()
        _wait(stack)
    except AlreadyRunning:
        raise
    except (StackError, ToolMissing, KeyboardInterrupt):
        _stop(stack)
        raise


def _wait(stack: Stack) -> None:
    started = time.monotonic()
    with console.status("Starting …") as spinner:
        for ready in stack.wait():
            waiting = [part.name for part in stack.parts if part.name not in ready]
            spinner.update(f"Starting: {len(ready)} of {len(stack.parts)} ready; waiting for {', '.join(waiting)}")
    console.print(f"[green]✓[/] {len(stack.parts)} parts ready after {time.monotonic() - started:.0f} s")


def _watch(stack: Stack) -> None:
    """Redraw the table until Ctrl-C; without a terminal print it once and then only what ends."""
    lost: Sequence[Part] = ()
    if not console.is_terminal:
        console.print(show.table(stack.status(), console.width))
    with Live(console=console, auto_refresh=False) as live:
        while True:
            statuses = stack.status(seconds=2)
            if console.is_terminal:
                live.update(show.table(statuses, console.width), refresh=True)
            ended = stack.ended()  # not what a drill has stopped
            for part in ended:
                if part not in lost:
                    _show_end(part, stack)
            lost = ended


def _show_end(part: Part, stack: Stack) -> None:
    log = stack.log(part)
    console.print(f"[bold red]✗[/] {part.name} has ended. The end of {log}:\n{show.plain(process.tail(log))}")


def _stop(stack: Stack) -> None:
    for number in process.ENDINGS:
        signal.signal(number, signal.SIG_IGN)  # what a second Ctrl-C asks for is being done
    with console.status("Stopping …"):
        killed = stack.stop()
    if killed:
        console.print(f"[yellow]![/] killed, because they did not end by themselves: {', '.join(killed)}")


def _end_in_order() -> None:
    """Let every way to end this program stop the parts first; a shell's background job ignores SIGINT by default."""
    for number in process.ENDINGS:
        signal.signal(number, _interrupt)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    app()
