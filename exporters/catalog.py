"""Every exporter by its name."""

from collections.abc import Mapping

from exporters import gateway_limits, kafka_lag, pod_cpu
from exporters.exporter import AnyExporter

EXPORTERS: Mapping[str, AnyExporter] = {
    "gateway_limits": gateway_limits.EXPORTER,
    "kafka_lag": kafka_lag.EXPORTER,
    "pod_cpu": pod_cpu.EXPORTER,
}
