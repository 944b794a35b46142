"""Which pods there are: a list once, then a watch of what changes.

https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes: the list comes in pages,
the watch goes on from the version of the last event or bookmark, and when the server no longer has that version (410)
the list is asked for again.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from exporters.errors import Reason, SourceError
from exporters.pod_cpu.http import StatusError
from exporters.pod_cpu.sources.kubernetes.api import Api
from exporters.pod_cpu.sources.kubernetes.objects import PodId, PodSpec, pod
from exporters.shard import WHOLE, Shard

PATH = "/api/v1/pods"
PAGE = 250
"""Pods of one answer: a few megabytes of JSON, which are read while nothing else goes on."""

WATCH = 240
"""Seconds after which the server ends a watch, and it is begun anew where it was."""

SILENCE = WATCH + 30.0
"""Seconds without a byte after which a watch is taken for dead."""

PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds before the next watch or list, doubled with each that fails."""

GONE = 410


class Pods:
    """The pods of a cluster, or of some of its nodes, kept up to date in the background."""

    def __init__(self, api: Api, shard: Shard = WHOLE, pause: float = PAUSE, silence: float = SILENCE) -> None:
        """Nothing is asked yet. Pods of nodes that are not of the `shard` are not kept."""
        self._api = api
        self._shard = shard
        self._pause = pause
        self._silence = silence
        self._known: dict[PodId, PodSpec] | None = None
        self._version: str | None = None
        self._strange: dict[str, SourceError] = {}
        self._error: SourceError | None = None
        self._tried = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Stop."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def known(self) -> Mapping[PodId, PodSpec]:
        """Give the pods, beginning to look on the first call; raises SourceError when there was no whole list yet.

        While the API server is away, the last that was known of its pods holds: `problems` says so.
        """
        if self._task and self._task.done():
            ended, self._task = self._task, None
            ended.result()  # a mistake of ours: raised once, and begun anew the next time
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="pods")
        await self._tried.wait()
        if self._known is None:
            raise self._error or SourceError(Reason.INTERNAL, "no list of pods, and no error")
        return self._known

    @property
    def problems(self) -> tuple[SourceError, ...]:
        """What is wrong now."""
        return (*((self._error,) if self._error else ()), *self._strange.values())

    async def _run(self) -> None:
        pause = self._pause
        while True:
            try:
                if self._version is None:
                    await self._list()
                await self._watch()
                pause = self._pause
                await asyncio.sleep(pause)
            except SourceError as error:
                self._error = error
                if error.reason is Reason.INVALID_ANSWER:  # what comes after it would say nothing without it
                    self._version = None
                self._tried.set()
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    async def _list(self) -> None:
        """Ask for all pods, page by page, and take them for all there are."""
        known: dict[PodId, PodSpec] = {}
        self._strange.clear()
        page = {"limit": str(PAGE)}
        while True:
            answered = await self._api.get(PATH, page)
            try:
                for item in answered["items"] or ():
                    self._take(known, item)
                version, further = answered["metadata"]["resourceVersion"], answered["metadata"].get("continue")
            except (KeyError, TypeError, AttributeError) as error:
                raise SourceError(Reason.INVALID_ANSWER, f"{PATH}: not a list of pods: {error!r}") from error
            if not further:
                break
            page["continue"] = further
        self._known, self._version, self._error = known, version, None
        self._tried.set()

    async def _watch(self) -> None:
        """Follow what changes until the server ends the watch, which it does as a matter of course."""
        parameters = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH),
            "resourceVersion": self._version or "",
        }
        try:
            async with self._api.watch(PATH, parameters, self._silence) as events:
                self._error = None
                async for event in events:
                    self._apply(event)
        except StatusError as error:
            if error.status != GONE:
                raise
            self._version = None

    def _apply(self, event: Any) -> None:
        assert self._known is not None
        try:
            kind, item = event["type"], event["object"]
            if kind == "ERROR":
                raise StatusError(item.get("code", 500), PATH, str(item.get("message", "")).encode())
            self._version = item["metadata"]["resourceVersion"]
            if kind == "DELETED":
                gone = PodId(item["metadata"]["namespace"], item["metadata"]["name"])
                self._known.pop(gone, None)
                self._strange.pop("/".join(gone), None)
            elif kind in ("ADDED", "MODIFIED"):
                self._take(self._known, item)
        except (KeyError, TypeError, AttributeError) as error:
            raise SourceError(Reason.INVALID_ANSWER, f"{PATH}: not an event of a watch: {error!r}") from error

    def _take(self, known: dict[PodId, PodSpec], item: Any) -> None:
        """Keep a pod if it is ours. One that can't be understood is a problem, and costs no other pod anything."""
        try:
            found = pod(item)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            metadata = item.get("metadata") or {}
            name = f"{metadata.get('namespace')}/{metadata.get('name')}"
            self._strange[name] = SourceError(Reason.INVALID_ANSWER, f"pod {name}: not a Pod object: {error!r}")
            return
        self._strange.pop("/".join(found.id), None)
        if self._shard == WHOLE or (found.node and self._shard.owns(found.node)):
            known[found.id] = found
