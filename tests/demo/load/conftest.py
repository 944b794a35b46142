"""The small server that stands for the gateway and the services, and what the tests of the load share."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from opentelemetry.trace import Tracer

from demo.load.scenario import Stream
from demo.telemetry import tracing
from tests.demo.load.stub import MakeStream, Stub, Until, bound, serving


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    """A gateway that answers, with its services behind the same address."""
    async with serving(bound()) as running:
        yield running


@pytest.fixture
def nobody() -> str:
    """The URL of a port that nobody listens on."""
    with bound() as address:
        return f"http://127.0.0.1:{address.getsockname()[1]}"


@pytest.fixture
def tracer() -> Tracer:
    """A tracer whose spans go nowhere."""
    return tracing("load", {}).get_tracer("tests")


@pytest.fixture
def stream() -> MakeStream:
    """Make a stream: ``stream("order", client="alice", rate=1)``."""

    def make(request: str = "order", client: str = "alice", rate: float = 1.0) -> Stream:
        return Stream.model_validate({"client": client, "request": request, "rate": rate})

    return make


@pytest.fixture
def until() -> Until:
    """``await until(lambda: …)`` looks every 10 ms for at most 10 s: for what another process or a server does."""

    async def wait(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.01)

    return wait
