"""One file, or one folder, a kind of place where pods are looked for."""

from collections.abc import Callable, Mapping
from typing import Any

from exporters.exporter import Source
from exporters.pod_cpu.config import PodCpuSettings
from exporters.pod_cpu.snapshot import Snapshot
from exporters.pod_cpu.sources.cgroup import CgroupSource
from exporters.pod_cpu.sources.docker import DockerSource
from exporters.pod_cpu.sources.kubernetes.source import KubernetesSource
from exporters.pod_cpu.sources.process import ProcessSource

KINDS: Mapping[str, Callable[[Any, PodCpuSettings], Source[Snapshot]]] = {
    "process": lambda source, _: ProcessSource(source),
    "cgroup": lambda source, _: CgroupSource(source),
    "docker": lambda source, whole: DockerSource(source, whole.timeout),
    "kubernetes": lambda source, whole: KubernetesSource(source, whole.timeout, whole.containers),
}


def sources(settings: PodCpuSettings) -> Mapping[str, Source[Snapshot]]:
    """One source for each that is configured."""
    return {source.name: KINDS[source.kind](source, settings) for source in settings.sources}
