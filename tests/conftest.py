"""What every test has: a clean environment, golden files, and the parts of the native stack on free ports."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.async_api import Browser, async_playwright

from compose.addresses import OFFSETS, native
from compose.native import tools
from compose.native.parts import PARTS
from compose.native.stack import Stack, StackError, free
from tests.postgresql import PostgreSQL, running

# programs unpacked from Debian's packages are found by name, as on a machine that has them installed
os.environ["PATH"] = os.pathsep.join((os.environ["PATH"], str(tools.UNPACKED / "usr/bin")))


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest --golden` rewrites the golden files instead of comparing with them."""
    parser.addoption("--golden", action="store_true", help="rewrite golden files from what the code makes now")


@pytest.fixture(autouse=True)
def clean_environment() -> Iterator[None]:
    """No setting of the person's shell reaches a test."""
    kept = dict(os.environ)
    for name in list(os.environ):
        if name.startswith(("BONGSU_", "SLACK_", "OTEL_", "PG")):
            del os.environ[name]
    yield
    os.environ.clear()
    os.environ.update(kept)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """``golden("name.txt", text)`` compares text with the file beside the test, or rewrites it under --golden."""
    folder = Path(request.path).parent / "golden"

    def compare(name: str, text: str) -> None:
        path = folder / name
        if request.config.getoption("--golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"{path.name} differs: look, then rewrite with pytest --golden"

    return compare


def free_port_base() -> int:
    """A port base on which every part of the stack finds its ports free."""
    for base in random.Random().sample(range(20000, 31500, 500), 23):
        if all(free(f"127.0.0.1:{base + offset}") for offset in OFFSETS.values()):
            return base
    raise RuntimeError("no 500 free ports between 20000 and 32000")


@pytest.fixture(scope="session")
def port_base() -> Callable[[], int]:
    """``port_base()`` finds room for another stack."""
    return free_port_base


Parts = Callable[..., AbstractContextManager[Stack]]


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """Run some parts only: `with parts("kafka", "orders") as stack`, ready, on free ports, ended afterwards."""

    @contextmanager
    def run(*names: str, otlp: str | None = None) -> Iterator[Stack]:
        home = tmp_path_factory.mktemp("-".join(names)[:40])
        stack = Stack(home, native(home, free_port_base(), otlp), [part for part in PARTS if part.name in names])
        try:
            stack.start()
            for _ in stack.wait():
                pass
            yield stack
        except StackError as error:
            pytest.fail(str(error))
        finally:
            stack.stop()

    return run


@dataclass(frozen=True)
class Broker:
    """A real Apache Kafka that a test can stop and start again on the same port, with its data."""

    stack: Stack

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients."""
        return self.stack.book["kafka"]

    def stop(self) -> None:
        """End the broker; its port is closed when this returns."""
        self.stack.stop()

    def start(self) -> None:
        """Start it again and return when the port answers."""
        self.stack.start_part(self.stack.parts[0])
        for _ in self.stack.wait():
            pass


@pytest.fixture(scope="session")
def kafka(parts: Parts) -> Iterator[Broker]:
    """One Apache Kafka for all tests of the session; a test that stops it starts it again."""
    with parts("kafka") as stack:
        yield Broker(stack)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """One PostgreSQL for all tests of the session; each makes databases of its own."""
    with running() as server:
        yield server


Served = Callable[..., AbstractAsyncContextManager[int]]


@pytest.fixture(scope="session")
def serve() -> Served:
    """Serve an application on loopback: `async with serve(application) as port`."""

    @asynccontextmanager
    async def run(application: Any, port: int = 0) -> AsyncIterator[int]:
        server = uvicorn.Server(
            uvicorn.Config(application, host="127.0.0.1", port=port, log_config=None, lifespan="off")
        )
        serving = asyncio.create_task(server.serve())
        async with asyncio.timeout(10):
            while not server.started:
                await asyncio.sleep(0.02)
        try:
            yield server.servers[0].sockets[0].getsockname()[1]
        finally:
            server.should_exit = True
            await serving

    return run


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium, headless; each test opens pages of its own."""
    async with async_playwright() as playwright:
        program = tools.chromium()
        running = await playwright.chromium.launch(executable_path=program, args=tools.CHROMIUM_FLAGS)
        yield running
        await running.close()
