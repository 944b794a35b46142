"""The generator's own counters, for Prometheus."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from demo.load.generator import DROPPED, Result

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Long-lived counters of this process; `registry` is what /metrics shows."""

    def __init__(self, in_flight: Callable[[], int], scenarios: Iterable[str]) -> None:
        """Start at zero; `scenarios` are the names that may play."""
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "loadgen_requests",
            "Arrivals by what became of them: an HTTP status code, timeout, connection_error, dropped, no_token "
            "(the client could not log in) or abandoned (the process stopped); kind login has no arrivals of its own.",
            ["kind", "status"],
            registry=self.registry,
        )
        self._dropped = Counter(
            "loadgen_dropped",
            "Arrivals that were not sent because too many requests were in flight.",
            ["kind"],
            registry=self.registry,
        )
        self._latency = Histogram(
            "loadgen_request_duration_seconds",
            "From the intended start of a request to the end of its answer or its timeout; 429 left out.",
            ["kind"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        Gauge("loadgen_in_flight", "Requests without an answer.", registry=self.registry).set_function(in_flight)
        self._playing = Gauge("loadgen_scenario", "1 for what plays now.", ["scenario"], registry=self.registry)
        self._scenarios = tuple(scenarios)

    def record(self, result: Result) -> None:
        """Count one result."""
        self._requests.labels(result.kind, result.outcome).inc()
        if result.outcome == DROPPED:
            self._dropped.labels(result.kind).inc()
        if result.seconds is not None:
            self._latency.labels(result.kind).observe(result.seconds)

    def playing(self, name: str) -> None:
        """Say what plays from now on."""
        for scenario in self._scenarios:
            self._playing.labels(scenario).set(scenario == name)
