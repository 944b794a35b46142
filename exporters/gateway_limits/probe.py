"""One request through a gateway, for what the headers of its answer say of the limit.

Kong: X-RateLimit-Limit-Second, -Minute … (https://developer.konghq.com/plugins/rate-limiting/) Spring Cloud Gateway:
X-RateLimit-Replenish-Rate (a second), -Burst-Capacity, -Requested-Tokens, -Remaining
(https://docs.spring.io/spring-cloud-gateway/reference/spring-cloud-gateway-server-webflux/gatewayfilter-factories/requestratelimiter-factory.html)
APISIX: X-RateLimit-Limit (https://apisix.apache.org/docs/apisix/plugins/limit-count/)
Envoy, and so Istio: x-ratelimit-limit with the windows behind it, as ``5, 5;w=60``
(https://datatracker.ietf.org/doc/html/draft-polli-ratelimit-headers-03)

How full a bucket is is told when all callers have one; else it would be the probe's own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from exporters.errors import SourceError
from exporters.gateway_limits.config import Probe
from exporters.gateway_limits.http import Http
from exporters.gateway_limits.snapshot import Bucket, Check, Limit

WINDOWS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "month": 30 * 86400, "year": 365 * 86400}
"""Seconds."""

POLICY = re.compile(r",\s*(\d{1,15});(?:[^,]*;)?w=(\d{1,9})(?!\d)")

STORE_IS_GONE = "-1"
"""What is said to remain when the limiter has no answer from its store and lets the request through."""


@dataclass(frozen=True)
class Probed:
    """What one answer said."""

    limits: Mapping[Bucket, Limit] = field(default_factory=dict)
    used: Mapping[Bucket, float] = field(default_factory=dict)
    checks: Mapping[Check, str] = field(default_factory=dict)
    problems: tuple[SourceError, ...] = ()


class Told(NamedTuple):
    """A bucket, by the headers of one answer."""

    limit: Limit
    """Of one process."""
    used: float | None
    """Share of it; None when they don't say what is left."""


async def probe(http: Http, settings: Probe | None) -> Probed:
    """Ask once, if that is wanted; the answer is a part of the source, so that it fails alone."""
    if settings is None:
        return Probed()
    try:
        headers = await http.headers(settings.url)
    except SourceError as error:
        return Probed(problems=(error,))
    found = told(headers, settings.route)
    checks = {Check.HEADERS: "" if found else "the answer to the probe has no X-RateLimit header"}
    if (remaining := headers.get("x-ratelimit-remaining")) is not None:
        gone = "X-RateLimit-Remaining is -1: the limiter does not reach its store, and requests pass unlimited"
        checks[Check.LIMITER] = gone if remaining == STORE_IS_GONE else ""
    return Probed(
        {bucket: _of_all(one.limit, settings.replicas) for bucket, one in found.items()},
        {bucket: one.used for bucket, one in found.items() if settings.shared and one.used is not None},
        checks,
    )


def told(headers: Mapping[str, str], route: str) -> dict[Bucket, Told]:
    """The buckets that the headers of an answer name; names of `headers` are in lower case."""
    left = _number(headers.get("x-ratelimit-remaining"))
    if rate := _number(headers.get("x-ratelimit-replenish-rate")):
        cost = _number(headers.get("x-ratelimit-requested-tokens")) or 1
        burst = _number(headers.get("x-ratelimit-burst-capacity"))
        limit = Limit(rate / cost, 1, None if burst is None else burst / cost)
        return {Bucket(route, ""): Told(limit, _used(burst, left))}
    found = {
        Bucket(route, name): Told(
            Limit(number, window), _used(number, _number(headers.get(f"x-ratelimit-remaining-{name}")))
        )
        for name, window in WINDOWS.items()
        if (number := _number(headers.get(f"x-ratelimit-limit-{name}"))) is not None
    }
    text = headers.get("x-ratelimit-limit")
    if not found and (number := _number(text)) is not None:
        found[Bucket(route, "")] = Told(Limit(number, _window(text or "", number)), _used(number, left))
    return found


def _window(text: str, number: int) -> int | None:
    """Seconds of the window in which `number` requests pass; None when it is not said, or for two of them."""
    windows = {int(match[2]) for match in POLICY.finditer(text) if int(match[1]) == number}
    return windows.pop() if len(windows) == 1 else None


def _used(whole: int | None, left: int | None) -> float | None:
    return None if not whole or left is None else min(1.0, max(0.0, 1 - left / whole))


def _of_all(limit: Limit, replicas: int) -> Limit:
    return Limit(limit.requests * replicas, limit.window, None if limit.burst is None else limit.burst * replicas)


def _number(text: str | None) -> int | None:
    match = re.match(r"\s*(\d{1,15})(?!\d)", text or "")
    return int(match[1]) if match else None
