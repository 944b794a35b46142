"""The pages that people see: channels as Slack shows them. It says what it is: a workspace for demos, not Slack."""

import secrets
from pathlib import Path
from typing import Literal

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from demo.slack import view
from demo.slack.errors import SlackError
from demo.slack.workspace import Channel, Workspace

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' http: https:; base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}

PICTURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
"""First bytes of the files that are shown; all others are only offered for download."""


def router(workspace: Workspace) -> APIRouter:
    """Return the routes of the pages; the live part is polled and answered 304 while nothing changes."""
    routes = APIRouter(include_in_schema=False)
    articles = view.Articles(workspace.names())
    start = secrets.token_hex(4)

    def version() -> str:
        return f'W/"{start}-{workspace.revision}"'

    @routes.get("/")
    async def first() -> Response:
        name = next(iter(workspace.channels.values())).name
        return RedirectResponse(f"/channels/{name}", status_code=307)

    @routes.get("/channels/{name}")
    async def channel_page(
        name: str, embed: bool = False, theme: Literal["auto", "light", "dark"] = "auto"
    ) -> Response:
        channel = _named(workspace, name)
        html = view.page(workspace, channel, articles.html(channel), embed=embed, theme=theme, version=version())
        return HTMLResponse(html, headers=HEADERS)

    @routes.get("/channels/{name}/messages")
    async def live(name: str, request: Request) -> Response:
        channel = _named(workspace, name)
        headers = {**HEADERS, "etag": version()}
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        posted = {one.name: one.posted for one in workspace.channels.values()}
        return JSONResponse({"html": articles.html(channel), "posted": posted}, headers=headers)

    @routes.get("/archives/{channel_id}/p{digits}")
    async def permalink(channel_id: str, digits: str) -> Response:
        channel = workspace.channels.get(channel_id)
        if channel is None or not digits.isdecimal():
            raise HTTPException(404, "there is no such message")
        return RedirectResponse(f"/channels/{channel.name}#m{digits[:-6]}.{digits[-6:]}", status_code=307)

    @routes.get("/files/{file_id}")
    async def content(file_id: str) -> Response:
        file = workspace.files.get(file_id)
        if file is None or file.data is None or not file.channels:
            raise HTTPException(404, "there is no such file")
        kind = next((kind for first, kind in PICTURES.items() if file.data.startswith(first)), None)
        shown = "inline" if kind else "attachment"
        headers = {**HEADERS, "content-disposition": shown}
        return Response(file.data, media_type=kind or "application/octet-stream", headers=headers)

    return routes


def static() -> StaticFiles:
    """Return the style and the scripts."""
    return StaticFiles(directory=Path(__file__).parent / "static")


def _named(workspace: Workspace, name: str) -> Channel:
    try:
        return workspace.channel_named(name)
    except SlackError as error:
        raise HTTPException(404, f"there is no channel {name[:80]!r}") from error
