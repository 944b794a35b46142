"""Pods: CPU in use, against what was requested for them and what they may use at most."""

from exporters.exporter import Exporter
from exporters.pod_cpu.config import PodCpuSettings
from exporters.pod_cpu.metrics import families
from exporters.pod_cpu.sources import sources

EXPORTER = Exporter(name="pod_cpu", settings=PodCpuSettings, sources=sources, families=families)
