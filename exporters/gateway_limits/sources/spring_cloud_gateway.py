"""Spring Cloud Gateway: the actuator's Prometheus page.

https://docs.spring.io/spring-cloud-gateway/reference/spring-cloud-gateway-server-webflux/actuator-api.html

    spring_cloud_gateway_requests_seconds_count{routeId,httpStatusCode,status,outcome,httpMethod,routeUri}

It has no metric of its limiter: the count is of answers, whoever made them, so the origin is unknown. Its limiter lets
everything pass when Redis is gone; no metric says so either, only ``X-RateLimit-Remaining: -1`` in the answers, for
which ``probe`` asks.
"""

from collections import defaultdict
from collections.abc import Iterable

from exporters.gateway_limits.config import SpringCloudGateway
from exporters.gateway_limits.http import MEGABYTE, Http, expect
from exporters.gateway_limits.probe import probed
from exporters.gateway_limits.snapshot import Check, Decision, Origin, Outcome, Snapshot
from exporters.prometheus_text import Sample, Vocabulary

MAX_BYTES = 64 * MEGABYTE
ALWAYS = "jvm_threads_live_threads"
TOO_MANY_REQUESTS = "429"
NO_ROUTE = "NONE"


class SpringCloudGatewaySource:
    """One instance of a gateway."""

    def __init__(self, gateway: SpringCloudGateway) -> None:
        """Connect to nothing yet."""
        self._gateway = gateway
        self._http = Http()
        prefix = gateway.prefix.rstrip(".").replace(".", "_").replace("-", "_")
        self._requests = f"{prefix}_requests_seconds_count"
        self._vocabulary = Vocabulary({self._requests, ALWAYS}.__contains__)

    async def close(self) -> None:
        """Close the connection."""
        await self._http.close()

    async def read(self) -> Snapshot:
        """Ask once; raises SourceError when no actuator answers."""
        url = self._gateway.metrics
        samples = await self._http.counts(url, self._vocabulary, most=MAX_BYTES)
        expect(samples, url, "Spring Boot's actuator")
        answers = [sample for sample in samples if sample.name == self._requests]
        missing = (
            f"no {self._requests}: is spring.cloud.gateway.server.webflux.metrics off (or has no request come yet)?"
        )
        snapshot = Snapshot(
            self._gateway.name,
            decisions(answers),
            checks={Check.STATISTICS: "" if answers else missing},
        )
        return await probed(self._http, self._gateway.probe, snapshot)


def decisions(answers: Iterable[Sample]) -> dict[Decision, int]:
    """Answers by route: 429s, and all others."""
    found: defaultdict[Decision, int] = defaultdict(int)
    for _, labels, value in answers:
        route = labels.get("routeId", NO_ROUTE)
        if route == NO_ROUTE:
            continue
        limited = labels.get("httpStatusCode") == TOO_MANY_REQUESTS
        found[Decision(route, "", Outcome.ACCEPTED, Origin.UNKNOWN)] += 0 if limited else int(value)
        found[Decision(route, "", Outcome.REJECTED, Origin.UNKNOWN)] += int(value) if limited else 0
    return dict(found)
