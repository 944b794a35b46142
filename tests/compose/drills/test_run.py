"""A drill from quiet to quiet, in a world whose time is told by the test."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO
from typing import Any, cast

import pytest
from rich.console import Console

from compose.drills.observer import Observer
from compose.drills.run import Clock, Run
from compose.drills.table import Drill, Told
from compose.native.stack import Stack

LAG = Told("LagHigh", "kafka", {"group": "billing"})
WATCHDOG = Told("Watchdog", "pipeline", {}, begins="is silent", ends="is back")
NO_STACK = cast(Stack, None)


@dataclass
class World:
    """Time, what is broken, and what Prometheus and Slack would say: each delay in seconds, None for never.

    An alert is pending as soon as something is broken, fires and is told with its delays, and each of them ends with
    its own delay after all was mended.
    """

    fires: float | None = 30.0
    told: float | None = 1.0
    recovers: float | None = 10.0
    edited: float | None = 5.0
    seconds: float = 1000.0
    broken_at: float | None = None
    mended_at: float | None = None
    strange: Mapping[str, str] | None = None
    blind: bool = False
    log: list[str] = field(default_factory=list)

    def since(self, start: float | None, delay: float | None) -> bool:
        """Whether it is `delay` after `start`."""
        return start is not None and delay is not None and self.seconds >= start + delay

    @property
    def holds(self) -> bool:
        """Whether the rule's expression is true."""
        return self.broken_at is not None and not self.since(self.mended_at, self.recovers)

    @property
    def clock(self) -> Clock:
        """The time of this world; a pause takes no time of the test's."""

        def sleep(pause: float) -> None:
            self.seconds += pause

        return Clock(lambda: self.seconds, lambda: self.seconds, sleep)


class Recorded:
    """An observer of a world."""

    def __init__(self, world: World, told: Told) -> None:
        self.world = world
        self.told = told

    def alerts(self) -> list[dict[str, Any]]:
        """What Prometheus says."""
        world = self.world
        assert not (world.blind and world.broken_at and not world.mended_at), "Prometheus was asked while it is down"
        if world.blind or not world.holds:
            return []
        state = "firing" if world.since(world.broken_at, world.fires) else "pending"
        labels = {"alertname": self.told.alert, **self.told.labels}
        at = "1970-01-01T00:16:45Z"
        return [{"labels": labels, "annotations": {"unit": "s"}, "activeAt": at, "state": state}]

    def fired(self) -> list[Mapping[str, str]]:
        """Nothing but the strange."""
        return [self.world.strange] if self.world.strange and self.world.broken_at else []

    def breached(self, alert: str) -> bool:
        """Whether the expression holds."""
        return self.world.holds

    def channels(self) -> dict[str, str]:
        """The channels."""
        return {"kafka": "C1", "pipeline": "C2"}

    def messages(self, channel: str, since: float) -> list[dict[str, Any]]:
        """The one message."""
        found = self.message("C1", "1040.0") if channel == self.told.channel else None
        return [{**found, "channel_name": channel}] if found else []

    def message(self, channel: str, ts: str) -> dict[str, Any] | None:
        """The one message as it is now."""
        world, told = self.world, self.told
        if not world.since(
            world.broken_at, None if world.fires is None or world.told is None else world.fires + world.told
        ):
            return None
        recovered = None if world.mended_at is None or world.recovers is None else world.mended_at + world.recovers
        over = world.since(recovered, world.edited)
        text = f"{told.ends if over else told.begins} {told.alert}"
        return {"ts": "1040.0", "channel": channel, "text": text, **({"edited": {"ts": "1100.0"}} if over else {})}

    def thread(self, channel: str, ts: str) -> list[dict[str, Any]]:
        """The replies."""
        return [{"ts": "1041.0", "text": "1 fired"}]

    def link(self, channel: str, ts: str) -> str:
        """Where it is."""
        return "http://slack/p1"


@dataclass(frozen=True)
class Broken:
    """Something in a world that can be broken."""

    world: World
    name: str = "it"
    reason: str | None = None
    interrupts: bool = False

    def __str__(self) -> str:
        return f"{self.name} is broken"

    def prevented(self, stack: Stack) -> str | None:
        return self.reason

    @contextmanager
    def broken(self, stack: Stack) -> Iterator[None]:
        self.world.log.append(f"break {self.name}")
        self.world.broken_at = self.world.seconds
        try:
            if self.interrupts:
                raise KeyboardInterrupt
            yield
        finally:
            self.world.log.append(f"mend {self.name}")
            self.world.mended_at = self.world.seconds


