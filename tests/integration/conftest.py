"""A topic of one's own; the gateway between real tokens and an upstream that answers what a test asks for; others."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from compose.native import tools
from compose.native.stack import Stack
from tests.integration.clients import make_topic


@pytest.fixture
async def topic(kafka: Any) -> str:
    """A new topic with three partitions."""
    return await make_topic(kafka)


@dataclass(frozen=True)
class Gateway:
    """Envoy with the project's configuration, the users service behind it, and a stand-in for orders.

    The stand-in answers ``/orders/<code>`` with that status and anything else with 200 and the headers that it got.
    """

    stack: Stack

    @property
    def edge(self) -> str:
        """URL that callers use."""
        return f"http://{self.stack.book['edge']}"

    @property
    def admin(self) -> str:
        """URL of the admin interface."""
        return f"http://{self.stack.book['edge_admin']}"

    async def token(self, client: httpx.AsyncClient, user: str) -> str:
        """Log in through the gateway."""
        response = await client.post(f"{self.edge}/login", json={"user": user, "password": "demo"})
        response.raise_for_status()
        return str(response.json()["access_token"])

    async def headers(self, client: httpx.AsyncClient, user: str) -> dict[str, str]:
        """What a logged-in caller sends."""
        return {"authorization": f"Bearer {await self.token(client, user)}"}


async def _answer(request: Request) -> Response:
    code = request.path_params.get("code")
    if code is not None:
        return Response(status_code=int(code))
    return JSONResponse(dict(request.headers))


@pytest.fixture(scope="session")
def gateway_parts(parts: Callable[..., AbstractContextManager[Stack]]) -> Iterator[Stack]:
    """Envoy and users, ready."""
    with parts("envoy", "users") as stack:
        yield stack


@pytest.fixture(scope="session")
async def gateway(
    gateway_parts: Stack, serve: Callable[..., AbstractAsyncContextManager[int]]
) -> AsyncIterator[Gateway]:
    """The gateway, with the stand-in on the port of orders."""
    routes = [
        Route("/orders/{code:int}", _answer, methods=["GET", "POST"]),
        Route("/{rest:path}", _answer, methods=["GET", "POST"]),
    ]
    async with serve(Starlette(routes=routes), port=int(gateway_parts.book["orders_port"])):
        yield Gateway(gateway_parts)


@pytest.fixture(scope="session")
async def upstream(serve: Callable[..., AbstractAsyncContextManager[int]]) -> AsyncIterator[int]:
    """Port of a service that answers ``…/<code>`` with that status and anything else with 200."""
    routes = [Route("/{before:path}/{code:int}", _answer), Route("/{rest:path}", _answer)]
    async with serve(Starlette(routes=routes)) as port:
        yield port


@dataclass(frozen=True)
class Program:
    """A gateway that a test started, or what it needs."""

    process: asyncio.subprocess.Process
    url: str


Programs = Callable[..., AbstractAsyncContextManager[Program]]


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    """`async with programs(command, port) as program`: it listens there, and has ended afterwards."""

    @asynccontextmanager
    async def run(command: Sequence[str], port: int, seconds: float = 20) -> AsyncIterator[Program]:
        log = tmp_path / f"{port}.log"
        environment = {**os.environ, "LD_LIBRARY_PATH": str(tools.LIBRARIES)}
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, cwd=tmp_path, env=environment
            )
        try:
            try:
                await asyncio.wait_for(_listens(process, port), seconds)
            except (TimeoutError, ProcessLookupError) as error:
                pytest.fail(f"{command[0]}: {error or 'does not listen'}:\n{log.read_text()[-2000:]}")
            yield Program(process, f"http://127.0.0.1:{port}")
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()

    return run


async def _listens(process: asyncio.subprocess.Process, port: int) -> None:
    while not await _listening(port):
        if process.returncode is not None:
            raise ProcessLookupError(f"ended with {process.returncode}")
        await asyncio.sleep(0.05)


async def _listening(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


@pytest.fixture
def port(unused_tcp_port: int) -> int:
    """A free port."""
    return unused_tcp_port
