"""HTTP for whoever runs the router: the status page, and what it shows as JSON.

Reading is open like the page; what changes something asks for what the webhooks ask for.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import AwareDatetime

from alerting.auth import foreign, same
from alerting.config import WebhookSettings
from alerting.model import Entry, Noise, OpenMessage
from alerting.page import page
from alerting.pipeline import Pipeline
from alerting.store import chronicle, upkeep

NOISE_DAYS = 7

PAGE_ENTRIES = 30

CLOSED = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
}
"""Nothing runs on the page or is loaded into it, and no other site shows it under its own buttons."""

FORBIDDEN: dict[int | str, dict[str, Any]] = {
    401: {"description": "The Authorization header is missing or wrong"},
    403: {"description": "The form is another site's"},
    404: {"description": "No message of this id waits"},
}


def operators(settings: WebhookSettings, clock: Callable[[], datetime]) -> APIRouter:
    """Return the routes of the page and of its JSON."""
    routes = APIRouter()
    expected = settings.auth.header()

    def admitted(request: Request) -> None:
        """Ask who it is; a form of another site is refused, whoever has logged in."""
        if foreign(request.headers):
            raise HTTPException(403, "another site may not do that")
        if expected and not same(request.headers.get("Authorization", ""), expected.get_secret_value()):
            headers = {"WWW-Authenticate": "Basic" if settings.auth.username else "Bearer"}
            raise HTTPException(401, "the Authorization header is missing or wrong", headers)

    @routes.get("/", response_class=HTMLResponse)
    async def status(request: Request) -> Response:
        """Show the status page."""
        store, now = _pipeline(request).store, clock()
        census = await store.run(upkeep.census)
        noise = await store.run(chronicle.noise, now - timedelta(days=NOISE_DAYS))
        entries = await store.run(chronicle.audit, now + timedelta(days=1), PAGE_ENTRIES)
        return HTMLResponse(page(census, now, noise, entries), headers=CLOSED)

    @routes.get("/api/v1/messages")
    async def messages(request: Request) -> dict[str, Any]:
        """List the messages that are open or not yet shown."""
        census = await _pipeline(request).store.run(upkeep.census)
        return {"messages": [_message(one) for one in census.messages]}

    @routes.post(
        "/api/v1/messages/{number}/resend",
        dependencies=[Depends(admitted)],
        status_code=303,
        response_class=RedirectResponse,
        responses=FORBIDDEN,
    )
    async def resend(request: Request, number: Annotated[int, "its id"]) -> Response:
        """Try a message that waits at once."""
        pipeline = _pipeline(request)
        if not 0 < number < 2**31 or not await pipeline.store.run(chronicle.resend, number, clock()):
            raise HTTPException(404, "no message of this id waits")
        pipeline.delivery.wake()
        return RedirectResponse("/", 303)

    @routes.get("/api/v1/audit")
    async def audit(
        request: Request, before: AwareDatetime | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> dict[str, Any]:
        """List what happened, the newest first."""
        until = before.astimezone(UTC) if before else clock() + timedelta(days=1)
        entries = await _pipeline(request).store.run(chronicle.audit, until, limit)
        return {"entries": [_entry(one) for one in entries]}

    @routes.get("/api/v1/noise")
    async def noise(request: Request, days: Annotated[float, Query(gt=0, le=3650)] = NOISE_DAYS) -> dict[str, Any]:
        """Say of each alert how much was heard of it."""
        found = await _pipeline(request).store.run(chronicle.noise, clock() - timedelta(days=days))
        return {"days": days, "alerts": [_noise(one) for one in found]}

    return routes


def _pipeline(request: Request) -> Pipeline:
    pipeline = request.app.state.pipeline
    assert isinstance(pipeline, Pipeline)
    return pipeline


def _message(one: OpenMessage) -> dict[str, Any]:
    return {
        "id": one.id,
        "group": one.group,
        "title": one.title,
        "channel": one.channel,
        "since": one.since.isoformat(),
        "firing": one.firing,
        "resolved": one.resolved,
        "state": _state(one),
        "acknowledged_by": one.acknowledged_by,
        "held_until": one.hold and one.hold.until.isoformat(),
        "undelivered_since": one.undelivered_since and one.undelivered_since.isoformat(),
        "reason": one.dead_code,
    }


def _state(one: OpenMessage) -> str:
    if one.dead:
        return "refused"
    if one.undelivered_since:
        return "waiting"
    return "held" if one.hold else "shown"


def _entry(one: Entry) -> dict[str, Any]:
    return {"at": one.at.isoformat(), "alert": one.title, "channel": one.channel, "what": one.what, "who": one.who}


def _noise(one: Noise) -> dict[str, Any]:
    return {
        "alert": one.title,
        "messages": one.messages,
        "alerts": one.alerts,
        "reminders": one.reminders,
        "open": one.open,
        "mean_seconds_to_resolve": one.to_resolve and one.to_resolve.total_seconds(),
        "mean_seconds_to_acknowledge": one.to_acknowledge and one.to_acknowledge.total_seconds(),
    }
