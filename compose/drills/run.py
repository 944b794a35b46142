"""Runs drills one after the other, each from quiet to quiet."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import httpx
from rich.console import Console
from rich.markup import escape
from slack_sdk.errors import SlackApiError

from compose.drills.breaking import Breakage, all_of
from compose.drills.course import Course, judged, settled, speaks_of
from compose.drills.observer import DrillFailed, Observer
from compose.drills.table import DRILLS, Drill
from compose.native.stack import Stack, StackError

RESOLVE_SECONDS = 300.0
QUIET_SECONDS = 180.0
TOLD_SECONDS = 120.0
"""An alert that fires is in Slack by then: the router waits a minute at most between two tries."""

POLL_SECONDS = 0.5
SLACK_POLL_SECONDS = 2.0
"""conversations.history is tier 3, 50 calls a minute; the times that a drill reports are Slack's own timestamps."""


@dataclass(frozen=True)
class Clock:
    """Unix time, seconds that never jump, and a pause."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


REAL = Clock()


def run(stack: Stack, names: Sequence[str], observer: Observer, console: Console) -> Iterator[Course]:
    """Run drills and tell how each went; one that fails does not keep the next from running."""
    for name in names:
        yield Run(name, DRILLS[name], stack, observer, console).to_the_end()


class Run:
    """One drill under way; `course` is what it has seen so far."""

    def __init__(
        self, name: str, drill: Drill, stack: Stack, observer: Observer, console: Console, clock: Clock = REAL
    ) -> None:
        """Break nothing yet."""
        self._clock = clock
        self.course = Course(name, clock.now())
        self._drill = drill
        self._stack = stack
        self._observer = observer
        self._console = console

    def to_the_end(self) -> Course:
        """Run it; what goes wrong is a problem of its course."""
        reasons = [one.prevented(self._stack) for one in (*self._drill.stage, *self._drill.breaks)]
        if reason := next(filter(None, reasons), None):
            self.course = replace(self.course, prevented=reason)
            self._say()
            return self.course
        try:
            self._run()
        except DrillFailed as error:
            self._problem(str(error))
        except SlackApiError as error:
            refused = error.response.get("error")
            self._problem(f"Slack refuses {refused}; its token needs channels:read and channels:history")
        except (httpx.HTTPError, StackError, OSError) as error:
            self._problem(f"{type(error).__name__}: {error}; `make status` shows what runs")
        self.course = replace(self.course, ended_at=self._clock.now())
        self._say()
        return self.course

    def _run(self) -> None:
        drill = self._drill
        with self._phase("waiting until nothing fires"):
            self._wait(
                self._is_quiet, QUIET_SECONDS, lambda: f"not quiet after {QUIET_SECONDS:.0f} s: {self._active()}"
            )
        self._observer.fired()
        with all_of(drill.stage, self._stack):
            with self._broken(drill.breaks):
                if drill.blind:
                    self.course = replace(self.course, breached_at=self.course.broken_at)
                else:
                    self._await_alert()
                if not drill.after:
                    self._await_message()
            if drill.after:
                self._await_message()
            with self._phase("the cause is gone; waiting for the same message to say so"):
                self._await_recovery()
                self._await_resolve()
        self._look_around()

    @contextmanager
    def _broken(self, breakages: tuple[Breakage, ...]) -> Iterator[None]:
        self.course = replace(self.course, broken_at=self._clock.now())
        with all_of(breakages, self._stack):
            yield
        self.course = replace(self.course, mended_at=self._clock.now())

    def _await_alert(self) -> None:
        """Wait until the alert fires, and note when its rule's expression became true."""
        drill = self._drill
        alert = drill.expects.alert

        def fires() -> bool:
            active = [one for one in self._observer.alerts() if one["labels"]["alertname"] == alert]
            if active:  # a rule that holds, lets go and holds again has begun with the last time
                began = min(_timestamp(alert["activeAt"]) for alert in active)
                self.course = replace(self.course, breached_at=began)
            firing = [alert for alert in active if alert["state"] == "firing"]
            if firing:
                self.course = replace(self.course, annotations=firing[0]["annotations"])
            return bool(firing)

        def failure() -> str:
            what = "its rule never held" if self.course.breached_at is None else "it stayed pending"
            return f"{alert} did not fire in {drill.within:.0f} s: {what}"

        with self._phase(f"{drill.cause}; waiting for {alert}"):
            self._wait(fires, drill.within, failure)

    def _await_message(self) -> None:
        told, blind = self._drill.expects, self._drill.blind
        heard = self._drill.cause if blind else f"{told.alert} fires"

        def is_told() -> bool:
            if not blind:
                self._observer.alerts()
            found = speaks_of(told, self._observer.messages(told.channel, self.course.began_at))
            if found:
                self.course = replace(self.course, firing=found, told_at=float(found["ts"]))
            return bool(found)

        failure = f"{heard}, and #{told.channel} has not heard of it in {TOLD_SECONDS:.0f} s"
        with self._phase(f"{heard}; waiting for #{told.channel}"):
            self._wait(is_told, TOLD_SECONDS, lambda: failure, SLACK_POLL_SECONDS)
        message = self._message()
        self.course = replace(self.course, link=self._observer.link(message["channel"], message["ts"]))

    def _await_recovery(self) -> None:
        if self._drill.blind:
            self.course = replace(self.course, recovered_at=self.course.mended_at)
            return
        alert = self._drill.expects.alert
        self._wait(
            lambda: not (self._observer.alerts() and self._observer.breached(alert)),
            RESOLVE_SECONDS,
            lambda: f"{alert} still holds {RESOLVE_SECONDS:.0f} s after the cause was gone",
        )
        self.course = replace(self.course, recovered_at=self._clock.now())

    def _await_resolve(self) -> None:
        """Wait until the message, and those of what may fire too, say that they are over."""
        drill, first = self._drill, self._message()

        def resolved() -> bool:
            self._observer.alerts()
            current = self._observer.message(first["channel"], first["ts"])
            if current and drill.expects.is_over(current.get("text", "")):
                edited = float(current.get("edited", {}).get("ts", self._clock.now()))
                self.course = replace(self.course, over=current, resolved_at=edited)
            return self.course.over is not None

        self._wait(
            resolved,
            RESOLVE_SECONDS,
            lambda: f"the message was not edited to say that it is over in {RESOLVE_SECONDS:.0f} s",
            SLACK_POLL_SECONDS,
        )
        beside = {told.channel for told in drill.accepts}
        self._wait(
            lambda: settled(drill, self._all_messages(beside)),
            RESOLVE_SECONDS,
            lambda: f"after {RESOLVE_SECONDS:.0f} s there is still {self._active()}",
            SLACK_POLL_SECONDS,
        )

    def _look_around(self) -> None:
        """Look for whatever else fired or was told since the drill began."""
        first = self._message()
        thread = tuple(self._observer.thread(first["channel"], first["ts"]))
        accepted, problems = judged(
            self._drill, first["ts"], self._observer.fired(), self._all_messages(self._observer.channels())
        )
        self.course = replace(self.course, thread=thread, accepted=accepted)
        for problem in problems:
            self._problem(problem)

    def _all_messages(self, channels: Iterable[str]) -> Iterable[dict[str, Any]]:
        for channel in channels:
            yield from self._observer.messages(channel, self.course.began_at)

    def _message(self) -> Any:
        if self.course.firing is None:
            raise DrillFailed("no message came")
        return self.course.firing

    def _is_quiet(self) -> bool:
        return not self._observer.alerts()

    def _active(self) -> str:
        return ", ".join(
            sorted({f"{alert['labels']['alertname']} ({alert['state']})" for alert in self._observer.alerts()})
        )

    def _problem(self, text: str) -> None:
        self.course = replace(self.course, problems=(*self.course.problems, text))

    def _say(self) -> None:
        course = self.course
        if course.prevented:
            self._console.print(f"[yellow]![/] {course.drill} can't be run here: {escape(course.prevented)}")
        elif course.ok:
            self._console.print(f"[green]✓[/] {course.drill}")
        else:
            self._console.print(f"[bold red]✗[/] {course.drill}: {escape('; '.join(course.problems))}")

    @contextmanager
    def _phase(self, text: str) -> Iterator[None]:
        text = f"{self.course.drill}: {text}"
        if not self._console.is_terminal:
            self._console.print(f"· {text}")
        with self._console.status(text):
            yield

    def _wait(
        self, condition: Callable[[], bool], seconds: float, failure: Callable[[], str], every: float = POLL_SECONDS
    ) -> None:
        deadline = self._clock.monotonic() + seconds
        while not condition():
            if self._clock.monotonic() > deadline:
                raise DrillFailed(failure())
            self._clock.sleep(every)


def _timestamp(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
