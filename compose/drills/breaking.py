"""Ways to break something. Each mends it again at the end of its block, whatever happens meanwhile."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from compose.drills import cgroups
from compose.native import process
from compose.native.stack import Stack

TIMEOUT = 5.0
RESTART_SECONDS = 60.0

ASKS_LIMITER = "ratelimit.http_filter_enabled"
"""Envoy's runtime key: the share of requests, in percent, for which its global rate limit filter asks the service."""

EVER = 1_000_000
"""More calls than a drill lasts."""


class Breakage(Protocol):
    """Something that can be broken; as text, a sentence about what is so while it is."""

    def prevented(self, stack: Stack) -> str | None:
        """Say why this can't be done here, or None."""

    def broken(self, stack: Stack) -> AbstractContextManager[None]:
        """Break it for the length of a block."""


@dataclass(frozen=True)
class Scenario:
    """A scenario of the load generator, which breaks services from within."""

    name: str

    def __str__(self) -> str:
        """Say it for people."""
        return f"scenario {self.name} plays"

    def prevented(self, stack: Stack) -> str | None:
        """Nothing is needed but the load generator."""
        return None

    @contextmanager
    def broken(self, stack: Stack) -> Iterator[None]:
        """Play it, then steady load again; what it broke is mended by the load generator."""
        url = f"http://{stack.book['load']}/scenario"
        try:
            _ask("PUT", url, json={"name": self.name})
            yield
        finally:
            _ask("DELETE", url)


@dataclass(frozen=True)
class Stopped:
    """A part of the stack that does not run."""

    part: str

    def __str__(self) -> str:
        """Say it for people."""
        return f"{self.part} is stopped"

    def prevented(self, stack: Stack) -> str | None:
        """Only what this stack runs can be stopped."""
        return _absent(self.part, stack)

    @contextmanager
    def broken(self, stack: Stack) -> Iterator[None]:
        """End its process, then start it again as it was and wait until it is ready."""
        part = next(part for part in stack.parts if part.name == self.part)
        try:
            stack.stop_part(part)
            yield
        finally:
            stack.start_part(part)
            stack.wait_for(part, RESTART_SECONDS)


@dataclass(frozen=True)
class LimiterGone:
    """A gateway that asks a rate limit service which does not answer, and lets everything pass then."""

    def __str__(self) -> str:
        """Say it for people."""
        return "the gateway's rate limit service does not answer"

    def prevented(self, stack: Stack) -> str | None:
        """Envoy's runtime is always there."""
        return None

    @contextmanager
    def broken(self, stack: Stack) -> Iterator[None]:
        """Let Envoy ask for each request; nobody listens where it asks (compose/envoy/envoy.yaml)."""
        url = f"http://{stack.book['edge_admin']}/runtime_modify"
        try:
            _ask("POST", url, params={ASKS_LIMITER: "100"})
            yield
        finally:
            _ask("POST", url, params={ASKS_LIMITER: "0"})


@dataclass(frozen=True)
class SlackFails:
    """A Slack that can be read and not written: each post and each edit is answered 500."""

    def __str__(self) -> str:
        """Say it for people."""
        return "Slack refuses every post and edit"

    def prevented(self, stack: Stack) -> str | None:
        """Only the demo's workspace takes orders to fail."""
        return (
            "the real Slack can't be told to fail; this needs the demo's workspace" if stack.book.real_slack else None
        )

    @contextmanager
    def broken(self, stack: Stack) -> Iterator[None]:
        """Order the failures, then forget them."""
        url = f"http://{stack.book['slack']}/faults"
        try:
            for method in ("chat.postMessage", "chat.update"):
                _ask("POST", url, json={"method": method, "kind": "http_500", "times": EVER})
            yield
        finally:
            _ask("DELETE", url)


@dataclass(frozen=True)
class Limited:
    """A part in a control group that may use `cores`, as a container with a CPU limit is."""

    part: str
    cores: float

    def __str__(self) -> str:
        """Say it for people."""
        return f"{self.part} may use {self.cores:g} cores"

    def prevented(self, stack: Stack) -> str | None:
        """The kernel must let us make a group, and must tell how long its tasks wait."""
        return _absent(self.part, stack) or cgroups.prevented()

    @contextmanager
    def broken(self, stack: Stack) -> Iterator[None]:
        """Move the part's process there, then back to where it was; the group is removed."""
        pid = stack.running()[self.part].pid
        with cgroups.limited(f"bongsu-{stack.book['console_port']}/{self.part}", pid, self.cores):
            yield


@contextmanager
def all_of(breakages: tuple[Breakage, ...], stack: Stack) -> Iterator[None]:
    """Break one after the other, and mend them in the opposite order, also when somebody presses Ctrl-C twice."""
    with ExitStack() as stacked:
        try:
            for breakage in breakages:
                stacked.enter_context(breakage.broken(stack))
            yield
        finally:
            with process.undisturbed():
                stacked.close()


def _absent(part: str, stack: Stack) -> str | None:
    return None if part in stack.running() else f"this stack runs no {part}; `make status` shows its parts"


def _ask(method: str, url: str, **arguments: Any) -> None:
    httpx.request(method, url, timeout=TIMEOUT, trust_env=False, **arguments).raise_for_status()
