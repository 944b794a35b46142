"""The settings that say whom an alert calls, and when: mentions, escalation, the dead-man's switch."""

import re
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, model_validator

from process.settings import Seconds, Settings


def channel_name(value: str) -> str:
    """Return `value`, a channel's ``#name`` or id; raise ValueError when it is neither."""
    if not re.fullmatch(r"#[^\s#<>@]{1,80}|[CGD][A-Z0-9]{6,}", value):
        raise ValueError(f'{value!r} is neither "#name" (quoted: # begins a comment in YAML) nor a channel id')
    return value


def _mention(value: str) -> str:
    if not re.fullmatch(r"@(here|channel|everyone)|[UWS][A-Z0-9]{5,20}", value):
        raise ValueError(
            f'{value!r} is neither "@here", "@channel" nor "@everyone" (quoted: YAML keeps @ for itself), '
            "nor the id of a user (U…) or of a user group (S…)"
        )
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value!r} is not a time zone such as Asia/Seoul or UTC") from None
    return value


Channel = Annotated[str, AfterValidator(channel_name)]
"""``#name`` or a channel id."""

Mention = Annotated[str, AfterValidator(_mention)]
"""``@here``, ``@channel``, ``@everyone``, or the id of a user or of a user group."""

Zone = Annotated[str, AfterValidator(_zone)]
"""The name of a time zone in the IANA database."""


class EscalationSettings(Settings):
    """A step that is taken when nobody has acknowledged the alert `after` this time.

    It calls `mention` in the message's thread, or in another `channel`.
    """

    after: Seconds
    mention: tuple[Mention, ...] = ()
    channel: Channel | None = None

    @model_validator(mode="after")
    def _tells_somebody(self) -> "EscalationSettings":
        if not self.mention and not self.channel:
            raise ValueError("tells nobody: it needs a mention or a channel")
        return self


class WatchdogSettings(Settings):
    """The dead-man's switch: a message when no Watchdog has come for `after`; None watches for none."""

    after: Seconds | None = None
    channel: Channel | None = None
    mention: tuple[Mention, ...] = ()
