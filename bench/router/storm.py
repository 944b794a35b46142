"""A thousand groups in a minute, with Slack's real limits."""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.router import alerts
from bench.router.alerts import Change
from bench.router.stage import Record, Stage
from bench.router.workspace import DIRECT, ROUTER

GROUPS = 1000
SECONDS = 60.0
LONGEST = 900.0
"""Seconds after which what Slack does not show is lost."""

EVERY = 5.0
"""Seconds between two looks at whether it is over."""


@dataclass(frozen=True)
class Path:
    """What one path made of the storm.

    `first` has the seconds from a group's first alert to the message that names it, `later` those from a change of a
    group to the message that shows it, both by severity; `missed` counts what was not shown when the storm was over.
    """

    first: dict[str, list[float]]
    later: dict[str, list[float]]
    missed: int
    posts: int
    edits: int
    replies: int
    refused: int


@dataclass(frozen=True)
class Storm:
    """The same storm by both paths. `wrong` alerts are shown in another state than they have, at the end."""

    ours: Path
    direct: Path
    lost: int
    wrong: int
    notifications: int
    lasted: float

    @property
    def saved(self) -> int:
        """Edits that were not needed: notifications after a group's first, less the edits that were made."""
        return self.notifications - GROUPS - self.ours.edits


async def measure(stage: Stage, say: Callable[[str], None]) -> Storm:
    """Let it come, and wait until the router has told all of it."""
    changes = alerts.storm(GROUPS, SECONDS, random.Random(2))
    begun = time.time()
    fired: dict[str, datetime] = {}
    for number, change in enumerate(changes):
        await asyncio.sleep(begun + change.at - time.time())
        now = datetime.now(UTC)
        await stage.fire(alerts.posted(change, fired.setdefault(change.alert, now), now))
        if number % 200 == 0:
            say(f"the storm: {number} of {len(changes)} changes")
    await _over(stage, begun, say)
    records = await stage.records()
    ours, direct = ([record for record in records if record.app == app] for app in (ROUTER, DIRECT))
    shown = final(ours)
    newest = {change.alert: change for change in changes}
    return Storm(
        path(changes, begun, ours),
        path(changes, begun, direct),
        lost=sum(alert not in shown for alert in newest),
        wrong=sum(shown[alert] != change.fires for alert, change in newest.items() if alert in shown),
        notifications=round(await stage.metric("router_webhooks_total")),
        lasted=max(record.at for record in ours) - begun,
    )


def path(changes: Sequence[Change], begun: float, records: Sequence[Record]) -> Path:
    """Find when each change was first shown."""
    first: dict[str, list[float]] = {severity: [] for severity in alerts.SEVERITIES}
    later: dict[str, list[float]] = {severity: [] for severity in alerts.SEVERITIES}
    shown: dict[tuple[str, bool], list[float]] = {}
    for record in records:
        for alert, fires in record.shows.items():
            shown.setdefault((alert, fires), []).append(record.at)
    missed = 0
    for change in changes:
        at = begun + change.at
        seen = next((moment for moment in shown.get((change.alert, change.fires), ()) if moment >= at), None)
        if seen is None and change.first:  # it was over before its message came, which names it all the same
            seen = next(iter(shown.get((change.alert, False), ())), None)
        if seen is None:
            missed += 1
        else:
            (first if change.first else later)[change.severity].append(seen - at)
    made = [record.kind for record in records if record.ok]
    posts, edits, replies = (made.count(kind) for kind in ("post", "edit", "reply"))
    return Path(first, later, missed, posts, edits, replies, len(records) - len(made))


def final(records: Iterable[Record]) -> dict[str, bool]:
    """Return what all messages show at the end: each alert, and whether one of them says that it fires."""
    messages = {record.ts: record.shows for record in records if record.ok and record.kind != "reply"}
    found: dict[str, bool] = {}
    for shows in messages.values():
        for alert, fires in shows.items():
            found[alert] = found.get(alert, False) or fires
    return found


async def _over(stage: Stage, begun: float, say: Callable[[str], None]) -> None:
    """Wait until Slack shows all that the router knows, and Alertmanager had time to tell the last."""
    await asyncio.sleep(2 * EVERY)
    while time.time() - begun < LONGEST:
        age = await stage.metric("router_oldest_undelivered_age_seconds")
        if not age:
            return
        say(f"the storm: the oldest change that Slack does not show is {age:.0f} s old")
        await asyncio.sleep(EVERY)
