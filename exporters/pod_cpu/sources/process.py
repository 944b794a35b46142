"""Pods that are processes of this machine, found by their command lines."""

import asyncio
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import psutil

from exporters.errors import Reason, SourceError
from exporters.pod_cpu.config import Process, ProcessPod
from exporters.pod_cpu.history import History, Usage, cores
from exporters.pod_cpu.snapshot import Pod, Snapshot, total

WALK_EVERY = 30.0
"""Seconds for which the processes that were found are taken for all there are. Reading a handful of known ones costs a
hundredth of a walk over every process; a child started meanwhile counts from the walk that finds it."""

Found = Mapping[ProcessPod, list[psutil.Process]]


class ProcessId(NamedTuple):
    """One process of a pod: the kernel gives a pid again, but not with the same start."""

    pod: ProcessPod
    pid: int
    started: float
    """Unix time."""


class ProcessSource:
    """Processes of this machine, seen through psutil."""

    def __init__(self, settings: Process, clock: Callable[[], float] = time.monotonic) -> None:
        """Look at nothing yet; `clock` gives seconds and never jumps."""
        self._pods = settings.pods
        self._clock = clock
        self._walked = float("-inf")
        self._found: Found = {}
        self._cores: History[ProcessId, Usage, float | None] = History(cores)
        self._busy = threading.Lock()

    async def close(self) -> None:
        """Nothing is held open."""

    async def read(self) -> Snapshot:
        """Measure each pod.

        In a thread, for the kernel can hold a read of /proc for as long as a process's memory is locked.
        Raises SourceError when a read that the deadline gave up on still has not ended.
        """
        return await asyncio.to_thread(self._read)

    def _read(self) -> Snapshot:
        if not self._busy.acquire(blocking=False):
            raise SourceError(Reason.TIMEOUT, "the read before this one still waits for /proc")
        try:
            return self._measure()
        finally:
            self._busy.release()

    def _measure(self) -> Snapshot:
        samples = {pod: self._sample(pod) for pod in self._pods}
        gone = any(len(sample) < len(self._found.get(pod, [])) or not sample for pod, sample in samples.items())
        if gone or self._clock() - self._walked >= WALK_EVERY:
            self._found = find(self._pods)
            self._walked = self._clock()
            samples = {pod: self._sample(pod) for pod in self._pods}
        # only processes that are in both readings count: a restarted pod has no usage yet, never a negative one, and a
        # child that ended takes its last part of an interval with it
        rates = self._cores.rates({key: usage for sample in samples.values() for key, usage in sample.items()})
        return Snapshot(
            tuple(
                Pod(pod.namespace, pod.pod, pod.workload, total(map(rates.get, sample)), pod.request, pod.limit)
                for pod, sample in samples.items()
                if sample
            )
        )

    def _sample(self, pod: ProcessPod) -> dict[ProcessId, Usage]:
        used = {}
        for process in self._found.get(pod, ()):
            if (seconds := cpu_seconds(process)) is not None:
                used[ProcessId(pod, process.pid, process.create_time())] = seconds
        at = self._clock()
        return {key: Usage(at, seconds) for key, seconds in used.items()}


def cpu_seconds(process: psutil.Process) -> float | None:
    """User and system time of `process`, None when it has ended (a zombie has)."""
    try:
        with process.oneshot():
            if process.status() == psutil.STATUS_ZOMBIE or not process.is_running():
                return None
            times = process.cpu_times()
    except psutil.NoSuchProcess:
        return None
    return float(times.user + times.system)


def find(pods: Iterable[ProcessPod]) -> Found:
    """Walk over all processes once: those whose command line matches, and their descendants."""
    commands: dict[psutil.Process, str] = {}
    children: dict[int, list[psutil.Process]] = {}
    for process in psutil.process_iter():
        try:
            commands[process] = " ".join(process.cmdline())
            children.setdefault(process.ppid(), []).append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return {pod: _family(pod.command, commands, children) for pod in pods}


def _family(
    pattern: str, commands: Mapping[psutil.Process, str], children: Mapping[int, list[psutil.Process]]
) -> list[psutil.Process]:
    waiting = [process for process, command in commands.items() if re.search(pattern, command)]
    family: dict[psutil.Process, None] = {}
    while waiting:
        process = waiting.pop()
        if process not in family:
            family[process] = None
            waiting += children.get(process.pid, [])
    return list(family)
