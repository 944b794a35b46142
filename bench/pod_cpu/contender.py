"""The same shares of the same texts, made with prometheus_client's parser and renderer.

As an exporter would be written with them: parse a node's two texts, keep what counts, subtract what was before, fill
gauges, render. Pods' requests and limits are taken as known, and nothing is fetched or unpacked: only what it does is
counted.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import Metric, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families

WANTED = {
    "container_cpu_usage_seconds_total": "used",
    "container_cpu_cfs_periods_total": "periods",
    "container_cpu_cfs_throttled_periods_total": "throttled",
    "container_pressure_cpu_waiting_seconds_total": "waited",
}
Pod = tuple[str, str]
Counts = dict[tuple[str, Pod, str], tuple[float, float]]
"""Value and time in seconds by what is counted, pod and container."""


@dataclass(frozen=True)
class Known:
    """What the API server has of a pod."""

    workload: str
    request: float
    limit: float | None


@dataclass
class Contender:
    """One exporter, from reading to reading."""

    pods: Mapping[Pod, Known]
    before: Counts = field(default_factory=dict)
    now: Counts = field(default_factory=dict)

    def take(self, resource: str, cadvisor: str) -> None:
        """Read one node."""
        for text, families in ((resource, ("used",)), (cadvisor, ("periods", "throttled", "waited"))):
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    what = WANTED.get(sample.name)
                    labels = sample.labels
                    if what is not None and what in families and labels.get("pod"):
                        of_pod = what == "waited"
                        if bool(labels["container"]) != of_pod and not (of_pod and labels["name"]):
                            key = (what, (labels["namespace"], labels["pod"]), labels["container"])
                            self.now[key] = (sample.value, float(sample.timestamp or 0.0))

    def render(self) -> bytes:
        """Write the shares since the reading before."""
        text = generate_latest(self)
        self.before, self.now = self.now, {}
        return text

    def collect(self) -> Iterator[Metric]:
        """Fill the gauges."""
        shares = dict(self._shares())
        for name in (
            "usage_cores",
            "request_cores",
            "limit_cores",
            "request_ratio",
            "limit_ratio",
            "throttled",
            "pressure",
        ):
            family = GaugeMetricFamily(f"pod_cpu_{name}", "The same.", labels=["namespace", "pod", "workload"])
            for pod, values in shares.items():
                if (value := values.get(name)) is not None:
                    family.add_metric([*pod, self.pods[pod].workload], value)
            yield family

    def _shares(self) -> Iterable[tuple[Pod, dict[str, float | None]]]:
        grown: dict[Pod, dict[str, float]] = {}
        for key, (value, at) in self.now.items():
            if key in self.before:
                before, since = self.before[key]
                what, pod, _ = key
                of_pod = grown.setdefault(pod, {})
                of_time = (value - before) / (at - since) if what in ("used", "waited") else value - before
                of_pod[what] = of_pod.get(what, 0.0) + of_time
        for pod, known in self.pods.items():
            counts = grown.get(pod, {})
            usage, periods = counts.get("used"), counts.get("periods")
            yield (
                pod,
                {
                    "usage_cores": usage,
                    "request_cores": known.request,
                    "limit_cores": known.limit,
                    "request_ratio": usage / known.request if usage is not None else None,
                    "limit_ratio": usage / known.limit if usage is not None and known.limit else None,
                    "throttled": counts.get("throttled", 0.0) / periods if periods else None,
                    "pressure": counts.get("waited"),
                },
            )
