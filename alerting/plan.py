"""Stored state becomes the one next step towards what Slack should show, or None when Slack shows it.

The order of steps: the message exists, then it shows the present state, then its thread tells what changed.
Each is derived from the difference between what is stored and what Slack was confirmed to show, so ten changes
during an outage become one edit and one reply. Nothing here depends on the time of day: equal states, equal steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from alerting.config import LinkSettings
from alerting.handling import NOBODY, Offer
from alerting.history import History, history, told_of
from alerting.model import Episode, Notice
from alerting.view import View, digest, view


class Reason(StrEnum):
    """Why a step is taken, in words; logged with each delivery."""

    FIRST = "the group has no message yet"
    REPLACED = "Slack refused to edit the former message"
    CHANGED = "the message shows an older state"
    HISTORY = "the thread was not told what changed"
    PICTURE = "the message has no picture of its chart"


@dataclass(frozen=True)
class Post:
    """Send a new message; `previous` links to the one that it replaces."""

    reason: Reason
    view: View | Notice
    previous: str | None


@dataclass(frozen=True)
class Edit:
    """Make the message show this."""

    reason: Reason
    view: View | Notice
    previous: str | None


@dataclass(frozen=True)
class Reply:
    """Tell the thread; afterwards it knows `told`."""

    reason: Reason
    history: History
    told: Mapping[str, str]


@dataclass(frozen=True)
class Picture:
    """Upload the picture of the chart into the thread."""

    reason: Reason


Step = Post | Edit | Reply | Picture


def plan(episode: Episode, links: LinkSettings, max_alerts: int, offer: Offer = NOBODY) -> Step | None:
    """Return the next step for this episode."""
    seen = episode.notice or (view(episode, links, max_alerts, offer) if episode.groups is None else digest(episode))
    if episode.root is None:
        reason = Reason.REPLACED if episode.shown else Reason.FIRST
        return Post(reason, seen, episode.previous)
    if episode.shown != seen.digest:
        return Edit(Reason.CHANGED, seen, episode.previous)
    if isinstance(seen, Notice) or episode.groups is not None:
        return None  # a storm has no room for threads, a notice no history
    told = told_of(episode, seen)
    if not told.items() <= episode.told.items():
        return Reply(Reason.HISTORY, history(episode, seen), told)
    return None


def late(step: Step, seconds: int) -> Step:
    """Let a step that shows a state say how late it does."""
    return step if isinstance(step, Reply | Picture) else replace(step, view=replace(step.view, delayed=seconds))
