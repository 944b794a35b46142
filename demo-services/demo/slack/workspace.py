"""The state of the workspace: apps, channels, messages, files. In memory, bounded, on a clock that is given."""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from demo.slack import limits
from demo.slack.content import Content, Json
from demo.slack.errors import SlackError
from demo.slack.responses import Responses
from demo.slack.settings import ChannelSettings, SlackSettings, TokenSettings

Clock = Callable[[], float]
"""Seconds since the epoch."""

SLACKBOT = "USLACKBOT"


@dataclass(frozen=True)
class App:
    """One app with its bot user."""

    token: str = field(repr=False)
    name: str
    scopes: frozenset[str]
    revoked: bool
    user: str
    bot: str
    id: str
    request_url: str | None = None
    signing_secret: str | None = field(default=None, repr=False)


@dataclass
class File:
    """One upload: first a ticket, then bytes, then shared."""

    id: str
    owner: str
    name: str
    title: str
    length: int
    created: int
    secret: str = field(repr=False)
    data: bytes | None = field(default=None, repr=False)
    ready_at: float | None = None
    """When Slack would have processed it; None until it is completed."""
    channels: list[str] = field(default_factory=list)


@dataclass
class Message:
    """One message as it is now."""

    ts: str
    app: App | None
    """None for Slack's own notice in place of a deleted message."""
    text: str
    blocks: tuple[Json, ...]
    attachments: tuple[Json, ...]
    metadata: Json | None
    thread_ts: str | None = None
    broadcast: bool = False
    edited: str | None = None
    """ts of the last edit."""
    marked_edited: bool = False
    """Whether people see "(edited)"; an edit that brings blocks does not show it (docs …/chat.update)."""
    edits: int = 0
    files: tuple[File, ...] = ()
    reactions: dict[str, list[str]] = field(default_factory=dict)
    deleted: bool = False
    revision: int = 0

    @property
    def is_reply(self) -> bool:
        """Tell whether the message hangs in another one's thread."""
        return self.thread_ts is not None and self.thread_ts != self.ts


@dataclass
class Channel:
    """One channel; `messages` by ts, oldest first, replies among them; `threads` has the replies by parent."""

    id: str
    name: str
    topic: str
    private: bool
    archived: bool
    created: int
    members: set[str]
    messages: OrderedDict[str, Message] = field(default_factory=OrderedDict)
    threads: dict[str, dict[str, Message]] = field(default_factory=dict)
    posted: int = 0
    """Messages ever posted, for the badge in the sidebar."""
    _last: int = 0

    def seen_by(self, app: App) -> bool:
        """Whether the app may know of it: to a bot that is not in it, a private channel does not exist."""
        return not self.private or app.user in self.members

    def next_ts(self, now: float) -> str:
        """Return a ts that no message of this channel had: seconds, a dot, six digits, always rising."""
        self._last = max(int(now * 1_000_000), self._last + 1)
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def add(self, message: Message) -> None:
        """Take a message in, as the newest, or in the place of one with the same ts."""
        self.messages[message.ts] = message
        if message.thread_ts and message.is_reply:
            self.threads.setdefault(message.thread_ts, {})[message.ts] = message

    def remove(self, message: Message) -> None:
        """Take a message out; replies stay until they go themselves."""
        del self.messages[message.ts]
        if message.thread_ts and message.is_reply:
            thread = self.threads[message.thread_ts]
            del thread[message.ts]
            if not thread:
                del self.threads[message.thread_ts]

    def replies(self, ts: str) -> list[Message]:
        """Return the replies below the message, oldest first."""
        return list(self.threads.get(ts, {}).values())

    def revision(self, message: Message) -> int:
        """Return the revision of the last change to the message or its replies."""
        return max(message.revision, *(reply.revision for reply in self.replies(message.ts)), 0)

    def shown(self) -> Iterator[Message]:
        """Yield what the channel shows, oldest first: no replies but those sent to the channel as well."""
        return (message for message in self.messages.values() if not message.is_reply or message.broadcast)


