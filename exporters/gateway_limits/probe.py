"""One request through a gateway, for what the headers of its answer say of the limit.

Kong: X-RateLimit-Limit-Second, -Minute … (https://developer.konghq.com/plugins/rate-limiting/) Spring Cloud Gateway:
X-RateLimit-Replenish-Rate (a second), -Burst-Capacity, -Requested-Tokens, -Remaining
(https://docs.spring.io/spring-cloud-gateway/reference/spring-cloud-gateway-server-webflux/gatewayfilter-factories/requestratelimiter-factory.html)
APISIX: X-RateLimit-Limit (https://apisix.apache.org/docs/apisix/plugins/limit-count/)
Envoy, and so Istio: x-ratelimit-limit with the windows behind it, as ``5, 5;w=60``
(https://datatracker.ietf.org/doc/html/draft-polli-ratelimit-headers-03)

How full a bucket is is told when all callers have one; else it would be the probe's own.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from exporters.errors import Reason, SourceError
from exporters.gateway_limits.config import Probe
from exporters.gateway_limits.http import Http, failed
from exporters.gateway_limits.snapshot import Bucket, Check, Limit, Snapshot
from exporters.gateway_limits.usage import leading_number, share_in_use

WINDOWS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "month": 30 * 86400, "year": 365 * 86400}
"""Seconds."""

POLICY = re.compile(r",\s*(\d{1,15});(?:[^,]*;)?w=(\d{1,9})(?!\d)")

PATIENCE = 2.0
"""Seconds for the answer. Behind a gateway may be a service that hangs, and what was counted is still worth having."""

STORE_IS_GONE = "-1"
"""What is said to remain when the limiter has no answer from its store and lets the request through."""


class Told(NamedTuple):
    """A bucket, by the headers of one answer."""

    limit: Limit
    """Of one process."""
    used: float | None
    """Share of it; None when they don't say what is left."""


async def probed(http: Http, settings: Probe | None, snapshot: Snapshot, patience: float = PATIENCE) -> Snapshot:
    """Ask once, if that is wanted, and add to `snapshot` what the answer says; a failure costs nothing else."""
    if settings is None:
        return snapshot
    try:
        async with asyncio.timeout(patience):
            headers = await http.headers(settings.url)
    except SourceError as error:
        return replace(snapshot, problems=(*snapshot.problems, error))
    except TimeoutError:
        late = failed(Reason.TIMEOUT, settings.url, f"no answer to the probe within {patience:g} s")
        return replace(snapshot, problems=(*snapshot.problems, late))
    found = told(headers, settings.route)
    checks = {Check.HEADERS: "" if found else "the answer to the probe has no X-RateLimit header"}
    if (remaining := headers.get("x-ratelimit-remaining")) is not None:
        gone = "X-RateLimit-Remaining is -1: the limiter does not reach its store, and requests pass unlimited"
        checks[Check.LIMITER] = gone if remaining == STORE_IS_GONE else ""
    return replace(
        snapshot,
        limits={**snapshot.limits, **{key: _of_all(one.limit, settings.replicas) for key, one in found.items()}},
        used={**snapshot.used, **_shared(found)} if settings.shared else snapshot.used,
        checks={**checks, **snapshot.checks},
    )


def told(headers: Mapping[str, str], route: str) -> dict[Bucket, Told]:
    """The buckets that the headers of an answer name; names of `headers` are in lower case."""
    left = leading_number(headers.get("x-ratelimit-remaining"))
    if rate := leading_number(headers.get("x-ratelimit-replenish-rate")):
        cost = leading_number(headers.get("x-ratelimit-requested-tokens")) or 1
        burst = leading_number(headers.get("x-ratelimit-burst-capacity"))
        limit = Limit(rate / cost, 1, None if burst is None else burst / cost)
        return {Bucket(route, ""): Told(limit, share_in_use(burst, left))}
    found = {
        Bucket(route, name): Told(
            Limit(number, window), share_in_use(number, leading_number(headers.get(f"x-ratelimit-remaining-{name}")))
        )
        for name, window in WINDOWS.items()
        if (number := leading_number(headers.get(f"x-ratelimit-limit-{name}"))) is not None
    }
    text = headers.get("x-ratelimit-limit")
    if not found and (number := leading_number(text)) is not None:
        found[Bucket(route, "")] = Told(Limit(number, _window(text or "", number)), share_in_use(number, left))
    return found


def _window(text: str, number: int) -> int | None:
    """Seconds of the window in which `number` requests pass; None when it is not said, or for two of them."""
    windows = {int(match[2]) for match in POLICY.finditer(text) if int(match[1]) == number}
    return windows.pop() if len(windows) == 1 else None


def _shared(found: Mapping[Bucket, Told]) -> dict[Bucket, float]:
    return {bucket: one.used for bucket, one in found.items() if one.used is not None}


def _of_all(limit: Limit, replicas: int) -> Limit:
    return Limit(limit.requests * replicas, limit.window, None if limit.burst is None else limit.burst * replicas)
