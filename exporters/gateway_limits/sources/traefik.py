"""Traefik: its Prometheus page.

https://doc.traefik.io/traefik/observability/metrics/overview/

    traefik_router_requests_total{code,method,protocol,router,service}       with addRoutersLabels=true
    traefik_service_requests_total{code,method,protocol,service}
    traefik_entrypoint_requests_total{code,method,protocol,entrypoint}

A middleware stands between router and service, so a 429 that the router counted and the service did not is the
middleware's. When several routers lead to one service, only their sum can be told from the service's own 429s: the
route is then the service. Without labels for services, 429s are known by router, and without labels for routers by
entry point; their origin is not. What a limit delays is counted nowhere.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from exporters.gateway_limits.config import Traefik
from exporters.gateway_limits.difference import Differences
from exporters.gateway_limits.http import MEGABYTE, Http, expect
from exporters.gateway_limits.snapshot import Check, Decision, Origin, Outcome, Snapshot
from exporters.prometheus_text import Sample, Vocabulary

MAX_BYTES = 64 * MEGABYTE
ROUTER = "traefik_router_requests_total"
SERVICE = "traefik_service_requests_total"
ENTRYPOINT = "traefik_entrypoint_requests_total"
ALWAYS = "traefik_config_reloads_total"
TOO_MANY_REQUESTS = "429"
INTERNAL = "@internal"
"""What Traefik answers itself, its dashboard say, is called so, and is no service that is counted."""

VOCABULARY = Vocabulary({ROUTER, SERVICE, ENTRYPOINT, ALWAYS}.__contains__)


@dataclass
class Answers:
    """How many answers were counted, and how many of them were 429."""

    routers: set[str] = field(default_factory=set)
    """That lead to this service."""
    all: int = 0
    limited: int = 0

    def add(self, sample: Sample) -> None:
        """Count the answers of one series."""
        self.all += int(sample.value)
        self.limited += int(sample.value) if sample.labels.get("code") == TOO_MANY_REQUESTS else 0


class TraefikSource:
    """One Traefik."""

    def __init__(self, gateway: Traefik) -> None:
        """Connect to nothing yet."""
        self._gateway = gateway
        self._http = Http()
        self._rejected: Differences[str] = Differences()

    async def close(self) -> None:
        """Close the connection."""
        await self._http.close()

    async def read(self) -> Snapshot:
        """Ask once; raises SourceError when Traefik does not answer, or something else does."""
        url = self._gateway.metrics
        samples = await self._http.counts(url, VOCABULARY, most=MAX_BYTES)
        expect(samples, url, "Traefik")
        routers, services = by_service(samples, ROUTER), by_service(samples, SERVICE)
        pairs = {name: (routers[name].limited, services.get(name, Answers()).limited) for name in routers}
        found, missing = decisions(routers, services, self._rejected.update(pairs)), ""
        entrypoints = by_entrypoint(samples)
        if not routers and entrypoints:
            missing = f"no {ROUTER}: set metrics.prometheus.addRoutersLabels=true"
            found = of_unknown_origin(entrypoints)
        elif not services and any(answers.all for name, answers in routers.items() if not name.endswith(INTERNAL)):
            missing = f"no {SERVICE}: set metrics.prometheus.addServicesLabels=true (or no request has passed yet)"
            found = of_unknown_origin({_route(name, answers): answers for name, answers in routers.items()})
        return Snapshot(self._gateway.name, found, checks={Check.ORIGIN: missing})


def by_service(samples: Iterable[Sample], name: str) -> dict[str, Answers]:
    """Answers by the service that they came from or were meant for."""
    found: defaultdict[str, Answers] = defaultdict(Answers)
    for sample in samples:
        if sample.name == name:
            answers = found[sample.labels.get("service", "")]
            answers.add(sample)
            answers.routers.add(sample.labels.get("router", ""))
    return dict(found)


def by_entrypoint(samples: Iterable[Sample]) -> dict[str, Answers]:
    """Answers by entry point."""
    found: defaultdict[str, Answers] = defaultdict(Answers)
    for sample in samples:
        if sample.name == ENTRYPOINT:
            found[sample.labels.get("entrypoint", "")].add(sample)
    return dict(found)


def decisions(
    routers: Mapping[str, Answers], services: Mapping[str, Answers], rejected: Mapping[str, int]
) -> dict[Decision, int]:
    """What middlewares rejected, and services, by router."""
    found = {}
    for service, answers in routers.items():
        route = _route(service, answers)
        passed = services.get(service, Answers())
        found[Decision(route, "", Outcome.ACCEPTED, Origin.GATEWAY)] = passed.all
        found[Decision(route, "", Outcome.REJECTED, Origin.GATEWAY)] = rejected[service]
        found[Decision(route, "", Outcome.REJECTED, Origin.UPSTREAM)] = passed.limited
    return found


def _route(service: str, answers: Answers) -> str:
    return next(iter(answers.routers)) if len(answers.routers) == 1 else service


def of_unknown_origin(by_route: Mapping[str, Answers]) -> dict[Decision, int]:
    """429s and all others, whoever made them."""
    found = {}
    for route, answers in by_route.items():
        found[Decision(route, "", Outcome.ACCEPTED, Origin.UNKNOWN)] = answers.all - answers.limited
        found[Decision(route, "", Outcome.REJECTED, Origin.UNKNOWN)] = answers.limited
    return found
