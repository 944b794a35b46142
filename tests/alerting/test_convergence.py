"""Whatever happens in whatever order, and however far Slack has got meanwhile: in the end it shows the state, once."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.config import LinkSettings
from alerting.handling import Offer
from alerting.model import Act, Alert, Deed, Episode, Group, Notice, Outcome, Person, Posted, Status, Suppression
from alerting.people import EscalationSettings
from alerting.plan import Edit, Post, Reply, Step, late, plan
from alerting.render import render
from alerting.routes import Policy, Routes
from alerting.view import digest, view

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
LINKS = LinkSettings()
POLICY = Policy("#kafka", {"critical": ("@here",)}, (EscalationSettings(after=60, mention=("U0123456",)),))
OFFER = Offer(Routes((), POLICY), clicks=True, silences=True)
NAMES = ("a", "b", "c")

ENOUGH = 4
"""Steps that bring Slack to any state from any other: a message, its content, its thread, and none."""


def alert(name: str, firing: bool, second: int, severity: str, held: Suppression | None) -> Alert:
    moment = NOW + timedelta(seconds=second)
    labels = {"alertname": "Lag", "topic": name, "severity": severity}
    if firing:
        return Alert(name, Status.FIRING, moment, None, labels, {"value": str(second)}, suppressed=held)
    return Alert(name, Status.RESOLVED, moment, moment + timedelta(seconds=9), labels, {})


alerts = st.builds(
    alert,
    st.sampled_from(NAMES),
    st.booleans(),
    st.integers(0, 99),
    st.sampled_from(["critical", "info"]),
    st.none() | st.sampled_from(list(Suppression)),
)
deeds = st.tuples(st.sampled_from(list(Deed)), st.sampled_from(list(Outcome)))
events = st.one_of(
    alerts,
    deeds,
    st.sampled_from(["truncated", "whole", "reminder", "late", "refused", "deliver", "deliver", "deliver"]),
)


@dataclass
class World:
    """What is stored, and a Slack: its message, and what the thread has been told."""

    episode: Episode
    message: Post | Edit | None = None
    roots: int = 0
    told: list[Reply] = field(default_factory=list)

    def happen(self, event: object) -> None:
        stored = self.episode
        match event:
            case Alert():
                others = [each for each in stored.alerts if each.fingerprint != event.fingerprint]
                stored = replace(stored, alerts=(*others, event))
            case (Deed() as deed, Outcome() as outcome):
                number = len(stored.acts) + 1
                act = Act(number, str(number), deed, Person("U0123456", f"Ann {number}"), NOW, outcome, step=0)
                stored = replace(stored, acts=(*stored.acts, act))
            case "truncated" | "whole":
                stored = replace(stored, truncated=3 if event == "truncated" else 0)
            case "reminder":
                stored = replace(stored, repeats=stored.repeats + 1, repeated_at=NOW + timedelta(minutes=9))
            case "late":
                stored = replace(stored, delayed=stored.delayed + 7)
            case "refused" if stored.root:
                stored = replace(stored, root=None, previous="https://bongsu.slack.example/archives/C1/p1")
            case "deliver":
                self.deliver()
                return
        self.episode = stored

    def deliver(self) -> Step | None:
        """Make the next step, as ``deliver`` does, and let Slack confirm it."""
        step = plan(self.episode, LINKS, 10, OFFER)
        match step:
            case Post(view=seen):
                self.roots += 1
                self.message = step
                self.episode = replace(self.episode, root=Posted("C1", f"{self.roots}.0"), shown=seen.digest)
            case Edit(view=seen):
                self.message = step
                self.episode = replace(self.episode, shown=seen.digest)
            case Reply(told=told):
                self.told.append(step)
                self.episode = replace(self.episode, told=told)
        return step

    def settle(self) -> None:
        for _ in range(ENOUGH):
            if self.deliver() is None:
                return
        raise AssertionError("it does not come to rest")


def fresh(*found: Alert, **fields: object) -> World:
    group = Group("{}:{}", {"alertname": "Lag"}, "http://alertmanager.example")
    return World(replace(Episode(1, group, "#kafka", found, NOW), **fields))


many = settings(max_examples=200, deadline=None)


@many
@given(first=alerts, happened=st.lists(events, max_size=25))
def test_what_is_shown_in_the_end_is_the_state(first, happened):
    """Posted once, unless Slack refused an edit of it."""
    world = fresh(first)
    for event in happened:
        world.happen(event)
    world.settle()
    assert world.message
    assert world.message.view == view(world.episode, LINKS, 10, OFFER)
    refused = sum(event == "refused" for event in happened)
    assert 1 <= world.roots <= 1 + refused
    assert render(world.message) == render(replace(world.message, previous=world.episode.previous))


@many
@given(first=alerts, happened=st.lists(events, max_size=25))
def test_the_thread_is_told_each_thing_once_and_the_last_of_all(first, happened):
    """No reply says what one before it said of the same alert, act or reminder; none of them is left out."""
    world = fresh(first)
    for event in happened:
        world.happen(event)
    world.settle()
    known: dict[str, str] = {}
    for reply in world.told:
        news = reply.told.items() - known.items()
        assert news, "a reply that tells nothing new"
        known = dict(reply.told)
    named = Counter(act.id for reply in world.told for act in reply.history.acts)
    settled = [act.id for act in world.episode.acts if act.outcome is not Outcome.ASKED]
    assert named == Counter(settled)
    for each in world.episode.alerts:
        assert known[each.fingerprint].split()[0] == each.mark.split()[0]


@many
@given(first=alerts, happened=st.lists(events, max_size=12), order=st.randoms(use_true_random=False))
def test_the_order_in_which_alerts_are_stored_changes_nothing(first, happened, order):
    """Nor how often Slack was brought up to date on the way."""
    one, other = fresh(first), fresh(first)
    for event in happened:
        if event not in ("deliver", "refused"):
            one.happen(event)
            other.happen(event)
            if order.random() < 0.3:
                other.deliver()
    shuffled = list(other.episode.alerts)
    order.shuffle(shuffled)
    other.episode = replace(other.episode, alerts=tuple(shuffled))
    one.settle()
    other.settle()
    assert one.message
    assert other.message
    assert one.message.view == other.message.view


@many
@given(found=st.lists(alerts, max_size=6), more=st.lists(alerts, max_size=6), groups=st.integers(0, 6))
def test_a_digest_shows_the_alerts_of_its_groups_and_has_no_thread(found, more, groups):
    """Also when all of them have left it."""
    world = fresh(*found, groups=groups)
    world.settle()
    world.episode = replace(world.episode, alerts=tuple(more))
    world.settle()
    assert world.message
    assert world.message.view == digest(world.episode)
    assert world.told == []


@many
@given(seconds=st.integers(0, 10**6))
def test_a_notice_is_posted_once_and_says_how_late_it_is(seconds):
    """Being late is no news: it is not edited for that."""
    world = fresh(notice=Notice(("@here",), "Escalated", "It burns."))
    step = plan(world.episode, LINKS, 10, OFFER)
    assert isinstance(step, Post)
    assert late(step, seconds).view.digest == step.view.digest
    world.settle()
    assert (world.roots, world.told) == (1, [])
