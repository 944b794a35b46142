"""What Slack does not have: failures to order, the list of calls, the channels as plain JSON. For tests and drills."""

from typing import Any

from fastapi import APIRouter, HTTPException, Query, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from demo.slack.api import Slack
from demo.slack.errors import SlackError
from demo.slack.faults import ORDERS_KEPT, FaultOrder
from demo.slack.objects import as_slack, file_as_slack, reactions_as_slack
from demo.slack.workspace import Channel, Message


def router(slack: Slack) -> APIRouter:
    """Return the routes /faults, /sockets, /audit, /messages, /metrics and the two probes."""
    routes = APIRouter()
    routes.include_router(_orders(slack))
    routes.include_router(_accounts(slack))
    routes.include_router(_process(slack))
    return routes


def _orders(slack: Slack) -> APIRouter:
    """Return what makes Slack misbehave: /faults and /sockets."""
    routes = APIRouter()

    @routes.post("/faults", status_code=201)
    async def order_fault(order: FaultOrder) -> dict[str, Any]:
        """Let the next calls fail."""
        if not slack.faults.add(order):
            raise HTTPException(409, f"{ORDERS_KEPT} orders are open already: DELETE /faults forgets them")
        return {**order.model_dump(), "left": order.times}

    @routes.get("/faults")
    async def faults() -> dict[str, Any]:
        """List the orders that are not used up."""
        return {"faults": [fault.shown() for fault in slack.faults.all()]}

    @routes.delete("/faults")
    async def forget_faults() -> dict[str, int]:
        """Forget all orders."""
        return {"forgotten": slack.faults.clear()}

    @routes.post("/sockets/refresh")
    async def refresh_sockets() -> dict[str, int]:
        """Ask every app for a new socket, as Slack does every few hours."""
        return {"asked": await slack.sockets.refresh()}

    return routes


def _accounts(slack: Slack) -> APIRouter:
    """Return what tells of calls and channels: /audit and /messages."""
    routes = APIRouter()

    @routes.get("/audit")
    async def audit(
        method: str | None = None, channel: str | None = None, after: int = Query(default=0, ge=0)
    ) -> dict[str, Any]:
        """List the calls received, oldest first; `channel` is a name, `after` a call's number."""
        return {"calls": slack.audit.list(method, channel, after)}

    @routes.get("/messages")
    async def messages(channel: str) -> dict[str, Any]:
        """Show what a channel (name or id) holds now, oldest first, each with its thread."""
        try:
            found = slack.workspace.channel_to_post(channel)
        except SlackError as error:
            names = ", ".join(one.name for one in slack.workspace.channels.values())
            raise HTTPException(404, f"there is no channel {channel[:80]!r}; there are {names}") from error
        return {
            "channel": {"id": found.id, "name": found.name, "topic": found.topic, "archived": found.archived},
            "messages": [
                {**_plain(message, found), "thread": [_plain(reply, found) for reply in found.replies(message.ts)]}
                for message in found.messages.values()
                if not message.is_reply
            ],
        }

    return routes


def _process(slack: Slack) -> APIRouter:
    """Return what every process has: /metrics and the two probes."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/metrics")
    async def metrics() -> Response:
        for channel in slack.workspace.channels.values():
            slack.audit.messages(channel.name, len(channel.messages))
        return Response(generate_latest(slack.audit.registry), media_type=CONTENT_TYPE_LATEST)

    @routes.get("/-/healthy")
    async def healthy() -> Response:
        return Response("healthy\n", media_type="text/plain")

    @routes.get("/-/ready")
    async def ready() -> Response:
        return Response("ready\n", media_type="text/plain")

    return routes


def _plain(message: Message, channel: Channel) -> dict[str, Any]:
    shown = as_slack(message, channel, "", metadata=True)
    return {
        "ts": message.ts,
        "app": message.app and message.app.name,
        "text": message.text,
        "color": next((one["color"] for one in message.attachments if "color" in one), None),
        "blocks": shown.get("blocks", []),
        "attachments": shown.get("attachments", []),
        "metadata": message.metadata,
        "edits": message.edits,
        "edited": message.edited,
        "files": [file_as_slack(file) for file in message.files],
        "reactions": reactions_as_slack(message),
        "broadcast": message.broadcast,
        "deleted": message.deleted,
    }
