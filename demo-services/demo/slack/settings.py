"""The settings file: who may call, what channels there are, how strict the rates are."""

from typing import Annotated, Self

from pydantic import Field, SecretStr, StringConstraints, model_validator

from demo.slack import limits
from process.settings import Address, BaseUrl, Seconds, Settings, once_each

ChannelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,79}$")]
"""Lower case, digits, ``-`` and ``_``, at most 80 characters, as in Slack; without the ``#``."""

BOT_SCOPES = (
    "channels:history",
    "channels:join",
    "channels:read",
    "chat:write",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "reactions:read",
    "reactions:write",
    "users:read",
    "team:read",
)


class ChannelSettings(Settings):
    """One channel."""

    name: ChannelName
    topic: str = ""
    private: bool = False
    archived: bool = False
    joined: bool = True
    """Whether every bot is a member at start; else a bot has to call conversations.join, which private ones refuse."""


class InteractivitySettings(Settings):
    """Where an app wants the clicks on its buttons, and what they are signed with."""

    request_url: BaseUrl
    signing_secret: SecretStr


class TokenSettings(Settings):
    """One app: its bot token and what the token may do."""

    token: SecretStr
    name: str = Field(min_length=1, max_length=80)
    scopes: tuple[str, ...] = BOT_SCOPES
    revoked: bool = False
    interactivity: InteractivitySettings | None = None
    app_token: SecretStr | None = None
    """Opens sockets (Socket Mode); while one is open, clicks go there."""


class RateSettings(Settings):
    """What is answered 429; `posts` and `tiers` switch a group off."""

    posts: bool = True
    tiers: bool = True
    posts_per_second: float = Field(default=limits.POSTS_PER_SECOND.value, gt=0)
    posts_burst: int = Field(default=limits.POSTS_BURST.value, ge=1)
    posts_per_minute: int = Field(default=limits.POSTS_PER_MINUTE.value, ge=1)
    tier_2: int = Field(default=limits.TIER_2.value, ge=1)
    tier_3: int = Field(default=limits.TIER_3.value, ge=1)
    tier_4: int = Field(default=limits.TIER_4.value, ge=1)
    special: int = Field(default=limits.SPECIAL.value, ge=1)


class SlackSettings(Settings):
    """The whole file."""

    listen: Address
    team: str = Field(default="Bongsu demo", min_length=1, max_length=80)
    person: str = Field(default="Demo Person", min_length=1, max_length=80)
    """Who looks at the page and clicks."""
    channels: tuple[ChannelSettings, ...] = Field(min_length=1, max_length=100)
    tokens: tuple[TokenSettings, ...] = Field(min_length=1, max_length=100)
    rates: RateSettings = RateSettings()
    edit_window: Seconds | None = None
    """How long after posting a message may be edited; for ever when not set."""
    file_processing: Seconds | None = None
    """How long a shared file can't be shown in a block yet; Slack processes files asynchronously."""
    messages_kept: int = Field(default=200, ge=1, le=10_000)
    """Messages kept in each channel, replies included; the oldest go."""
    calls_kept: int = Field(default=2_000, ge=1, le=100_000)
    """Calls kept for /audit; the oldest go."""

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        once_each("channel", (channel.name for channel in self.channels))
        once_each("app", (app.name for app in self.tokens))
        if len({app.token.get_secret_value() for app in self.tokens}) < len(self.tokens):
            raise ValueError("two apps have the same token")
        return self
