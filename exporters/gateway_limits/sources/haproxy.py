"""HAProxy: the exporter that it has built in.

https://docs.haproxy.org/2.6/configuration.html#4.2-http-request%20deny

    http-request use-service prometheus-exporter if { path /metrics }

HAProxy counts by rule, not by limit: ``requests_denied`` holds every ``http-request deny`` and ``tarpit``, a limit's
and an access list's alike; ``intercepted_requests`` every ``http-request return``, and also redirects, the statistics
page and ``use-service``. Which of the two the limits are made of is the setting ``rules``; keep other such rules out of
the proxies that are read, and the counts are the limits'. A frontend's counts hold what backends behind it deny, so of
the two one is read. Answers are counted by class, 4xx, so an upstream's 429 is not known. No rule delays or shadows.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from exporters.gateway_limits.config import HAProxy
from exporters.gateway_limits.difference import Differences
from exporters.gateway_limits.http import MEGABYTE, Http, expect
from exporters.gateway_limits.snapshot import Decision, Origin, Outcome, Snapshot
from exporters.prometheus_text import Sample, Vocabulary

MAX_BYTES = 64 * MEGABYTE
"""A few kilobytes for each proxy and server."""

REQUESTS = "http_requests_total"
RULES = {"deny": "requests_denied_total", "return": "intercepted_requests_total"}
SIDES = ("frontend", "backend")
VOCABULARY = Vocabulary(
    {f"haproxy_{side}_{count}" for side in SIDES for count in (REQUESTS, *RULES.values())}.__contains__
)


class HAProxySource:
    """One HAProxy."""

    def __init__(self, gateway: HAProxy) -> None:
        """Connect to nothing yet."""
        self._gateway = gateway
        self._http = Http()
        self._accepted: Differences[tuple[str, str]] = Differences()

    async def close(self) -> None:
        """Close the connection."""
        await self._http.close()

    async def read(self) -> Snapshot:
        """Ask once; raises SourceError when HAProxy does not answer, or something else does."""
        url = self._gateway.metrics
        samples = await self._http.counts(url, VOCABULARY, most=MAX_BYTES)
        expect(samples, url, "HAProxy")
        counts = by_proxy(samples, self._gateway)
        accepted = self._accepted.update(counts)
        return Snapshot(self._gateway.name, decisions(counts, accepted))


def by_proxy(samples: Iterable[Sample], gateway: HAProxy) -> dict[tuple[str, str], tuple[int, int]]:
    """Requests and rejections of each proxy, by its name and side."""
    denied = {RULES[rule] for rule in gateway.rules}
    totals: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for name, labels, value in samples:
        side, _, count = name.removeprefix("haproxy_").partition("_")
        proxy = labels.get("proxy", "")
        if proxy in gateway.proxies or (not gateway.proxies and side == "frontend"):
            if count == REQUESTS:
                totals[proxy, side][0] += int(value)
            elif count in denied:
                totals[proxy, side][1] += int(value)
    return {key: (requests, rejected) for key, (requests, rejected) in totals.items()}


def decisions(
    counts: Mapping[tuple[str, str], tuple[int, int]], accepted: Mapping[tuple[str, str], int]
) -> dict[Decision, int]:
    """What HAProxy decided; the route is the proxy, the limit the side on which it stands."""
    found = {}
    for (proxy, side), (_, rejected) in counts.items():
        found[Decision(proxy, side, Outcome.ACCEPTED, Origin.GATEWAY)] = accepted[proxy, side]
        found[Decision(proxy, side, Outcome.REJECTED, Origin.GATEWAY)] = rejected
    return found
