"""Envoy: statistics of its rate limit filters, counters of a `stats` access logger, its configuration, its access log.

A 429 in a response code says nothing of who made it, Envoy or the upstream; the response flag RL does. Only an access
logger can count by flag, so upstreams' 429s are known when the configuration has one:

    stats_scope: {prefix: gw}
    counters: [{stat: {name: requests, tags: [route, code, flags]}, value_fixed: 1}]    # each with its value_format
"""

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from exporters.errors import Reason, SourceError
from exporters.gateway_limits.access_log import AccessLog, Entry
from exporters.gateway_limits.clients import LONGEST_NAME, Clients
from exporters.gateway_limits.config import Envoy
from exporters.gateway_limits.difference import Differences, Rise
from exporters.gateway_limits.envoy_config import LocalLimit, enforced, local_limits, runtime_values, told_apart
from exporters.gateway_limits.envoy_statistics import (
    LIMITER_FAILS,
    RATE_LIMITED_FLAG,
    REQUESTS_NAME,
    counts_a_limit,
    failures,
    global_counts,
    global_decisions,
    local_counts,
    local_decisions,
    origin,
    over_the_limit,
    upstream_rejections,
)
from exporters.gateway_limits.http import MEGABYTE, Http, failed
from exporters.gateway_limits.snapshot import Bucket, Check, Limit, Snapshot
from exporters.gateway_limits.usage import Fullest, Usage
from exporters.prometheus_text import TextError, Vocabulary

MAX_BYTES = 4 * MEGABYTE
"""The filtered answer is a few hundred bytes a route; what is larger is no such answer."""

MAX_CONFIG_BYTES = 16 * MEGABYTE
CONFIG_INTERVAL = 60.0
"""Seconds between two looks at the configuration, which may be large and seldom changes."""

CONFIG_DEADLINE = 2.0
"""Seconds for one look. Without it the statistics are still worth having."""

AT_ONCE = 20
TURN = 1.0
"""Seconds to wait for one's turn to look; who has none by then looks at the next read."""

WANTED = r"http_local_rate_limit\.(ok|rate_limited|enforced)$|^gw\.requests\.|^cluster\..*\.ratelimit\."
"""Envoy matches this with its own names of the statistics, before tags are taken out."""

FIELDS = ("route", "client", "flags")
"""Of the access log, without which it does not say who was rejected."""


def _wanted(name: str) -> bool:
    if not name.startswith("envoy_"):
        raise TextError(f"{name[:100]} is not a statistic of Envoy's")
    return name == REQUESTS_NAME or counts_a_limit(name)


VOCABULARY = Vocabulary(_wanted)


@dataclass(frozen=True)
class _Configuration:
    """What was last read of it."""

    limits: tuple[LocalLimit, ...]
    read_at: float
    problem: SourceError | None = None

    @property
    def checks(self) -> dict[Check, str]:
        """What it says of its limits; nothing while it is not known."""
        known = self is not NOT_READ and self.problem is None
        return {Check.ENFORCED: enforced(self.limits), Check.STATISTICS: told_apart(self.limits)} if known else {}


NOT_READ = _Configuration((), -math.inf)
_TURNS: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


def _turns() -> asyncio.Semaphore:
    """Let a few configurations be read at once: those of a thousand Envoys take seconds, and each has a deadline."""
    return _TURNS.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE))


