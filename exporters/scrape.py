"""What a scrape is answered: the text of the last collections, written once however many ask."""

import asyncio
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, Generic

from fastapi import Request, Response
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

from exporters.collection import Status
from exporters.errors import Reason
from exporters.exporter import Exporter, SettingsT, SnapshotT
from exporters.exposition import CONTENT_TYPE, Exposition
from exporters.family import Family, counter, gauge

LEVEL = 1
"""Of compression: the text is so regular that more work wins little."""

GZIP = zlib.MAX_WBITS | 16


class Scrape(Generic[SettingsT, SnapshotT]):
    """Answers of one exporter. Long texts are written and compressed in a thread: health must be told meanwhile."""

    def __init__(self, exporter: Exporter[SettingsT, SnapshotT], settings: SettingsT) -> None:
        """Nothing is written yet."""
        self._exporter = exporter
        self._settings = settings
        self._exposition = Exposition()
        self._own_process = CollectorRegistry()
        ProcessCollector(registry=self._own_process)
        self._writing = asyncio.Lock()
        self._of: Sequence[Status[SnapshotT]] = ()
        self._text = b""

    async def answer(self, request: Request, statuses: Sequence[Status[SnapshotT]]) -> Response:
        """Tell what `statuses` say, and the process' own use of the machine."""
        async with self._writing:
            # a status is replaced by each collection, never changed
            if len(self._of) != len(statuses) or any(map(_differ, self._of, statuses)):
                self._text = await asyncio.to_thread(self._write, statuses)
                self._of = statuses
            text = self._text + generate_latest(self._own_process)
        headers = {"vary": "accept-encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            text = await asyncio.to_thread(zlib.compress, text, LEVEL, GZIP)
            headers["content-encoding"] = "gzip"
        return Response(text, media_type=CONTENT_TYPE, headers=headers)

    def _write(self, statuses: Sequence[Status[SnapshotT]]) -> bytes:
        return self._exposition.render(all_families(self._exporter, self._settings, statuses))


def _differ(one: object, other: object) -> bool:
    return one is not other


def all_families(
    exporter: Exporter[SettingsT, SnapshotT], settings: SettingsT, statuses: Sequence[Status[SnapshotT]]
) -> Iterable[Family]:
    """Families of what was read, then the exporter's own."""
    snapshots = [status.snapshot for status in statuses if status.snapshot is not None]
    yield from exporter.families(snapshots, settings)
    yield from _own_families(exporter.name, statuses)


def _own_families(name: str, statuses: Sequence[Status[Any]]) -> Iterable[Family]:
    up = gauge(f"{name}_up", "1 when the last collection of the source worked, 0 when it failed.", "source")
    duration = gauge(
        f"{name}_collection_duration_seconds",
        "Time that the last collection of the source took, whether it worked or not.",
        "source",
    )
    success = gauge(
        f"{name}_last_success_timestamp_seconds",
        "Unix time at which the source was last read; absent until it has been.",
        "source",
    )
    failures = counter(
        f"{name}_failures_total",
        "Collections that failed, and parts that were missing from collections that worked (up is 1), by reason.",
        "source",
        "reason",
    )
    for status in statuses:
        if status.attempts:
            up.add([status.source], int(status.error is None))
            duration.add([status.source], status.duration or 0.0)
        if status.last_success is not None:
            success.add([status.source], status.last_success)
        for reason in Reason:
            failures.add([status.source, reason], status.failures.get(reason, 0))
    return up, duration, success, failures
