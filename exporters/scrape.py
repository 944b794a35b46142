"""What a scrape is answered: the text of the last collections, written once however many ask."""

import asyncio
import re
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

GZIP_TAKEN = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))")
"""In Accept-Encoding, where a weight of 0 refuses (RFC 9110, 12.4.2)."""


class Scrape(Generic[SettingsT, SnapshotT]):
    """Answers of one exporter. A long text is written in a thread, for health must be told meanwhile.

    It is compressed piece by piece and never whole in memory, where it would take ten times as much; who does not take
    gzip, which Prometheus does, has it unpacked.
    """

    def __init__(self, exporter: Exporter[SettingsT, SnapshotT], settings: SettingsT) -> None:
        """Nothing is written yet."""
        self._exporter = exporter
        self._settings = settings
        self._exposition = Exposition()
        self._own_process = CollectorRegistry()
        ProcessCollector(registry=self._own_process)
        self._writing = asyncio.Lock()
        self._of: Sequence[Status[SnapshotT]] = ()
        self._written = b""
        self._going_on = _compressor()
        """What has compressed all that is written, ready for more."""

    async def answer(self, request: Request, statuses: Sequence[Status[SnapshotT]]) -> Response:
        """Tell what `statuses` say, and the process' own use of the machine."""
        async with self._writing:
            # a status is replaced by each collection, never changed
            if len(self._of) != len(statuses) or any(map(_differ, self._of, statuses)):
                await asyncio.to_thread(self._write, statuses)
                self._of = statuses
            end = self._going_on.copy()
            compressed = self._written + end.compress(generate_latest(self._own_process)) + end.flush()
        headers = {"vary": "accept-encoding"}
        if GZIP_TAKEN.search(request.headers.get("accept-encoding", "")):
            headers["content-encoding"] = "gzip"
            return Response(compressed, media_type=CONTENT_TYPE, headers=headers)
        text = await asyncio.to_thread(zlib.decompress, compressed, GZIP)
        return Response(text, media_type=CONTENT_TYPE, headers=headers)

    def _write(self, statuses: Sequence[Status[SnapshotT]]) -> None:
        going_on = _compressor()
        families = all_families(self._exporter, self._settings, statuses)
        self._written = b"".join([going_on.compress(piece) for piece in self._exposition.write(families)])
        self._going_on = going_on


def _compressor() -> "zlib._Compress":
    return zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)


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
