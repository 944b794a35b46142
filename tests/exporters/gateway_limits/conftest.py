"""A gateway's pages, served as a test writes them, and a clock that a test moves."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

Serve = Callable[..., AbstractAsyncContextManager[int]]
Page = str | bytes | Response


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


Pages = Callable[[Mapping[str, Page]], AbstractAsyncContextManager[str]]


@pytest.fixture
def pages(serve: Serve) -> Pages:
    """`async with pages({"/metrics": text}) as url`: what is not there is 404; the mapping may change meanwhile."""

    @asynccontextmanager
    async def run(found: Mapping[str, Page]) -> AsyncIterator[str]:
        async def answer(request: Request) -> Response:
            page = found.get(request.url.path)
            if page is None:
                return Response(status_code=404)
            return page if isinstance(page, Response) else PlainTextResponse(page)

        async with serve(Starlette(routes=[Route("/{path:path}", answer)])) as port:
            yield f"http://127.0.0.1:{port}"

    return run


@pytest.fixture
def reading(pages: Pages) -> Callable[..., Any]:
    """`await reading(source, settings, {"/metrics": text}, more)`: one snapshot for each mapping of pages."""

    async def read(
        make: Callable[[Any], Any], settings: Callable[[str], Any], *answers: Mapping[str, Page]
    ) -> list[Any]:
        now: dict[str, Page] = {}
        async with pages(now) as url:
            source = make(settings(url))
            try:
                snapshots = []
                for answer in answers:
                    now.clear()
                    now.update(answer)
                    snapshots.append(await source.read())
                return snapshots
            finally:
                await source.close()

    return read
