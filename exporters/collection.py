"""One source, collected on its own clock: what is known of it, and its log lines."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Generic

import structlog

from exporters.errors import Reason, SourceError
from exporters.exporter import SnapshotT, Source

log = structlog.get_logger()


@dataclass(frozen=True)
class Status(Generic[SnapshotT]):
    """What the last collection of a source left behind."""

    source: str
    snapshot: SnapshotT | None = None
    """None while the source is down: its series leave with it, nothing is frozen."""
    error: SourceError | None = None
    attempts: int = 0
    duration: float | None = None
    """Seconds that the last attempt took, whether it worked or not."""
    last_success: float | None = None
    """Unix time."""
    failures: Mapping[Reason, int] = field(default_factory=dict)
    last_problem: tuple[float, SourceError] | None = None
    """Unix time and one problem of the last collection that had any; kept after the source has recovered."""

    @property
    def problems(self) -> tuple[SourceError, ...]:
        """All that is wrong: the error of a source that is down, or the missing parts of one that is up."""
        if self.error:
            return (self.error,)
        return self.snapshot.problems if self.snapshot else ()


class Collection(Generic[SnapshotT]):
    """Reads one source every `interval` seconds, for `timeout` seconds at most, and keeps its status."""

    def __init__(
        self,
        name: str,
        source: Source[SnapshotT],
        interval: float,
        timeout: float,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is read yet; `now` gives Unix time, `clock` seconds that never jump."""
        self.status: Status[SnapshotT] = Status(name)
        self._source = source
        self._interval = interval
        self._timeout = timeout
        self._now = now
        self._clock = clock

    async def run(self) -> None:
        """Collect until cancelled; no error of the source ends it."""
        while True:
            started = self._clock()
            await self.collect()
            await asyncio.sleep(max(0.0, started + self._interval - self._clock()))

    async def collect(self) -> None:
        """Read once, keep what came of it, and log when that differs from the time before."""
        started = self._clock()
        snapshot, error = await self._read()
        before = self.status
        now = self._now()
        after = replace(
            before,
            snapshot=snapshot,
            error=error,
            attempts=before.attempts + 1,
            duration=self._clock() - started,
            last_success=before.last_success if error else now,
        )
        self.status = replace(
            after,
            failures=Counter(before.failures) + Counter(problem.reason for problem in after.problems),
            last_problem=(now, after.problems[0]) if after.problems else before.last_problem,
        )
        self._log_change(before)

    async def close(self) -> None:
        """Close the source; one that will not close is left to the end of the process."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._source.close()
        except Exception as error:
            log.warning("source did not close", source=self.status.source, error=repr(error))

    async def _read(self) -> tuple[SnapshotT | None, SourceError | None]:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._source.read(), None
        except SourceError as error:
            return None, error
        except TimeoutError:
            return None, SourceError(Reason.TIMEOUT, f"not read within {self._timeout:g} s")
        except Exception as error:
            message = f"{type(error).__name__}: {error}"
            if self.status.error is None or self.status.error.message != message:
                log.exception("source raised what it must not raise", source=self.status.source)
            return None, SourceError(Reason.INTERNAL, message)

    def _log_change(self, before: Status[SnapshotT]) -> None:
        if before.attempts and _signature(before) == _signature(self.status):
            return
        bound = log.bind(source=self.status.source)
        if self.status.error:
            bound.warning("source down", reason=str(self.status.error.reason), error=self.status.error.message)
        elif self.status.problems:
            parts = [f"{problem.reason}: {problem.message}" for problem in self.status.problems]
            bound.warning("source partly read", problems=parts[:10], count=len(parts))
        else:
            bound.info("source up")


def _signature(status: Status[SnapshotT]) -> tuple[bool, frozenset[tuple[Reason, str]]]:
    return status.error is None, frozenset((problem.reason, problem.message) for problem in status.problems)
