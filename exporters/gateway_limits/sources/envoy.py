"""Envoy: the local rate limit filter's statistics and the counters of a `stats` access logger.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/local_rate_limit_filter#statistics

A limit is named by the filter's ``stat_prefix``. When each route has a filter of its own, as Envoy counts neither by
route nor by descriptor, that is the route's name too. Two spellings exist: with Envoy's own tag rules the prefix is a
label, without them (Istio's proxies) it is part of the name.

A 429 in a response code says nothing of who made it, Envoy or the upstream; the response flag RL does. Only an access
logger can count by flag, so upstreams' 429s are known when the configuration has one:

    stats_scope: {prefix: gw}
    counters: [{stat: {name: requests, tags: [route, code, flags]}, value_fixed: 1}]    # each with its value_format
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from exporters.errors import Reason, SourceError
from exporters.gateway_limits.config import Envoy
from exporters.gateway_limits.snapshot import Decision, Origin, Outcome, Snapshot

MAX_BYTES = 4 * 1024 * 1024
"""The filtered answer is a few hundred bytes a route; what is larger is no such answer."""

WANTED = r"http_local_rate_limit\.(ok|rate_limited|enforced)$|^gw\.requests\."
"""Envoy matches this with its own names of the statistics, before tags are taken out."""

LIMIT_NAME = re.compile(r"envoy_(?:(?P<prefix>.+)_)?http_local_rate_limit_(?P<count>ok|rate_limited|enforced)")
LIMIT_LABEL = "envoy_local_http_ratelimit_prefix"
REQUESTS_NAME = "envoy_gw_requests"
RATE_LIMITED_FLAG = "RL"
TOO_MANY_REQUESTS = "429"


@dataclass(frozen=True)
class Limit:
    """Counts of one limit: ``rate_limited`` were over it, ``enforced`` of those were rejected."""

    ok: int = 0
    rate_limited: int = 0
    enforced: int = 0
    shadow: int = 0

    def after(self, before: "Limit | None") -> "Limit":
        """Add the requests that were over the limit and yet let through, which Envoy does not count.

        The two counts of the difference are not read at the same instant, so it can fall by one or two. Prometheus
        would take that for a restart and count all of it once more; hence it only falls when Envoy's counts do.
        """
        shadow = max(0, self.rate_limited - self.enforced)
        restarted = before and (self.rate_limited < before.rate_limited or self.enforced < before.enforced)
        if before and not restarted:
            shadow = max(shadow, before.shadow)
        return replace(self, shadow=shadow)


class EnvoySource:
    """One Envoy."""

    def __init__(self, gateway: Envoy) -> None:
        """Connect to nothing yet."""
        self._gateway = gateway
        self._limits: Mapping[str, Limit] = {}
        # the caller has the deadline; a proxy named in the environment is not meant for the admin interface
        self._client = httpx.AsyncClient(timeout=None, trust_env=False, headers={"accept-encoding": "identity"})

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()

    async def read(self) -> Snapshot:
        """Ask the admin interface once.

        Raises SourceError when it does not answer, or with something else than Envoy's statistics.
        """
        url = f"{self._gateway.admin}/stats/prometheus"
        samples = parse(await self._get(url), url)
        self._limits = {name: limit.after(self._limits.get(name)) for name, limit in limits(samples).items()}
        return Snapshot(self._gateway.name, {**decisions(self._limits), **upstream_rejections(samples)})

    async def _get(self, url: str) -> bytes:
        body = bytearray()
        try:
            async with self._client.stream("GET", url, params={"filter": WANTED}) as response:
                check_status(response.status_code, url)
                async for chunk in response.aiter_raw():
                    body += chunk
                    if len(body) > MAX_BYTES:
                        raise SourceError(Reason.INVALID_ANSWER, f"{url}: answer is larger than {MAX_BYTES} bytes")
        except (httpx.RemoteProtocolError, httpx.InvalidURL) as error:
            raise SourceError(Reason.INVALID_ANSWER, f"{url}: {error}") from error
        except httpx.TransportError as error:
            raise SourceError(Reason.UNREACHABLE, f"{url}: {error or type(error).__name__}") from error
        return bytes(body)


def check_status(status: int, url: str) -> None:
    """Raise SourceError unless `status` is 200."""
    if status in (401, 403):
        raise SourceError(Reason.REFUSED, f"{url}: answered {status}")
    if status >= 500:
        raise SourceError(Reason.UNREACHABLE, f"{url}: answered {status}")
    if status != 200:
        raise SourceError(Reason.INVALID_ANSWER, f"{url}: answered {status}")


def parse(body: bytes, url: str) -> list[Sample]:
    """Read Prometheus' text format.

    Raises SourceError when `body` is not it, is cut, or is not Envoy's: the statistics that were asked for all begin
    with ``envoy_``, and counts are whole and not negative.
    """
    if body and not body.endswith(b"\n"):
        raise SourceError(Reason.INVALID_ANSWER, f"{url}: answer is cut")
    try:
        families = text_string_to_metric_families(body.decode())
        samples = [sample for family in families for sample in family.samples]
    except ValueError as error:
        raise SourceError(Reason.INVALID_ANSWER, f"{url}: not Prometheus' text format: {str(error)[:200]}") from error
    for sample in samples:
        if not sample.name.startswith("envoy_"):
            raise SourceError(Reason.INVALID_ANSWER, f"{url}: {sample.name[:100]} is not a statistic of Envoy's")
        if not (sample.value >= 0 and float(sample.value).is_integer()):
            raise SourceError(Reason.INVALID_ANSWER, f"{url}: {sample.name[:100]} counts {sample.value}")
    return samples


def limits(samples: Iterable[Sample]) -> dict[str, Limit]:
    """Counts by name of the limit."""
    counts: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for sample in samples:
        if match := LIMIT_NAME.fullmatch(_name(sample)):
            prefix = sample.labels.get(LIMIT_LABEL) or match["prefix"] or ""
            counts[prefix][match["count"]] = int(sample.value)
    return {prefix: Limit(**count) for prefix, count in counts.items()}


def decisions(limits: Mapping[str, Limit]) -> dict[Decision, int]:
    """What Envoy decided; the route is the limit's name."""
    found = {}
    for name, limit in limits.items():
        found[Decision(name, name, Outcome.ACCEPTED, Origin.GATEWAY)] = limit.ok
        found[Decision(name, name, Outcome.REJECTED, Origin.GATEWAY)] = limit.enforced
        found[Decision(name, name, Outcome.SHADOW, Origin.GATEWAY)] = limit.shadow
    return found


def upstream_rejections(samples: Iterable[Sample]) -> dict[Decision, int]:
    """429s that came from upstreams, for each route that had a request: without the flag RL they are not Envoy's."""
    found: defaultdict[Decision, int] = defaultdict(int)
    for sample in samples:
        route = sample.labels.get("route")
        if _name(sample) != REQUESTS_NAME or not route:
            continue
        limited_by_envoy = RATE_LIMITED_FLAG in sample.labels.get("flags", "").split(",")
        theirs = sample.labels.get("code") == TOO_MANY_REQUESTS and not limited_by_envoy
        found[Decision(route, "", Outcome.REJECTED, Origin.UPSTREAM)] += int(sample.value) if theirs else 0
    return dict(found)


def _name(sample: Sample) -> str:
    """Name as Envoy wrote it: the parser adds ``_total`` to counters, Envoy does not."""
    return sample.name.removesuffix("_total")
