"""Kong: the prometheus plugin, at the Status API or the Admin API.

https://developer.konghq.com/plugins/prometheus/

    kong_http_requests_total{service,route,code,source,workspace,consumer}

``source`` says who answered: ``service``, or Kong itself. Kong's own 429 is that of any of its plugins, so the limit
has no name; the windows of one plugin (second, minute …) share the code. Without ``source`` the origin is not known.
The series are there when the plugin has ``status_code_metrics=true``.
"""

from collections import defaultdict
from collections.abc import Iterable

from exporters.gateway_limits.config import Kong
from exporters.gateway_limits.http import MEGABYTE, Http, expect
from exporters.gateway_limits.probe import probed
from exporters.gateway_limits.snapshot import Check, Decision, Origin, Outcome, Snapshot
from exporters.prometheus_text import Sample, Vocabulary

MAX_BYTES = 64 * MEGABYTE
"""The plugin may have latency histograms for each route and consumer."""

REQUESTS = "kong_http_requests_total"
ALWAYS = "kong_nginx_requests_total"
TOO_MANY_REQUESTS = "429"
VOCABULARY = Vocabulary({REQUESTS, ALWAYS}.__contains__)


class KongSource:
    """One Kong node."""

    def __init__(self, gateway: Kong) -> None:
        """Connect to nothing yet."""
        self._gateway = gateway
        self._http = Http()

    async def close(self) -> None:
        """Close the connection."""
        await self._http.close()

    async def read(self) -> Snapshot:
        """Ask once; raises SourceError when Kong does not answer, or something else does."""
        url = self._gateway.metrics
        samples = await self._http.counts(url, VOCABULARY, most=MAX_BYTES)
        expect(samples, url, "Kong")
        snapshot = Snapshot(
            self._gateway.name,
            decisions(samples),
            checks={Check.STATISTICS: statistics(samples), Check.ORIGIN: origin(samples)},
        )
        return await probed(self._http, self._gateway.probe, snapshot)


def decisions(samples: Iterable[Sample]) -> dict[Decision, int]:
    """What Kong decided, and its upstreams, by route; where there is none, by service."""
    found: defaultdict[Decision, int] = defaultdict(int)
    for name, labels, value in samples:
        if name != REQUESTS:
            continue
        route = labels.get("route") or labels.get("service", "")
        limited = labels.get("code") == TOO_MANY_REQUESTS
        if "source" not in labels:
            found[Decision(route, "", Outcome.ACCEPTED, Origin.UNKNOWN)] += 0 if limited else int(value)
            found[Decision(route, "", Outcome.REJECTED, Origin.UNKNOWN)] += int(value) if limited else 0
            continue
        passed = labels["source"] == "service"
        found[Decision(route, "", Outcome.ACCEPTED, Origin.GATEWAY)] += int(value) if passed else 0
        found[Decision(route, "", Outcome.REJECTED, Origin.GATEWAY)] += int(value) if limited and not passed else 0
        found[Decision(route, "", Outcome.REJECTED, Origin.UPSTREAM)] += int(value) if limited and passed else 0
    return dict(found)


def origin(samples: Iterable[Sample]) -> str:
    """Say that Kong does not tell its own answers from an upstream's; empty when it does, or has not answered yet."""
    told = all("source" in sample.labels for sample in samples if sample.name == REQUESTS)
    return "" if told else f"{REQUESTS} has no source: a newer Kong tells its own answers from an upstream's"


def statistics(samples: Iterable[Sample]) -> str:
    """Say what is missing when Kong counts no requests by code; empty when it does."""
    if any(sample.name == REQUESTS for sample in samples):
        return ""
    return f"no {REQUESTS}: set status_code_metrics=true on the prometheus plugin (or no request has come yet)"
