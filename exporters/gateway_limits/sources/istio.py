"""Istio: the statistics of one proxy, a sidecar's or a gateway's.

https://istio.io/latest/docs/reference/config/metrics/

    istio_requests_total{reporter,response_code,response_flags,destination_service …}

The flag RL says that this very proxy limited a request (local and global limits alike), RLSE that the limiter's service
failed and the proxy turned the request away. A server's 429 is counted once more by its client's proxy, there without
the flag; so only one reporter's view is counted. Of the local limits' own statistics, which Istio leaves out unless
they are asked for, only what is not enforced is taken: the rest is in the requests already.
"""

from collections import defaultdict
from collections.abc import Iterable

from exporters.gateway_limits.config import Istio
from exporters.gateway_limits.difference import Differences, Rise
from exporters.gateway_limits.envoy_statistics import (
    LIMITER_FAILS,
    counts_a_limit,
    global_counts,
    local_counts,
    over_the_limit,
)
from exporters.gateway_limits.http import MEGABYTE, Http, expect
from exporters.gateway_limits.probe import probed
from exporters.gateway_limits.snapshot import Check, Decision, Origin, Outcome, Snapshot
from exporters.prometheus_text import Sample, Vocabulary

MAX_BYTES = 64 * MEGABYTE
"""A proxy without Sidecar resources knows every service of the mesh; it can't be asked for a part."""

REQUESTS = "istio_requests_total"
ALWAYS = ("istio_build", "envoy_server_uptime")
TOO_MANY_REQUESTS = "429"
RATE_LIMITED, LIMITER_FAILED = "RL", "RLSE"
FAILED = (Outcome.ERROR_ALLOWED, Outcome.ERROR_DENIED)


def _wanted(name: str) -> bool:
    return name == REQUESTS or name in ALWAYS or counts_a_limit(name)


VOCABULARY = Vocabulary(_wanted)


class IstioSource:
    """One proxy."""

    def __init__(self, gateway: Istio) -> None:
        """Connect to nothing yet."""
        self._gateway = gateway
        self._http = Http()
        self._shadow: Differences[str] = Differences()
        self._errors = Rise()

    async def close(self) -> None:
        """Close the connection."""
        await self._http.close()

    async def read(self) -> Snapshot:
        """Ask once; raises SourceError when the proxy does not answer, or something else does."""
        url = self._gateway.metrics
        samples = await self._http.counts(url, VOCABULARY, most=MAX_BYTES)
        expect(samples, url, "a proxy of Istio's")
        local = local_counts(samples)
        shadow = self._shadow.update(over_the_limit(local))
        missing = (
            "no http_local_rate_limit statistics: add inclusionRegexps: ['.*http_local_rate_limit.*'] to "
            "proxyStatsMatcher in the annotation proxy.istio.io/config, to see what is not enforced"
        )
        found = {
            **decisions(samples, self._gateway.reporter),
            **{Decision(name, name, Outcome.SHADOW, Origin.GATEWAY): count for name, count in shadow.items()},
            **allowed(samples),
        }
        failed = sum(count for decision, count in found.items() if decision.outcome in FAILED)
        snapshot = Snapshot(
            self._gateway.name,
            found,
            checks={
                Check.STATISTICS: "" if local else missing,
                Check.LIMITER: LIMITER_FAILS if self._errors.update(failed) else "",
            },
        )
        return await probed(self._http, self._gateway.probe, snapshot)


def decisions(samples: Iterable[Sample], reporter: str) -> dict[Decision, int]:
    """What the proxy decided, and what came back as 429 from behind it, by service."""
    found: defaultdict[Decision, int] = defaultdict(int)
    for name, labels, value in samples:
        if name != REQUESTS or labels.get("reporter") != reporter:
            continue
        route, count = labels.get("destination_service", ""), int(value)
        flags = labels.get("response_flags", "").split(",")
        own, failed = RATE_LIMITED in flags, LIMITER_FAILED in flags
        theirs = labels.get("response_code") == TOO_MANY_REQUESTS and not (own or failed)
        found[Decision(route, "", Outcome.ACCEPTED, Origin.GATEWAY)] += 0 if own or failed else count
        found[Decision(route, "", Outcome.REJECTED, Origin.GATEWAY)] += count if own else 0
        found[Decision(route, "", Outcome.ERROR_DENIED, Origin.GATEWAY)] += count if failed else 0
        found[Decision(route, "", Outcome.REJECTED, Origin.UPSTREAM)] += count if theirs else 0
    return dict(found)


def allowed(samples: Iterable[Sample]) -> dict[Decision, int]:
    """What passed because the limiter's service failed, by cluster and limit."""
    return {
        Decision(*key, Outcome.ERROR_ALLOWED, Origin.GATEWAY): count["failure_mode_allowed"]
        for key, count in global_counts(samples).items()
    }
