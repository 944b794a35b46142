"""The state of every process of the stack.

Natively from the records that ``bongsu status`` reads. In containers no process sees those of the others: there
Prometheus says what it scraped, and what it does not scrape is not known.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from compose.native import process
from compose.native.parts import PARTS
from compose.native.process import RecordError
from compose.native.stack import Stack, Status
from demo.console.series import Series
from demo.console.shared import Shared

State = Literal["ready", "starting", "stopped", "scraped", "down", "not known"]

SICK: tuple[State, ...] = ("stopped", "down")

CORES = "sum by (part) (rate(process_cpu_seconds_total[1m]))"
MEMORY = "sum by (part) (process_resident_memory_bytes)"


class ProcessesError(Exception):
    """The processes can't be looked at; ``str()`` is the sentence for the page."""


@dataclass(frozen=True)
class Process:
    """One process: CPU in cores, memory in bytes; None is what can't be known of it.

    `log` is where its output goes, `end` the last lines of it when the process has ended.
    """

    name: str
    what: str
    state: State
    pid: int | None = None
    cores: float | None = None
    memory: float | None = None
    log: str = ""
    end: str = ""


class Processes:
    """Looks at the processes of a native stack."""

    def __init__(self, stack: Stack) -> None:
        """Nothing is looked at yet."""
        self._stack = stack
        self._looked = Shared(self._look)

    async def state(self) -> tuple[Process, ...]:
        """Every part of the stack, as it is now. Raises ProcessesError."""
        return await self._looked.get()

    async def _look(self) -> tuple[Process, ...]:
        try:
            # a thread: CPU is measured over a second, and each part is asked whether it is ready
            return tuple(map(_process, await asyncio.to_thread(self._stack.status)))
        except RecordError as error:
            raise ProcessesError(str(error)) from error
        except OSError as error:
            raise ProcessesError(f"{self._stack.run} can't be read: {error.strerror}.") from error


def scraped(up: Sequence[Series], cores: Sequence[Series], memory: Sequence[Series]) -> tuple[Process, ...]:
    """Say of each part what Prometheus knows, from its answers to ``up``, CORES and MEMORY."""
    states, used, held = _by_part(up), _by_part(cores), _by_part(memory)
    return tuple(
        Process(
            part.name,
            part.what,
            "not known" if part.name not in states else "scraped" if states[part.name] else "down",
            cores=used.get(part.name),
            memory=held.get(part.name),
        )
        for part in PARTS
    )


def summary(processes: Sequence[Process]) -> str:
    """Say in a few words how they are, the sick by name."""
    if sick := [one for one in processes if one.state in SICK]:
        return f"{', '.join(one.name for one in sick)} {'is' if len(sick) == 1 else 'are'} not running"
    if waiting := [one.name for one in processes if one.state == "starting"]:
        return f"{', '.join(waiting)} not ready"
    well = sum(one.state in ("ready", "scraped") for one in processes)
    return f"{well} of {len(processes)} processes {'ready' if processes[0].state == 'ready' else 'scraped'}"


def _process(status: Status) -> Process:
    part, log = status.part, str(status.log)
    if status.pid is None:
        return Process(part.name, part.what, "stopped", log=log, end=process.tail(status.log))
    state: State = "ready" if status.state == "ready" else "starting"
    return Process(part.name, part.what, state, status.pid, status.cores, status.memory, log)


def _by_part(answers: Sequence[Series]) -> Mapping[str, float]:
    return {part: one.points[-1][1] for one in answers if (part := one.labels.get("part"))}
