"""HTTP under /api/: each call is checked, met by an ordered failure or not, carried out, answered and noted."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from demo.slack import arguments as call_arguments
from demo.slack import limits
from demo.slack.arguments import Arguments
from demo.slack.audit import Audit, Visit
from demo.slack.drop import Dropped, left
from demo.slack.errors import RateLimited, SlackError
from demo.slack.faults import FaultOrder, Faults
from demo.slack.methods import METHODS, files
from demo.slack.methods.call import Call, Method
from demo.slack.rates import Rates
from demo.slack.sockets import Sockets
from demo.slack.workspace import App, Channel, Workspace

FORM_BYTES = 10_000
"""What a form may have around its file."""


@dataclass(frozen=True)
class Slack:
    """The parts that a call touches."""

    workspace: Workspace
    rates: Rates
    faults: Faults
    audit: Audit
    sockets: Sockets


def router(slack: Slack) -> APIRouter:
    """Return the routes of the Web API and of the upload addresses that it gives out."""
    routes = APIRouter(include_in_schema=False)

    @routes.api_route("/api/{name:path}", methods=["GET", "POST"])
    async def call(name: str, request: Request) -> Response:
        body = await _body(request, limits.BODY_BYTES.value)
        if body is None:
            slack.audit.record(Visit(name if name in METHODS else "unknown"), "http_413")
            return PlainTextResponse("request entity too large", status_code=413)
        return _serve(slack, name, request, body)

    @routes.post("/upload/v1/{secret}")
    async def upload(secret: str, request: Request) -> Response:
        file = files.awaited(slack.workspace, secret)
        data = await _uploaded(request, file.length) if file else None
        if data is None or not files.store(slack.workspace, secret, data):
            return PlainTextResponse("no such upload, or another length than announced", status_code=400)
        return PlainTextResponse(f"OK - {len(data)}")

    return routes


async def _body(request: Request, most: int) -> bytes | None:
    """Read the body; None when it is longer than `most` bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)


async def _uploaded(request: Request, length: int) -> bytes | None:
    """Read the body, or the one file of a form; None when there is none or it is longer than `length`."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await _body(request, length)
    body = await _body(request, length + FORM_BYTES)
    return None if body is None else await _file(request, body)


async def _file(request: Request, body: bytes) -> bytes | None:
    async def received() -> Message:
        return {"type": "http.request", "body": body}

    async with Request(request.scope, received).form(max_files=1, max_fields=10) as form:
        for value in form.values():
            if not isinstance(value, str):
                return await value.read()
    return None


def _serve(slack: Slack, name: str, request: Request, body: bytes) -> Response:
    """Answer one call and note how it ended."""
    visit = Visit(name if name in METHODS else "unknown")
    try:
        outcome, response = _carry_out(slack, name, request, body, visit)
    except SlackError as refused:
        outcome, response = refused.code, JSONResponse(refused.body())
    except RateLimited as limited:
        outcome, response = "ratelimited", _too_many(limited.retry_after)
    slack.audit.record(visit, outcome)
    return response


def _carry_out(slack: Slack, name: str, request: Request, body: bytes, visit: Visit) -> tuple[str, Response]:
    """Check in this order: method, arguments, token, scope, ordered failure, rate; run the method; fail if ordered."""
    method = METHODS.get(name)
    if method is None:
        raise SlackError("unknown_method", req_method=name[:80])
    content_type = request.headers.get("content-type", "")
    given = call_arguments.read(request.url.query, content_type, body, takes_json=method.takes_json)
    app = _authenticate(slack.workspace, request, given, method)
    channel = _channel(slack.workspace, given)
    visit.app, visit.channel, visit.ts = app.name, channel.name if channel else None, _ts(given)
    call = Call(slack.workspace, slack.rates, app, given, str(request.base_url), slack.sockets)
    call.need(*method.scopes)
    if fault := slack.faults.take(name, channel, after=False):
        visit.fault = fault.kind
        return fault.kind.removeprefix("error:"), _instead(fault)
    slack.rates.admit_call(app.bot, name, method.tier)
    answer = method.run(call)
    visit.ts = answer.get("ts", visit.ts)
    response = JSONResponse({"ok": True, **answer}, headers={"x-oauth-scopes": ",".join(sorted(app.scopes))})
    if fault := slack.faults.take(name, channel, after=True):
        visit.fault = fault.kind
        return "ok", _afterwards(fault, response)
    return "ok", response


def _authenticate(workspace: Workspace, request: Request, given: Arguments, method: Method) -> App:
    """Find the app of the bearer token, or of the form's ``token``; a token in the query string is not taken."""
    if authorization := request.headers.get("authorization", ""):
        scheme, _, rest = authorization.partition(" ")
        token = rest.strip() if scheme.lower() == "bearer" else ""
    else:
        token = "" if "token" in request.query_params else given.text("token")
    if not token:
        raise SlackError("not_authed")
    own, others = (workspace.apps, workspace.app_level)[:: -1 if method.app_level else 1]
    if token in others:
        raise SlackError("not_allowed_token_type")
    app = own.get(token)
    if app is None:
        raise SlackError("invalid_auth")
    if app.revoked:
        raise SlackError("token_revoked")
    return app


def _channel(workspace: Workspace, given: Arguments) -> Channel | None:
    """Return the channel that the call is about, if it names one that exists."""
    try:
        return workspace.channel_to_post(given.text("channel") or given.text("channel_id"))
    except SlackError:
        return None


def _ts(given: Arguments) -> str | None:
    return given.text("ts") or given.text("timestamp") or None


def _instead(fault: FaultOrder) -> Response:
    """Return the failure that takes the call's place."""
    match fault.kind:
        case "ratelimited":
            return _too_many(fault.retry_after)
        case "http_500":
            return PlainTextResponse("Internal Server Error", status_code=500)
        case "hang":
            return Dropped(fault.seconds)
        case _:
            return JSONResponse(SlackError(fault.kind.removeprefix("error:")).body())


def _afterwards(fault: FaultOrder, response: Response) -> Response:
    """Return what the failure makes of the answer."""
    return Dropped() if fault.kind == "accept_then_drop" else _Late(response, fault.seconds)


class _Late(Response):
    """An answer that comes after `seconds`, if the caller still waits."""

    def __init__(self, response: Response, seconds: float) -> None:
        super().__init__()
        self._response = response
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not await left(receive, self._seconds):
            await self._response(scope, receive, send)


def _too_many(retry_after: int) -> Response:
    headers = {"retry-after": str(retry_after)}
    return JSONResponse({"ok": False, "error": "ratelimited"}, status_code=429, headers=headers)
