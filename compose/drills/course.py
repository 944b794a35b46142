"""How a drill went, and whether that is how it must go. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compose.drills.table import Drill, Told

Message = Mapping[str, Any]
"""A message as Slack's ``conversations.history`` gives it, with the name of its channel as ``channel_name``."""


@dataclass(frozen=True)
class Course:
    """What a drill saw. Times are Unix seconds, None for what it did not come to.

    `firing` and `over` are the message when it first said that the alert fires, and when it said that it is over;
    `thread` are the replies below it at the end, `annotations` the alert's; `prevented` is why it can't be run here.
    """

    drill: str
    began_at: float
    broken_at: float | None = None
    breached_at: float | None = None
    told_at: float | None = None
    mended_at: float | None = None
    recovered_at: float | None = None
    resolved_at: float | None = None
    ended_at: float | None = None
    annotations: Mapping[str, str] | None = None
    firing: Message | None = None
    over: Message | None = None
    thread: tuple[Message, ...] = ()
    link: str | None = None
    accepted: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    prevented: str | None = None

    @property
    def ok(self) -> bool:
        """Whether everything happened that must, and nothing else did."""
        return not self.problems and self.prevented is None

    @property
    def fired_after(self) -> float | None:
        """Seconds from the breach to Slack."""
        return _between(self.breached_at, self.told_at)

    @property
    def resolved_after(self) -> float | None:
        """Seconds from the recovery to Slack."""
        return _between(self.recovered_at, self.resolved_at)


def judged(
    drill: Drill, ts: str, fired: Iterable[Mapping[str, str]], messages: Iterable[Message]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tell what else came: the sentences about what may come too, and those about what may not.

    `ts` is the drill's own message, `fired` the labels of every alert that fired, `messages` all that Slack holds since
    the drill began.
    """
    accepted, problems = [], []
    for labels in fired:
        if not any(_is(told, labels) for told in (drill.expects, *drill.accepts)):
            problems.append(f"also fired: {dict(labels)}")
    for message in messages:
        if message["ts"] == ts:
            continue
        channel, text = message["channel_name"], message.get("text", "")
        told = _accepted(drill, message)
        if told is None:
            problems.append(f"also in #{channel}: {text[:80]}")
        elif told.is_over(text):
            accepted.append(f"beside it, as expected, in #{channel}: {text[:80]}")
        else:
            problems.append(f"still in #{channel}: {text[:80]}")
    return tuple(accepted), tuple(problems)


def speaks_of(told: Told, messages: Sequence[Message]) -> Message | None:
    """Find the message about an alert."""
    return next((message for message in messages if told.is_meant(message.get("text", ""))), None)


def settled(drill: Drill, messages: Iterable[Message]) -> bool:
    """Whether all that may come beside the drill's own alert is over."""
    return all(told.is_over(one.get("text", "")) for one in messages if (told := _accepted(drill, one)))


def _accepted(drill: Drill, message: Message) -> Told | None:
    text = message.get("text", "")
    return next(
        (told for told in drill.accepts if told.channel == message["channel_name"] and told.alert in text), None
    )


def _is(told: Told, labels: Mapping[str, str]) -> bool:
    return told.alert == labels["alertname"] and told.labels.items() <= labels.items()


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else max(0.0, end - start)
