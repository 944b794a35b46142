"""Where the page says what was clicked, and where apps answer clicks."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from demo.slack import content, interactions, limits
from demo.slack.arguments import Arguments
from demo.slack.errors import SlackError
from demo.slack.interactions import NoSuchControl, Used
from demo.slack.responses import kind
from demo.slack.sockets import Sockets
from demo.slack.workspace import Workspace

Name = Annotated[str, Field(max_length=255)]


class ClickOrder(BaseModel):
    """What the page posts: the message, the control, and what was chosen if it is a menu."""

    model_config = ConfigDict(extra="forbid")

    ts: Name
    block_id: Name
    action_id: Name
    chosen: Name | None = None


def router(workspace: Workspace, sockets: Sockets) -> APIRouter:
    """Return both routes. The page's takes JSON alone, which no other site can post here unasked."""
    routes = APIRouter(include_in_schema=False)

    @routes.post("/channels/{name}/clicks")
    async def click(name: str, order: ClickOrder, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise HTTPException(415, "a click is JSON")
        try:
            used = Used(order.ts, order.block_id, order.action_id, order.chosen)
            app, told = interactions.payload(workspace, workspace.channel_named(name), used, str(request.base_url))
        except (SlackError, NoSuchControl) as error:
            return JSONResponse({"error": str(error)}, 404)
        if sockets.has(app):
            failure = await sockets.send(app, told)
        else:
            failure = await interactions.post(app, told, workspace.clock())
        return JSONResponse({"error": failure}, 502) if failure else JSONResponse({})

    @routes.post("/actions/{ticket}")
    async def respond(ticket: str, request: Request) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > limits.BODY_BYTES.value:
                return PlainTextResponse("request entity too large", 413)
        used = workspace.responses.use(ticket)
        if used is None:
            return PlainTextResponse("used_url", 404)
        try:
            return _answered(workspace, used.channel, used.ts, bytes(body))
        except SlackError as error:
            return JSONResponse(error.body())

    return routes


def _answered(workspace: Workspace, channel_id: str, ts: str, body: bytes) -> Response:
    """Do what an app says in answer to a click on the message at `ts`."""
    said = _object(body)
    channel = workspace.channel(channel_id)
    message = workspace.message(channel, ts)
    what = kind(said)
    if what == "delete":
        workspace.delete(channel, message)
    else:
        answer = content.read(Arguments(said), text_limit=None)
        if answer.says_nothing:
            raise SlackError("no_text")
        if what == "replace":
            workspace.edit(message, answer)
        elif what == "in_channel" and message.app:
            workspace.post(channel, message.app, answer)
    return PlainTextResponse("ok")


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError as error:
        raise SlackError("invalid_payload") from error
    if not isinstance(said, dict):
        raise SlackError("invalid_payload")
    return said
