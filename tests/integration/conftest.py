"""A topic of one's own; the gateway between real tokens and an upstream that answers what a test asks for."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

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
