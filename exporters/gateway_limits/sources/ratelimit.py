"""envoyproxy/ratelimit: its Prometheus page and its page of configured limits.

https://github.com/envoyproxy/ratelimit#statistics

    ratelimit_service_rate_limit_{total_hits,within_limit,over_limit,shadow_mode}{domain,key1,key2}

Route and limit are the domain and the descriptor, which the service names to its second level; deeper ones are in that
one's counts. ``over_limit`` holds what was rejected from the local cache twice: the service counts it as ``over_limit``
and as ``over_limit_with_local_cache``, and the pattern that names its metrics takes both for the first
(src/limiter/base_limiter.go, src/stats/prom/default_mapper.yaml). Hence it is held to what came and was not within the
limit, which counts every hit once, and hits that Redis could not decide.

A descriptor with ``detailed_metric`` has a series for each value that callers send: beyond MOST_DESCRIPTORS they are
counted together here. The share in use is not told: the page of limits does not tell a key with a value from one with a
bucket for each value.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from itertools import islice

from exporters.errors import Reason, SourceError
from exporters.gateway_limits.clients import OTHER
from exporters.gateway_limits.config import RateLimit
from exporters.gateway_limits.difference import Differences, Rise
from exporters.gateway_limits.http import MEGABYTE, Http, expect, failed
from exporters.gateway_limits.snapshot import Bucket, Check, Decision, Limit, Origin, Outcome, Snapshot
from exporters.prometheus_text import Sample, Vocabulary

MAX_BYTES = 64 * MEGABYTE
"""Overrides and detailed metrics have a series for each value of a descriptor."""

COUNT = re.compile(r"ratelimit_service_rate_limit_(total_hits|within_limit|over_limit|shadow_mode)(?:_count)?")
ERRORS = "ratelimit_service_should_rate_limit_error"
ALWAYS = "ratelimit_service_config_load_success"
"""There before the first request is."""

VOCABULARY = Vocabulary(lambda name: name in (ERRORS, ALWAYS) or bool(COUNT.fullmatch(name)))

MOST_DESCRIPTORS = 1000
"""Domains and descriptors with series of their own."""

LINE = re.compile(
    r"(?P<domain>[^.]+)\.(?P<keys>\S+): unit=(?P<unit>\w+) requests_per_unit=(?P<requests>\d{1,10})(?:,.*)?"
)
UNITS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400, "WEEK": 604800, "MONTH": 2592000, "YEAR": 31536000}
"""Seconds (src/utils/utilities.go)."""

Key = tuple[str, str]
"""Domain and descriptor."""


class RateLimitSource:
    """One rate limit service."""

    def __init__(self, gateway: RateLimit) -> None:
        """Connect to nothing yet."""
        self._gateway = gateway
        self._http = Http()
        self._rejected: Differences[Key] = Differences()
        self._named: dict[Key, None] = {}
        self._errors = Rise()

    async def close(self) -> None:
        """Close the connection."""
        await self._http.close()

    async def read(self) -> Snapshot:
        """Ask for counts and limits; raises SourceError when the counts can't be read."""
        url = self._gateway.metrics
        samples = await self._http.counts(url, VOCABULARY, most=MAX_BYTES)
        expect(samples, url, "envoyproxy/ratelimit")
        counts = by_descriptor(samples)
        rejected = self._rejected.update({key: (over(count), count["shadow_mode"]) for key, count in counts.items()})
        limits, problems = await self._limits()
        return Snapshot(
            self._gateway.name,
            decisions(counts, rejected, self._names(counts)),
            limits=limits,
            checks={Check.LIMITER: self._limiter(samples)},
            problems=problems,
        )

    def _names(self, found: Collection[Key]) -> Collection[Key]:
        """Choose which of `found` have series of their own: those that have them, then the first that came."""
        in_order = dict.fromkeys([*(key for key in self._named if key in found), *found])
        self._named = dict.fromkeys(islice(in_order, MOST_DESCRIPTORS))
        return self._named

    async def _limits(self) -> tuple[dict[Bucket, Limit], tuple[SourceError, ...]]:
        url = self._gateway.rlconfig
        if url is None:
            return {}, ()
        try:
            return configured(await self._http.text(url, most=MAX_BYTES), url), ()
        except SourceError as error:
            return {}, (error,)

    def _limiter(self, samples: Iterable[Sample]) -> str:
        """Say that Redis could not be asked since the last read; empty when it could."""
        rising = self._errors.update(int(sum(sample.value for sample in samples if sample.name == ERRORS)))
        failing = "the service can't ask Redis: Envoy gets an error, and its filter's failure mode decides"
        return failing if rising else ""


def by_descriptor(samples: Iterable[Sample]) -> dict[Key, dict[str, int]]:
    """Counts by domain and descriptor."""
    found: defaultdict[Key, dict[str, int]] = defaultdict(
        lambda: dict.fromkeys(("total_hits", "within_limit", "over_limit", "shadow_mode"), 0)
    )
    for name, labels, value in samples:
        if match := COUNT.fullmatch(name):
            keys = [labels[label] for label in ("key1", "key2") if labels.get(label)]
            found[labels.get("domain", ""), ".".join(keys)][match[1]] += int(value)
    return dict(found)


def over(count: Mapping[str, int]) -> int:
    """Hits over the limit, each once."""
    return min(count["over_limit"], count["total_hits"] - count["within_limit"])


def decisions(
    counts: Mapping[Key, Mapping[str, int]], rejected: Mapping[Key, int], named: Collection[Key]
) -> dict[Decision, int]:
    """What the service decided; a limit in shadow mode counts its hits in both of its counts."""
    found: Counter[Decision] = Counter()
    for key, count in counts.items():
        route, limit = key if key in named else (OTHER, OTHER)
        found.update(
            {
                Decision(route, limit, Outcome.ACCEPTED, Origin.GATEWAY): count["within_limit"],
                Decision(route, limit, Outcome.REJECTED, Origin.GATEWAY): rejected[key],
                Decision(route, limit, Outcome.SHADOW, Origin.GATEWAY): count["shadow_mode"],
            }
        )
    return dict(found)


def configured(text: str, url: str) -> dict[Bucket, Limit]:
    """Read ``domain.key_value.key: unit=MINUTE requests_per_unit=5, …``, a line for each limit."""
    found = {}
    for line in filter(None, text.splitlines()):
        match = LINE.fullmatch(line)
        if match is None or match["unit"] not in UNITS:
            raise failed(Reason.INVALID_ANSWER, url, f"not a limit: {line[:80]!r}")
        found[Bucket(match["domain"], match["keys"])] = Limit(int(match["requests"]), UNITS[match["unit"]])
    return found
