"""How fast Slack may be called: a gap between posts to a channel, budgets of the workspace, holds. Pure: time is given.

Slack takes about one message a second in a channel and several hundred a minute in a workspace; edits and reads of
history are counted by method for the whole workspace, 50 a minute (docs.slack.dev, "Rate limits": special and tier 3).
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

LONGEST_ASKED = 600.0
"""A longer Retry-After than these seconds is taken as a mistake."""

ROUNDING = 1e-9
"""Calls. Less than that is no wait, but what floating-point numbers leave over."""


class Work(StrEnum):
    """The kinds of calls that are paced."""

    LOOK_UP = "look_up"
    POST = "post"
    EDIT = "edit"
    REPLY = "reply"


POSTING = frozenset({Work.POST, Work.REPLY})
"""Counted by Slack for each channel, and together for the workspace."""


@dataclass(frozen=True)
class Pace:
    """Seconds, and calls a minute: a little fewer than Slack takes.

    `settle` is how long a request that broke off may still be on its way before its outcome is looked up. A lease lasts
    for `margin` longer than a call may take: a router that is stopped for longer, or whose store is slower, does not
    send. What is shown later than `late` says so. A store that several routers share is asked every `poll` what the
    others heard.
    """

    gap: float = 1.0
    settle: float = 3.0
    margin: float = 10.0
    first_wait: float = 1.0
    longest_wait: float = 60.0
    dead_retry: float = 300.0
    late: float = 5.0
    poll: float = 2.0
    posts_per_minute: float = 240.0
    edits_per_minute: float = 45.0
    reads_per_minute: float = 45.0

    @property
    def longest(self) -> timedelta:
        """Nothing is put off for longer."""
        return timedelta(seconds=max(self.gap, self.settle, self.longest_wait, self.dead_retry, LONGEST_ASKED))


SLACK_PACE = Pace()
"""What Slack's own limits ask for."""


@dataclass
class Gate:
    """One channel: when it may be called at all, and when it may be posted to."""

    opens: float = 0.0
    posts: float = 0.0
    failures: int = 0


@dataclass
class Budget:
    """Calls of one kind in the workspace: ten seconds' worth at once, then evenly; closed until `opens`."""

    per_minute: float
    spent: float = 0.0
    at: float = 0.0
    opens: float = 0.0

    def wait(self, now: float) -> float:
        """Seconds until one more may be made."""
        over = self._spent(now) + 1 - max(1.0, self.per_minute / 6)
        refilled = over * 60 / self.per_minute if over > ROUNDING else 0.0
        return max(self.opens - now, refilled, 0.0)

    def spend(self, now: float) -> None:
        """Count one."""
        self.spent, self.at = self._spent(now) + 1, now

    def _spent(self, now: float) -> float:
        return max(0.0, self.spent - (now - self.at) * self.per_minute / 60)


@dataclass
class Traffic:
    """What was called lately, and what follows from it. All times are seconds of one steady clock."""

    pace: Pace
    _gates: dict[str, Gate] = field(default_factory=lambda: defaultdict(Gate))
    _budgets: dict[Work, Budget] = field(init=False)

    def __post_init__(self) -> None:
        """Start with nothing spent."""
        posts = Budget(self.pace.posts_per_minute)
        self._budgets = {
            Work.POST: posts,
            Work.REPLY: posts,
            Work.EDIT: Budget(self.pace.edits_per_minute),
            Work.LOOK_UP: Budget(self.pace.reads_per_minute),
        }

    def wait(self, channel: str, work: Work, now: float) -> float:
        """Seconds until this call may be made; 0 when it may now."""
        gate = self._gates[channel]
        opens = max(gate.opens, gate.posts) if work in POSTING else gate.opens
        return max(opens - now, self._budgets[work].wait(now))

    def begin(self, work: Work, now: float) -> None:
        """Take the call from its budget."""
        self._budgets[work].spend(now)

    def give_back(self, work: Work) -> None:
        """The call was not made after all."""
        self._budgets[work].spent -= 1

    def passed(self, channel: str, work: Work, now: float) -> None:
        """Slack did what it was asked: keep the gap, start the back-off from the beginning."""
        gate = self._gates[channel]
        gate.failures = 0
        if work in POSTING:
            gate.posts = now + self.pace.gap

    def back_off(self, channel: str, now: float, asked: float | None = None) -> float:
        """Leave the channel alone for what Slack asked, else for a wait that doubles; return the seconds."""
        gate = self._gates[channel]
        doubled = self.pace.first_wait * 2 ** min(gate.failures, 16)
        wait = min(doubled, self.pace.longest_wait) if asked is None else min(asked, LONGEST_ASKED)
        wait = max(wait, self.pace.gap)
        gate.failures += 1
        gate.opens = now + wait
        return wait

    def limited(self, channel: str, work: Work, now: float, asked: float | None = None) -> float:
        """Slack counts too many calls: of posts in this channel, of others in the whole workspace."""
        if work in POSTING:
            return self.back_off(channel, now, asked)
        wait = max(self.pace.first_wait if asked is None else min(asked, LONGEST_ASKED), self.pace.gap)
        self._budgets[work].opens = now + wait
        return wait

    def hold(self, channel: str, until: float) -> None:
        """Another router works on this channel, or has just done."""
        gate = self._gates[channel]
        gate.opens = max(gate.opens, until)
