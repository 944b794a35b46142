"""Settings of the pod_cpu exporter."""

import re
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from exporters.exporter import ExporterSettings
from process.settings import AtLeastOne, Pattern, Settings, once_each


def _selects(pattern: str) -> str:
    if re.search(pattern, ""):
        raise ValueError(f"{pattern!r} matches every process, even one with an empty command line")
    return pattern


Label = Annotated[str, Field(min_length=1)]
Command = Annotated[Pattern, AfterValidator(_selects)]
Cores = Annotated[float, Field(gt=0)]


class ProcessPod(Settings):
    """A pod that is a set of this machine's processes."""

    namespace: Label
    pod: Label
    workload: Label
    command: Command
    """Searched in the command line (arguments joined by spaces). All processes that match are the pod, as are their
    descendants: two servers started alike are added up, and a process may belong to two pods."""
    request: Cores | None = None
    limit: Cores | None = None

    @model_validator(mode="after")
    def _request_fits(self) -> Self:
        if self.request is not None and self.limit is not None and self.request > self.limit:
            raise ValueError(f"request ({self.request:g}) is larger than limit ({self.limit:g})")
        return self


class Process(Settings):
    """Processes of the machine that the exporter runs on."""

    kind: Literal["process"]
    name: Label = "process"
    """Value of the label ``source`` in the exporter's own metrics."""
    pods: AtLeastOne[ProcessPod]

    @model_validator(mode="after")
    def _pods_differ(self) -> Self:
        once_each("pod", (f"{pod.namespace}/{pod.pod}" for pod in self.pods))
        return self


PodSource: TypeAlias = Process
"""Where pods are looked for; with a second kind this is their union, told apart by ``kind``."""


class PodCpuSettings(ExporterSettings):
    """Settings file of ``python -m exporters pod_cpu``."""

    sources: AtLeastOne[PodSource]

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        once_each("source", (source.name for source in self.sources))
        return self
