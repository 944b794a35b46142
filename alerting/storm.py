"""When more messages wait for a channel than Slack takes: which of them share one, a digest. Pure.

A digest names every alert of its groups and is edited like any message. Critical groups never share: theirs go first
anyway. What a digest has no room for gets a message of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

OVERFLOW = 10
"""New messages that may wait for one channel, a second each, before they share one."""

LISTED = 32
"""Alerts in a digest, at most: at their longest they still fit into one Slack message."""

BIG = 8
"""Alerts of a group that keeps a message of its own when it has more."""


@dataclass(frozen=True)
class Waiting:
    """A group without a message yet, not critical, and how many alerts it has."""

    episode_id: int
    alerts: int


def fold(waiting: Sequence[Waiting]) -> tuple[int, ...]:
    """Choose those that share a digest, of all that wait for one channel in their order; none when few wait."""
    if len(waiting) <= OVERFLOW:
        return ()
    chosen = []
    room = LISTED
    for group in waiting:
        if group.alerts <= min(room, BIG):
            chosen.append(group.episode_id)
            room -= group.alerts
    return tuple(chosen) if len(chosen) > 1 else ()


def leaves(urgency: int, firing: int, alerts_of_all: int) -> bool:
    """Say whether a group that has changed leaves its digest, of which all groups together have so many alerts."""
    return (urgency == 0 and firing > 0) or alerts_of_all > LISTED
