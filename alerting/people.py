"""The settings that say whom an alert calls, and when: mentions, escalation, quiet hours, the dead-man's switch."""

import re
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, field_validator, model_validator

from alerting.model import SEVERITIES
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


def _time_of_day(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):  # YAML 1.1 reads 22:00 as 22 × 60
        value = f"{value // 60:02}:{value % 60:02}"
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", str(value)):
        raise ValueError(f"{value!r} is not a time of day from 00:00 to 23:59")
    return value


Channel = Annotated[str, AfterValidator(channel_name)]
"""``#name`` or a channel id."""

Mention = Annotated[str, AfterValidator(_mention)]
"""``@here``, ``@channel``, ``@everyone``, or the id of a user or of a user group."""

Zone = Annotated[str, AfterValidator(_zone)]
"""The name of a time zone in the IANA database."""


TimeOfDay = Annotated[str, BeforeValidator(_time_of_day)]
"""``hh:mm``."""


class QuietHoursSettings(Settings):
    """Every day from `begins` until `ends`, over midnight too: who has a severity of `hold` waits with a new message.

    The times are of `timezone`, or of the settings' own.
    """

    begins: TimeOfDay = "22:00"
    ends: TimeOfDay = "07:00"
    hold: tuple[str, ...] = ("info",)
    timezone: Zone | None = None

    @field_validator("hold")
    @classmethod
    def _lets_the_worst_through(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if SEVERITIES[0] in value:
            raise ValueError(f"{SEVERITIES[0]} is never held back")
        return value

    @model_validator(mode="after")
    def _ends_sometime(self) -> "QuietHoursSettings":
        if self.begins == self.ends:
            raise ValueError("begins and ends at the same time, so that it is never or always quiet")
        return self


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
