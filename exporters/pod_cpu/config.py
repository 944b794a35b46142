"""Settings of the pod_cpu exporter."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from exporters.exporter import ExporterSettings
from exporters.shard import WHOLE, ShardSetting
from process.settings import KIND, AtLeastOne, Pattern, Settings, once_each


def _selects(pattern: str) -> str:
    if re.search(pattern, ""):
        raise ValueError(f"{pattern!r} matches every process, even one with an empty command line")
    return pattern


Label = Annotated[str, Field(min_length=1)]
Command = Annotated[Pattern, AfterValidator(_selects)]
Cores = Annotated[float, Field(gt=0)]
Ratio = Annotated[float, Field(gt=0)]
Port = Annotated[int, Field(gt=0, lt=65536)]


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


class CgroupPod(Settings):
    r"""Pods that are control groups; ``\1`` in a label stands for the first group of ``path``, and so on."""

    path: Pattern
    """Must match a control group's whole path below the root, as ``system\\.slice/([^/]+)\\.service``."""
    namespace: Label
    pod: Label
    workload: Label
    request: Cores | None = None

    @model_validator(mode="after")
    def _groups_exist(self) -> Self:
        groups = re.compile(self.path).groups
        for name in ("namespace", "pod", "workload"):
            for number in re.findall(r"\\(\d+)", getattr(self, name)):
                if int(number) > groups:
                    raise ValueError(f"{name} holds \\{number}, and path has {groups} groups")
        return self


class Cgroup(Settings):
    """Control groups of the machine, version 1 or 2."""

    kind: Literal["cgroup"]
    name: Label = "cgroup"
    root: Path = Path("/sys/fs/cgroup")
    pods: AtLeastOne[CgroupPod]
    """The first whose path matches is it."""


class Docker(Settings):
    """Containers of a Docker Engine."""

    kind: Literal["docker"]
    name: Label = "docker"
    socket: Path = Path("/var/run/docker.sock")
    namespace: Label = "docker"
    """Of containers that belong to no Compose project and no Swarm stack."""


class Kubernetes(Settings):
    """A Kubernetes cluster: pods from its API server, CPU from its kubelets."""

    kind: Literal["kubernetes"]
    name: Label = "kubernetes"
    kubeconfig: Path | None = None
    """None: the service account of the pod that the exporter runs in."""
    context: Label | None = None
    """None: the one that the kubeconfig calls current."""
    usage: Literal["kubelet", "metrics.k8s.io"] = "kubelet"
    kubelet_port: Port = 10250
    kubelet_insecure_tls: bool = False
    """Many kubelets serve with a certificate that they have signed themselves."""
    shard: ShardSetting = WHOLE
    """Which of the nodes are this exporter's."""

    @model_validator(mode="after")
    def _context_fits(self) -> Self:
        if self.context is not None and self.kubeconfig is None:
            raise ValueError("context is one of a kubeconfig, and none is named")
        return self


PodSource: TypeAlias = Annotated[Process | Cgroup | Docker | Kubernetes, Field(discriminator=KIND)]
"""Where pods are looked for."""


class PodCpuSettings(ExporterSettings):
    """Settings file of ``python -m exporters pod_cpu``."""

    containers: bool = False
    """Tell of single containers too, under names of their own."""
    autoscaler_target: Ratio | None = None
    """Average usage / request that an autoscaler would keep; with it, its verdict is told."""
    sources: AtLeastOne[PodSource]

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        once_each("source", (source.name for source in self.sources))
        if self.sharded and self.autoscaler_target is not None:
            raise ValueError("autoscaler_target needs all pods of a workload, and a shard has those of its nodes only")
        return self

    @property
    def sharded(self) -> bool:
        """Whether pods of a workload may be another exporter's."""
        return any(source.kind == "kubernetes" and source.shard.of > 1 for source in self.sources)
