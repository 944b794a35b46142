"""A router as a process of its own that starts in a moment: forked from a server that has imported everything."""

import asyncio
import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alerting.app import make_app
from alerting.config import RouterSettings
from alerting.pace import Pace
from process.log import configure
from process.serve import serve

PACE = Pace(
    gap=0.05,
    settle=0.4,
    margin=0.6,
    first_wait=0.1,
    longest_wait=0.5,
    dead_retry=1.0,
    poll=0.2,
    posts_per_minute=6000,
    edits_per_minute=6000,
    reads_per_minute=6000,
)
"""Slack's pace twenty times as fast, so that hundreds of runs take minutes."""

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.chaos.life"])


def live(settings: Mapping[str, Any], log: str) -> None:
    """Be a router until killed."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 2)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    configure("router")
    router = RouterSettings.model_validate(settings)
    serve(make_app(router, lambda: datetime.now(UTC), PACE), router.listen)


class Router:
    """One router: started, killed, stopped, and started again."""

    def __init__(self, settings: Mapping[str, Any], log: Path) -> None:
        """Keep how it is started."""
        self._settings = settings
        self._log = log
        self._process: Any = None
        self.stopped = False

    def start(self) -> None:
        """Begin a life."""
        self._process = FORKS.Process(target=live, args=(self._settings, str(self._log)), daemon=True)
        self._process.start()

    @property
    def alive(self) -> bool:
        """Say whether it runs; one that gave up by itself does not."""
        return bool(self._process.is_alive())

    async def kill(self) -> None:
        """End the life at once, whatever it does."""
        self._signal(signal.SIGKILL)
        self.stopped = False
        while self._process.is_alive():
            await asyncio.sleep(0.005)

    def stop(self) -> None:
        """Let it stand still."""
        self.stopped = True
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        self.stopped = False
        self._signal(signal.SIGCONT)

    def limit_files(self, size: int | None) -> None:
        """Let no file of it grow beyond `size` bytes, as on a full disk; None takes the limit away."""
        with suppress(ProcessLookupError):
            limit = resource.RLIM_INFINITY if size is None else size
            resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, number)