class EnvoySource:
    """One Envoy."""

    def __init__(self, gateway: Envoy, clock: Callable[[], float] = time.monotonic) -> None:
        """Connect to nothing yet; `clock` gives seconds and never jumps."""
        self._gateway = gateway
        self._clock = clock
        self._http = Http()
        self._shadow: Differences[str] = Differences()
        self._denied: Differences[tuple[str, str]] = Differences()
        self._errors = Rise()
        self._usage = Usage()
        self._configuration = NOT_READ
        self._log = EnvoyLog(gateway.access_log, gateway.clients, clock) if gateway.access_log else None

    async def close(self) -> None:
        """Close the connection and the log."""
        await self._http.close()
        if self._log:
            self._log.close()

    async def read(self) -> Snapshot:
        """Ask the admin interface, and read on in the access log.

        Raises SourceError when the interface does not answer, or with something else than Envoy's statistics.
        """
        url = f"{self._gateway.admin}/stats/prometheus"
        samples = await self._http.counts(url, VOCABULARY, most=MAX_BYTES, params={"filter": WANTED})
        configuration = await self._configured()
        problems = [configuration.problem] if configuration.problem else []
        if self._log:
            problems += await self._log.read()
        local, service = local_counts(samples), global_counts(samples)
        return Snapshot(
            self._gateway.name,
            {
                **local_decisions(local, self._shadow.update(over_the_limit(local))),
                **global_decisions(service, self._denied.update(failures(service))),
                **upstream_rejections(samples),
            },
            limits={bucket: limit for found in configuration.limits for bucket, limit in found.buckets.items()},
            used={**self._used(local, configuration.limits), **(self._log.used() if self._log else {})},
            clients=self._log.clients.counts() if self._log else {},
            checks={**self._told(configuration), **self._limiter(service), **origin(samples)},
            problems=tuple(problems),
        )

    async def _configured(self) -> _Configuration:
        now = self._clock()
        if now - self._configuration.read_at < CONFIG_INTERVAL:
            return self._configuration
        try:
            async with asyncio.timeout(TURN):
                await _turns().acquire()
        except TimeoutError:  # at the next read, then
            return self._configuration
        place = f"{self._gateway.admin}/config_dump"
        late = failed(Reason.TIMEOUT, place, f"not read within {CONFIG_DEADLINE:g} s")
        # stands if this read is cancelled: the statistics must not wait for it a second time
        self._configuration = _Configuration((), now, late)
        try:
            async with asyncio.timeout(CONFIG_DEADLINE):
                self._configuration = _Configuration(await self._limits(), now)
        except TimeoutError:
            pass
        except SourceError as error:
            self._configuration = _Configuration((), now, error)
        finally:
            _turns().release()
        return self._configuration

    async def _limits(self) -> tuple[LocalLimit, ...]:
        admin = self._gateway.admin
        runtime = await self._http.json(f"{admin}/runtime", most=MAX_BYTES)
        dump = await self._http.json(f"{admin}/config_dump", most=MAX_CONFIG_BYTES)
        try:
            return local_limits(dump, runtime_values(runtime), self._gateway.replicas)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            message = f"not Envoy's configuration: {error!r}"
            raise failed(Reason.INVALID_ANSWER, f"{admin}/config_dump", message) from error

    def _told(self, configuration: _Configuration) -> dict[Check, str]:
        """Say what the configuration says, and what the access log lacks."""
        checks = configuration.checks
        lacking = self._log.lacking() if self._log else ""
        statistics = "; ".join(filter(None, (checks.get(Check.STATISTICS), lacking)))
        return {**checks, Check.STATISTICS: statistics} if checks or lacking else {}

    def _limiter(self, service: Mapping[tuple[str, str], Mapping[str, int]]) -> dict[Check, str]:
        """Say whether the rate limit service has failed since the last read, where there is one."""
        if not service:
            return {}
        rising = self._errors.update(sum(count["error"] for count in service.values()))
        return {Check.LIMITER: LIMITER_FAILS if rising else ""}

    def _used(self, local: Mapping[str, Mapping[str, int]], limits: Iterable[LocalLimit]) -> dict[Bucket, float]:
        # requests are counted by limit, so only of a limit with one bucket is it known what that bucket has let through
        named = {Bucket(limit.name, limit.name): limit for limit in limits if limit.filters == 1}
        single = {bucket: limit for bucket, limit in named.items() if list(limit.buckets) == [bucket]}
        own = {bucket: _of_one(limit.buckets[bucket], self._gateway.replicas) for bucket, limit in single.items()}
        taken = {bucket: local[bucket.limit].get("ok", 0) for bucket in single if bucket.limit in local}
        return self._usage.update(self._clock(), taken, own)


class EnvoyLog:
    """What the access log adds: who is rejected, and how full the buckets are that clients have of their own.

    Lines are JSON with ``route``, ``client`` and ``flags``; with ``ratelimit_limit`` and ``ratelimit_remaining``, the
    values of the response headers of these names, the second is known too.
    """

    def __init__(self, path: Path, named: int, clock: Callable[[], float]) -> None:
        """Nothing is read yet; at most `named` clients of a route are named."""
        self.clients = Clients(named, clock)
        self._log = AccessLog(path, clock)
        self._fullest = Fullest(clock)

    def close(self) -> None:
        """Let go of the file."""
        self._log.close()

    def used(self) -> dict[Bucket, float]:
        """The fullest of each route's buckets that was met lately."""
        return self._fullest.shares()

    async def read(self) -> list[SourceError]:
        """Read on, and give what is wrong with the log."""
        return await self._log.problems(self._take)

    def lacking(self) -> str:
        """Say which fields the last line lacks; empty when it has all, or there is none."""
        last = self._log.last()
        named = ", ".join(field for field in FIELDS if last is not None and field not in last)
        return f"json_format of the access log lacks {named}" if named else ""

    def _take(self, entry: Entry) -> None:
        route = entry.get("route")
        if not route or not isinstance(route, str):
            return
        route = route[:LONGEST_NAME]
        if RATE_LIMITED_FLAG in str(entry.get("flags") or "").split(","):
            self.clients.rejected(route, str(entry.get("client") or ""))
        self._fullest.met(Bucket(route, route), entry.get("ratelimit_limit"), entry.get("ratelimit_remaining"))


def _of_one(limit: Limit, replicas: int) -> Limit:
    """The limit of the Envoy that was asked, of that for all replicas."""
    return Limit(limit.requests / replicas, limit.window)
