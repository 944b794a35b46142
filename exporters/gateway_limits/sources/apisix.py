"""APISIX: the prometheus plugin.

https://apisix.apache.org/docs/apisix/plugins/prometheus/

    apisix_http_status{code,route,matched_uri,matched_host,service,consumer,node,response_source …}

The limit plugins answer with their ``rejected_code``, 503 unless it is set. ``response_source`` says whether APISIX or
the upstream made an answer; versions without it don't tell the two apart, and then only 429 is taken for a rejection,
of unknown origin. What ``limit-req`` delays is counted nowhere. Other plugins that answer with one of these codes are
counted too.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable

from exporters.gateway_limits.config import Apisix
from exporters.gateway_limits.http import MEGABYTE, Http, expect
from exporters.gateway_limits.probe import probed
from exporters.gateway_limits.snapshot import Check, Decision, Origin, Outcome, Snapshot
from exporters.prometheus_text import Sample, Vocabulary

MAX_BYTES = 64 * MEGABYTE
REQUESTS = "apisix_http_status"
ALWAYS = ("apisix_http_requests_total", "apisix_node_info")
TOO_MANY_REQUESTS = "429"
VOCABULARY = Vocabulary({REQUESTS, *ALWAYS}.__contains__)


class ApisixSource:
    """One APISIX node."""

    def __init__(self, gateway: Apisix) -> None:
        """Connect to nothing yet."""
        self._gateway = gateway
        self._http = Http()

    async def close(self) -> None:
        """Close the connection."""
        await self._http.close()

    async def read(self) -> Snapshot:
        """Ask once; raises SourceError when APISIX does not answer, or something else does."""
        url = self._gateway.metrics
        samples = await self._http.counts(url, VOCABULARY, most=MAX_BYTES)
        expect(samples, url, "APISIX")
        answers = [sample for sample in samples if sample.name == REQUESTS]
        snapshot = Snapshot(
            self._gateway.name,
            decisions(answers, {str(code) for code in self._gateway.rejected_codes}),
            checks=checks(answers),
        )
        return await probed(self._http, self._gateway.probe, snapshot)


def decisions(answers: Iterable[Sample], rejected: Collection[str]) -> dict[Decision, int]:
    """What APISIX decided, and its upstreams, by route; answers to requests that no route fits are not counted."""
    found: defaultdict[Decision, int] = defaultdict(int)
    for _, labels, value in answers:
        route = labels.get("route") or labels.get("service", "")
        if not route:
            continue
        code, count = labels.get("code"), int(value)
        match labels.get("response_source"):
            case "apisix":
                accepted, own, theirs = 0, count if code in rejected else 0, 0
            case "upstream" | "nginx":
                accepted, own, theirs = count, 0, count if code == TOO_MANY_REQUESTS else 0
            case _:
                limited = code == TOO_MANY_REQUESTS
                found[Decision(route, "", Outcome.ACCEPTED, Origin.UNKNOWN)] += 0 if limited else count
                found[Decision(route, "", Outcome.REJECTED, Origin.UNKNOWN)] += count if limited else 0
                continue
        found[Decision(route, "", Outcome.ACCEPTED, Origin.GATEWAY)] += accepted
        found[Decision(route, "", Outcome.REJECTED, Origin.GATEWAY)] += own
        found[Decision(route, "", Outcome.REJECTED, Origin.UPSTREAM)] += theirs
    return dict(found)


def checks(answers: Collection[Sample]) -> dict[Check, str]:
    """Say what is missing in the answers that were counted."""
    if not answers:
        return {Check.STATISTICS: f"no {REQUESTS}: enable the prometheus plugin on the routes, or as a global rule"}
    told = all(sample.labels.get("response_source") for sample in answers)
    missing = f"{REQUESTS} has no response_source: a newer APISIX tells its own answers from an upstream's"
    return {Check.STATISTICS: "", Check.ORIGIN: "" if told else missing}
