"""One request through a gateway, for what the headers of its answer say of the limit.

Kong: X-RateLimit-Limit-Second, -Minute … (https://developer.konghq.com/plugins/rate-limiting/) Spring Cloud Gateway:
X-RateLimit-Replenish-Rate (a second), -Burst-Capacity, -Requested-Tokens, -Remaining
(https://docs.spring.io/spring-cloud-gateway/reference/spring-cloud-gateway-server-webflux/gatewayfilter-factories/requestratelimiter-factory.html)
APISIX: X-RateLimit-Limit (https://apisix.apache.org/docs/apisix/plugins/limit-count/)

How full a bucket is is not taken from here: it would be the probe's own bucket, where each client has one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from exporters.errors import SourceError
from exporters.gateway_limits.config import Probe
from exporters.gateway_limits.http import Http
from exporters.gateway_limits.snapshot import Bucket, Check, Limit

WINDOWS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "month": 30 * 86400, "year": 365 * 86400}
"""Seconds."""

STORE_IS_GONE = "-1"
"""What is said to remain when the limiter has no answer from its store and lets the request through."""


@dataclass(frozen=True)
class Probed:
    """What one answer said."""

    limits: Mapping[Bucket, Limit] = field(default_factory=dict)
    checks: Mapping[Check, str] = field(default_factory=dict)
    problems: tuple[SourceError, ...] = ()


async def probe(http: Http, settings: Probe | None) -> Probed:
    """Ask once, if that is wanted; the answer is a part of the source, so that it fails alone."""
    if settings is None:
        return Probed()
    try:
        headers = await http.headers(settings.url)
    except SourceError as error:
        return Probed(problems=(error,))
    found = limits(headers, settings.route)
    checks = {Check.HEADERS: "" if found else "the answer to the probe has no X-RateLimit header"}
    if (remaining := headers.get("x-ratelimit-remaining")) is not None:
        gone = "X-RateLimit-Remaining is -1: the limiter does not reach its store, and requests pass unlimited"
        checks[Check.LIMITER] = gone if remaining == STORE_IS_GONE else ""
    return Probed(found, checks)


def limits(headers: Mapping[str, str], route: str) -> dict[Bucket, Limit]:
    """The limits that the headers of an answer name; names of `headers` are in lower case."""
    if rate := _number(headers.get("x-ratelimit-replenish-rate")):
        cost = _number(headers.get("x-ratelimit-requested-tokens")) or 1
        burst = _number(headers.get("x-ratelimit-burst-capacity"))
        return {Bucket(route, ""): Limit(rate / cost, 1, None if burst is None else burst / cost)}
    found = {
        Bucket(route, name): Limit(number, window)
        for name, window in WINDOWS.items()
        if (number := _number(headers.get(f"x-ratelimit-limit-{name}"))) is not None
    }
    if not found and (number := _number(headers.get("x-ratelimit-limit"))) is not None:
        found[Bucket(route, "")] = Limit(number)
    return found


def _number(text: str | None) -> int | None:
    match = re.match(r"\s*(\d{1,15})(?!\d)", text or "")
    return int(match[1]) if match else None
