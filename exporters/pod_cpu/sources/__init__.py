"""One file a kind of place where pods are looked for."""

from collections.abc import Mapping

from exporters.exporter import Source
from exporters.pod_cpu.config import PodCpuSettings
from exporters.pod_cpu.snapshot import Snapshot
from exporters.pod_cpu.sources.process import ProcessSource

KINDS = {"process": ProcessSource}


def sources(settings: PodCpuSettings) -> Mapping[str, Source[Snapshot]]:
    """One source for each that is configured."""
    return {source.name: KINDS[source.kind](source) for source in settings.sources}
