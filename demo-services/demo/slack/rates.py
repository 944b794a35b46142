"""How often a call may come: token buckets, one for each app and method, one for each app and channel posted to."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from demo.slack.errors import RateLimited
from demo.slack.settings import RateSettings


class Tier(Enum):
    """Slack's rate-limit tier of a method (https://docs.slack.dev/apis/web-api/rate-limits)."""

    TWO = "tier_2"
    THREE = "tier_3"
    FOUR = "tier_4"
    SPECIAL = "special"


@dataclass
class _Bucket:
    """`size` calls at once, refilled at `rate` a second."""

    size: float
    rate: float
    level: float
    filled_at: float

    def wait(self, now: float) -> float:
        """Refill, and return the seconds until a call may come: 0 when now."""
        self.level = min(self.size, self.level + max(0.0, now - self.filled_at) * self.rate)
        self.filled_at = now
        return 0.0 if self.level >= 1 - 1e-9 else (1 - self.level) / self.rate


class Rates:
    """Admits calls or raises RateLimited; a refused call costs nothing."""

    def __init__(self, settings: RateSettings, clock: Callable[[], float]) -> None:
        """Start with full buckets; `clock` gives seconds."""
        self._settings = settings
        self._clock = clock
        self._buckets: dict[tuple[str, ...], _Bucket] = {}

    def admit_call(self, app: str, method: str, tier: Tier) -> None:
        """Count one call of `method` by `app`."""
        if self._settings.tiers:
            per_minute = getattr(self._settings, tier.value)
            self._take(self._bucket(("method", app, method), per_minute, per_minute / 60))

    def admit_post(self, app: str, channel: str) -> None:
        """Count one post to `channel` by `app`; the channel must be one that exists."""
        settings = self._settings
        if settings.posts:
            self._take(
                self._bucket(("posts", app), settings.posts_per_minute, settings.posts_per_minute / 60),
                self._bucket(("channel", app, channel), settings.posts_burst, settings.posts_per_second),
            )

    def _bucket(self, key: tuple[str, ...], size: float, rate: float) -> _Bucket:
        if key not in self._buckets:
            self._buckets[key] = _Bucket(size, rate, size, self._clock())
        return self._buckets[key]

    def _take(self, *buckets: _Bucket) -> None:
        now = self._clock()
        wait = max(bucket.wait(now) for bucket in buckets)
        if wait > 0:
            raise RateLimited(max(1, math.ceil(wait)))
        for bucket in buckets:
            bucket.level -= 1