Running = Callable[..., Run]


@pytest.fixture
def running() -> Running:
    """``running(world, drill)``: a drill about to run there."""

    def make(world: World, drill: Drill) -> Run:
        observer = cast(Observer, Recorded(world, drill.expects))
        return Run("lag", drill, NO_STACK, observer, Console(file=StringIO()), world.clock)

    return make


def test_a_drill_that_passes(running: Running) -> None:
    """It notes when everything happened, and what was shown."""
    world = World()
    course = running(world, Drill(LAG, (Broken(world),))).to_the_end()
    assert course.ok, course.problems
    assert (course.broken_at, course.breached_at, course.told_at, course.link) == (
        1000.0,
        1005.0,
        1040.0,
        "http://slack/p1",
    )
    assert course.firing is not None
    assert course.over is not None
    assert (course.firing["text"], course.over["text"]) == ("Firing: LagHigh", "Resolved: LagHigh")
    assert [reply["text"] for reply in course.thread] == ["1 fired"]
    assert world.log == ["break it", "mend it"]


@pytest.mark.parametrize(
    ("world", "problem"),
    [
        (World(fires=None), "LagHigh did not fire in 240 s: it stayed pending"),
        (World(told=None), "LagHigh fires, and #kafka has not heard of it in 120 s"),
        (World(recovers=None), "LagHigh still holds 300 s after the cause was gone"),
        (World(edited=None), "the message was not edited to say that it is over in 300 s"),
        (World(strange={"alertname": "TargetDown"}), "also fired: {'alertname': 'TargetDown'}"),
    ],
)
def test_a_drill_that_fails_says_why_and_mends(running: Running, world: World, problem: str) -> None:
    """Whatever did not come, what was broken is whole again."""
    course = running(world, Drill(LAG, (Broken(world),))).to_the_end()
    assert course.problems == (problem,)
    assert not course.ok
    assert world.log == ["break it", "mend it"]


def test_it_does_not_begin_while_something_fires(running: Running) -> None:
    """What burns already would be taken for its own."""
    world = World(broken_at=900.0)
    course = running(world, Drill(LAG, (Broken(world),))).to_the_end()
    assert course.problems == ("not quiet after 180 s: LagHigh (firing)",)
    assert world.log == []


def test_what_can_not_be_broken_here_is_said_and_nothing_is_broken(running: Running) -> None:
    """Not a failure of the alert, and not a success."""
    world = World()
    drill = Drill(LAG, (Broken(world),), stage=(Broken(world, "stage", reason="only root may"),))
    course = running(world, drill).to_the_end()
    assert (course.prevented, course.problems, course.ok) == ("only root may", (), False)
    assert world.log == []


def test_ctrl_c_mends_everything_in_the_opposite_order(running: Running) -> None:
    """Also while the next thing is being broken."""
    world = World()
    drill = Drill(LAG, (Broken(world, "one"), Broken(world, "two", interrupts=True)), stage=(Broken(world, "stage"),))
    with pytest.raises(KeyboardInterrupt):
        running(world, drill).to_the_end()
    assert world.log == ["break stage", "break one", "break two", "mend two", "mend one", "mend stage"]


def test_what_slack_can_only_hear_afterwards_is_waited_for_then(running: Running) -> None:
    """The cause ends when the alert fires, and the message comes later."""
    world = World(told=60.0, recovers=100.0)
    course = running(world, Drill(LAG, (Broken(world),), after=True)).to_the_end()
    assert course.ok, course.problems
    assert world.mended_at == 1030.0


def test_while_prometheus_is_down_it_is_not_asked(running: Running) -> None:
    """The breach is the cause itself, and its end the recovery."""
    world = World(blind=True)
    course = running(world, Drill(WATCHDOG, (Broken(world),), blind=True)).to_the_end()
    assert course.ok, course.problems
    assert course.breached_at == course.broken_at == 1000.0
    assert course.recovered_at == course.mended_at
