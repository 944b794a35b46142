"""The values that pass between the steps. All are frozen; times are aware and in UTC."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

SEVERITIES = ("critical", "warning", "info")
"""Worst first; any other severity comes after."""

WATCHDOG = "Watchdog"
"""`alertname` of the alert that always fires. It makes no message: its absence is the news, and so is its end."""


class Status(StrEnum):
    """Alertmanager's word for the state of one alert."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Suppression(StrEnum):
    """Why Alertmanager tells nobody of an alert that fires."""

    SILENCED = "silenced"
    INHIBITED = "inhibited"
    MUTED = "muted"


class Standing(StrEnum):
    """How a part of the pipeline stands to the Watchdog alert.

    In the order of how near that is to firing. SILENT: it does not answer. LACKS: it has none that fires.
    HOLDS_BACK: it has it, and tells nobody.
    """

    UNASKED = "unasked"
    SILENT = "silent"
    LACKS = "lacks"
    HOLDS_BACK = "holds_back"
    FIRES = "fires"


class ChartForm(StrEnum):
    """How the series of an alert is shown, the best first."""

    NATIVE = "native"
    PICTURE = "picture"
    TEXT = "text"
    NONE = "none"


class Deed(StrEnum):
    """What is done about a message: by a person, or by the router when nobody does anything."""

    ACKNOWLEDGE = "acknowledge"
    SILENCE = "silence"
    UNSILENCE = "unsilence"
    ESCALATE = "escalate"


class Outcome(StrEnum):
    """What came of a deed. ASKED: Alertmanager has not answered yet."""

    ASKED = "asked"
    DONE = "done"
    FAILED = "failed"


class Method(StrEnum):
    """What is done in Slack; the `method` label of router_delivered_total."""

    POST = "post"
    EDIT = "edit"
    REPLY = "reply"
    PICTURE = "picture"


@dataclass(frozen=True)
class Alert:
    """One alert as one notification told it.

    `fingerprint` is the hash of its labels; `ends_at` is None while it fires. `suppressed` is no news of a
    notification's: a reconciliation finds it.
    """

    fingerprint: str
    status: Status
    starts_at: datetime
    ends_at: datetime | None
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    source_url: str = ""
    suppressed: Suppression | None = None

    @property
    def firing(self) -> bool:
        """Not resolved, whether or not Alertmanager tells of it."""
        return self.status is Status.FIRING

    @property
    def active(self) -> bool:
        """Firing, and Alertmanager would tell of it."""
        return self.firing and not self.suppressed

    @property
    def mark(self) -> str:
        """Name the instance and its state, as the thread remembers what it was told."""
        return f"{self.suppressed or self.status} {self.starts_at.isoformat()}"


@dataclass(frozen=True)
class Group:
    """Alertmanager's aggregation group: `key` names it for as long as Alertmanager's routes do not change."""

    key: str
    labels: Mapping[str, str]
    alertmanager_url: str

    @property
    def reconcilable(self) -> bool:
        """Alertmanager's own keys begin with the matchers of its route, ``{…}``; other senders' begin with a word."""
        return self.key.startswith("{")


@dataclass(frozen=True)
class Notification:
    """One webhook call. `truncated` alerts of the group were left out by Alertmanager's max_alerts: state unknown.

    `trace` is the span that received it (W3C traceparent), None when nothing is traced.
    """

    group: Group
    alerts: tuple[Alert, ...]
    truncated: int
    trace: str | None = None


@dataclass(frozen=True)
class Listing:
    """All alerts that fire, by fingerprint, as Alertmanager listed them when it was `asked_at`.

    `whole` says that what is not in it does not fire.
    """

    asked_at: datetime
    alerts: Mapping[str, Alert]
    whole: bool


@dataclass(frozen=True)
class Sight:
    """What was seen of the Watchdog at one part of the pipeline; `note` is a word more on it."""

    standing: Standing
    note: str = ""


@dataclass(frozen=True)
class Hold:
    """Quiet hours in which an alert came: what it has to say waits `until` they end, in the time zone called `zone`."""

    until: datetime
    zone: str

    def __str__(self) -> str:
        """Write it as people do: ``07:00 Asia/Seoul``."""
        return f"{self.until.astimezone(ZoneInfo(self.zone)):%H:%M} {self.zone}"


@dataclass(frozen=True)
class Routed:
    """An alert, the channel that its labels choose, and what holds a new message of it back."""

    alert: Alert
    channel: str
    hold: Hold | None = None


@dataclass(frozen=True)
class Posted:
    """Where a message is in Slack: the channel's id (never its name: chat.update wants the id) and the message's ts."""

    channel_id: str
    ts: str


@dataclass(frozen=True)
class Intent:
    """A post or reply that was begun and is not confirmed.

    `delivery_id` travels in the message's metadata; found in Slack, the message counts as delivered, showing `digest`
    (a post) or having told `told` (a reply).
    """

    delivery_id: str
    method: Method
    digest: str
    told: Mapping[str, str]
    begun_at: datetime


@dataclass(frozen=True)
class Person:
    """Somebody in Slack: the id of the user, and the name at the time of the deed."""

    id: str
    name: str