class Workspace:
    """Everything that is kept; each change raises `revision`."""

    def __init__(self, settings: SlackSettings, clock: Clock) -> None:
        """Make the apps and empty channels of `settings`."""
        self.settings = settings
        self.clock = clock
        self.revision = 0
        self.team = _id("T", settings.team)
        self.domain = settings.team.lower().replace(" ", "-")
        self.person = _id("U", "person", settings.person)
        self.apps = {app.token: app for app in map(_app, settings.tokens)}
        self.app_level = {
            one.app_token.get_secret_value(): self.apps[one.token.get_secret_value()]
            for one in settings.tokens
            if one.app_token
        }
        self.responses = Responses(clock)
        joined = {app.user for app in self.apps.values()}
        now = int(clock())
        self.channels = {c.id: c for c in (_channel(one, joined, now) for one in settings.channels)}
        self.files: OrderedDict[str, File] = OrderedDict()

    def names(self) -> dict[str, str]:
        """Return the name of every user: the apps' bots and the person who looks."""
        return {app.user: app.name for app in self.apps.values()} | {self.person: self.settings.person}

    # --- looking up --------------------------------------------------------------------------------------------------

    def channel(self, name: str) -> Channel:
        """Find a channel by its id alone; ``channel_not_found``."""
        if found := self.channels.get(name):
            return found
        raise SlackError("channel_not_found")

    def channel_to_post(self, name: str) -> Channel:
        """Find a channel by id, ``#name`` or ``name``, as chat.postMessage does; ``channel_not_found``."""
        return self.channels.get(name) or self.channel_named(name.removeprefix("#"))

    def channel_named(self, name: str) -> Channel:
        """Find a channel by its name; ``channel_not_found``."""
        for channel in self.channels.values():
            if channel.name == name:
                return channel
        raise SlackError("channel_not_found")

    def message(self, channel: Channel, ts: str) -> Message:
        """Find a message; ``message_not_found``."""
        found = channel.messages.get(ts)
        if found is None or found.deleted:
            raise SlackError("message_not_found")
        return found

    # --- changing ----------------------------------------------------------------------------------------------------

    def post(
        self,
        channel: Channel,
        app: App,
        content: Content,
        *,
        thread_ts: str | None = None,
        broadcast: bool = False,
        files: Sequence[File] = (),
    ) -> Message:
        """Store a new message; the oldest of the channel goes when there are too many."""
        message = Message(
            ts=channel.next_ts(self.clock()),
            app=app,
            text=content.text or "",
            blocks=content.blocks or (),
            attachments=content.attachments or (),
            metadata=content.metadata or None,
            thread_ts=thread_ts,
            broadcast=broadcast,
            files=tuple(files),
        )
        channel.add(message)
        channel.posted += 1
        if thread_ts and (parent := channel.messages.get(thread_ts)):
            parent.thread_ts = thread_ts
        while len(channel.messages) > self.settings.messages_kept:
            channel.remove(next(iter(channel.messages.values())))
        self._changed(message)
        return message

    def edit(self, message: Message, content: Content) -> None:
        """Change a message in place: parts that the call did not name stay, but text without blocks removes the blocks.

        (https://docs.slack.dev/reference/methods/chat.update; the package slack_kit 1.0 quotes the rule on blocks.)
        """
        if content.text is not None:
            message.text = content.text
        if content.blocks is not None or content.text is not None:
            message.blocks = content.blocks or ()
        if content.attachments is not None:
            message.attachments = content.attachments
        if content.metadata is not None:
            message.metadata = content.metadata or None
        message.edited = f"{self.clock():.6f}"
        message.marked_edited = message.marked_edited or not content.blocks
        message.edits += 1
        self._changed(message)

    def delete(self, channel: Channel, message: Message) -> None:
        """Remove a message; one with replies leaves Slack's notice in its place."""
        if not message.is_reply and channel.replies(message.ts):
            notice = _deleted(message.ts)
            channel.add(notice)
            self._changed(notice)
        else:
            channel.remove(message)
            self._changed(channel.messages.get(message.thread_ts or "", message))

    def join(self, channel: Channel, app: App) -> None:
        """Make the bot a member."""
        channel.members.add(app.user)
        self.revision += 1

    def react(self, message: Message, name: str, app: App) -> None:
        """Add the bot's reaction; ``already_reacted``, ``too_many_emoji``."""
        users = message.reactions.get(name, [])
        if app.user in users:
            raise SlackError("already_reacted")
        if name not in message.reactions and len(message.reactions) >= limits.REACTIONS.value:
            raise SlackError("too_many_emoji")
        message.reactions[name] = [*users, app.user]
        self._changed(message)

    def unreact(self, message: Message, name: str, app: App) -> None:
        """Take the bot's reaction away; ``no_reaction``."""
        users = message.reactions.get(name, [])
        if app.user not in users:
            raise SlackError("no_reaction")
        users.remove(app.user)
        if not users:
            del message.reactions[name]
        self._changed(message)

    def keep_file(self, file: File) -> None:
        """Keep a file's ticket; the oldest files go when all together are too large."""
        self.files[file.id] = file
        while len(self.files) > 1 and sum(one.length for one in self.files.values()) > limits.FILES_TOTAL_BYTES.value:
            self.files.popitem(last=False)

    def _changed(self, message: Message) -> None:
        self.revision += 1
        message.revision = self.revision


def is_ts(text: str) -> bool:
    """Whether it is written as the ts of a message."""
    return re.fullmatch(r"[0-9]{1,12}\.[0-9]{6}", text) is not None


def _id(kind: str, *names: str) -> str:
    """Return an id as Slack's look, the same after each restart."""
    digest = hashlib.sha256("/".join(names).encode()).hexdigest()
    return f"{kind}0{digest[:9].upper()}"


def _app(settings: TokenSettings) -> App:
    return App(
        token=settings.token.get_secret_value(),
        name=settings.name,
        scopes=frozenset(settings.scopes),
        revoked=settings.revoked,
        user=_id("U", settings.name),
        bot=_id("B", settings.name),
        id=_id("A", settings.name),
        request_url=settings.interactivity.request_url if settings.interactivity else None,
        signing_secret=settings.interactivity.signing_secret.get_secret_value() if settings.interactivity else None,
    )


def _deleted(ts: str) -> Message:
    return Message(
        ts=ts,
        app=None,
        text="This message was deleted.",
        blocks=(),
        attachments=(),
        metadata=None,
        thread_ts=ts,
        deleted=True,
    )


def _channel(settings: ChannelSettings, joined: set[str], now: int) -> Channel:
    return Channel(
        id=_id("C", settings.name),
        name=settings.name,
        topic=settings.topic,
        private=settings.private,
        archived=settings.archived,
        created=now,
        members=set(joined) if settings.joined else set(),
    )