@dataclass(frozen=True)
class Act:
    """One deed. `by` is None when the router did it of itself.

    `until` is when a silence ends and `silences` are its ids in Alertmanager. `step` is the place of an escalation in
    the list of the settings, `mention` whom it called and `channel` where, None in the message's own thread. `note`
    says why it failed. `key` is the same however often the same click arrives.
    """

    id: int
    key: str
    deed: Deed
    by: Person | None
    at: datetime
    outcome: Outcome = Outcome.DONE
    until: datetime | None = None
    silences: tuple[str, ...] = ()
    step: int | None = None
    mention: tuple[str, ...] = ()
    channel: str | None = None
    note: str = ""


@dataclass(frozen=True)
class Notice:
    """A message about no group of alerts: `text` is mrkdwn that is safe to send."""

    mention: tuple[str, ...]
    title: str
    text: str
    delayed: int = 0

    @property
    def digest(self) -> str:
        """Equal for equal notices, in every process."""
        return hashlib.sha256(json.dumps([self.mention, self.title, self.text]).encode()).hexdigest()


@dataclass(frozen=True)
class Episode:
    """One group in one channel from its first firing alert until all are resolved: one message in Slack.

    `alerts` holds the newest state of each alert. `root`, `shown` (digest of the view) and `told` (fingerprint to mark)
    are what Slack was confirmed to show. `previous` links to a message that Slack refused to edit.
    `closed_at` is set while nothing fires. `revision` counts what was recorded. `stale_since` is set while the message
    shows an older state, and `delayed` says how late it came to show this one, in seconds.
    `chart` is the form that Slack left over after it refused a better one, `picture` the id of the uploaded file.
    `repeats` counts the reminders, `repeated_at` is when the last came. `trace` is the span that received the last news
    (W3C traceparent).
    `groups` says of a digest how many groups share it; their alerts are its alerts.
    `acts` is what was done about it, oldest first. An episode with a `notice` has no alerts: that
    is what it shows.
    """

    id: int
    group: Group
    channel: str
    alerts: tuple[Alert, ...]
    since: datetime
    truncated: int = 0
    closed_at: datetime | None = None
    revision: int = 1
    root: Posted | None = None
    shown: str | None = None
    told: Mapping[str, str] = field(default_factory=dict)
    previous: str | None = None
    intent: Intent | None = None
    stale_since: datetime | None = None
    delayed: int = 0
    chart: ChartForm | None = None
    picture: str | None = None
    repeats: int = 0
    repeated_at: datetime | None = None
    trace: str | None = None
    groups: int | None = None
    acts: tuple[Act, ...] = ()
    opened_at: datetime | None = None
    notice: Notice | None = None


@dataclass(frozen=True)
class Point:
    """One value of a series."""

    at: datetime
    value: float


@dataclass(frozen=True)
class Evidence:
    """The series of an alert, two points or more in even steps, and `now`, its value at the end if it has one there."""

    points: tuple[Point, ...]
    threshold: float | None
    unit: str
    now: float | None


@dataclass(frozen=True)
class Illustration:
    """The evidence and the form that it takes; `picture` is the id of the uploaded file."""

    evidence: Evidence
    form: ChartForm
    picture: str | None


@dataclass(frozen=True)
class Message:
    """What is sent: `text` is the fall-back for notifications and screen readers, or all of a plain reply.

    `chart` is the form of the chart in it. `file` is a picture to upload, and `text` then what it shows.
    A reply that is `broadcast` is shown in the channel too.
    """

    text: str
    blocks: tuple[Mapping[str, Any], ...] = ()
    attachments: tuple[Mapping[str, Any], ...] = ()
    chart: ChartForm | None = None
    file: bytes | None = None
    broadcast: bool = False


@dataclass(frozen=True)
class OpenMessage:
    """A line of the status page: one episode that is open or not yet delivered; `group` is the key of its group."""

    id: int
    group: str
    title: str
    channel: str
    since: datetime
    firing: int
    resolved: int
    undelivered_since: datetime | None
    dead: str | None
    dead_code: str | None
    hold: Hold | None = None
    acknowledged_by: str | None = None


@dataclass(frozen=True)
class Entry:
    """A line of the audit log: what happened to a message, and by whom if by somebody."""

    at: datetime
    title: str
    channel: str
    what: str
    who: str | None


@dataclass(frozen=True)
class Noise:
    """How much one alert was heard of; the means are None when it never resolved, or nobody acknowledged it."""

    title: str
    messages: int
    alerts: int
    reminders: int
    open: int
    to_resolve: timedelta | None
    to_acknowledge: timedelta | None


@dataclass(frozen=True)
class Census:
    """The store, counted: for /metrics and the status page.

    `watchdog_at` is when the Watchdog was heard last; `silence` what the dead-man's switch found, while it has tripped.
    `held` messages wait for the end of quiet hours.
    """

    alerts: Mapping[str, int]
    open_messages: int
    dead_letters: Mapping[str, int]
    oldest_undelivered: datetime | None
    watchdog_at: datetime | None
    messages: tuple[OpenMessage, ...]
    silence: str | None = None
    held: int = 0
