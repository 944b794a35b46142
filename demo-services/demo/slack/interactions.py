"""Clicks: what Slack sends to an app when somebody uses a button or a menu of its messages, and how it is signed.

The payload is docs.slack.dev/reference/interaction-payloads/block_actions-payload; the signature is docs.slack.dev,
"Verifying requests from Slack". An app that has a socket open gets its clicks there (``sockets``), else by HTTP.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx

from demo.slack import limits
from demo.slack.content import Json
from demo.slack.objects import as_slack
from demo.slack.workspace import App, Channel, Message, Workspace

SECONDS = 3.0
"""How long an app has for its answer (docs.slack.dev, "Handling user interaction": within 3 seconds)."""

AGENT = "Slackbot 1.0 (+https://api.slack.com/robots)"


class NoSuchControl(Exception):
    """There is nothing to click there: ``str()`` says what is missing."""


@dataclass(frozen=True)
class Used:
    """A button, or a menu with what was chosen from it."""

    ts: str
    block_id: str
    action_id: str
    chosen: str | None


def payload(workspace: Workspace, channel: Channel, used: Used, base_url: str) -> tuple[App, Json]:
    """Return whom to tell of it and what to tell. Raises NoSuchControl."""
    message = channel.messages.get(used.ts)
    if message is None or message.deleted or message.app is None:
        raise NoSuchControl("there is no such message")
    attachment, element = _find(message, used)
    now = f"{workspace.clock():.6f}"
    team = {"id": workspace.team, "domain": workspace.domain}
    told: Json = {
        "type": "block_actions",
        "user": {
            "id": workspace.person,
            "username": workspace.settings.person.lower().replace(" ", "."),
            "name": workspace.settings.person.lower().replace(" ", "."),
            "team_id": workspace.team,
        },
        "api_app_id": message.app.id,
        "token": "deprecated",
        "container": _container(message, channel, attachment),
        "trigger_id": f"{now.replace('.', '')}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}",
        "team": team,
        "enterprise": None,
        "is_enterprise_install": False,
        "channel": {"id": channel.id, "name": channel.name},
        "message": as_slack(message, channel, workspace.team, metadata=True),
        "state": {"values": {}},
        "response_url": f"{base_url}actions/{workspace.responses.ticket(channel.id, message.ts)}",
        "actions": [{**_action(element, used), "action_ts": now}],
    }
    return message.app, told


async def post(app: App, told: Json, now: float) -> str | None:
    """Send it to the app's request URL; return what went wrong, None when the app answered 200 in time."""
    if app.request_url is None or app.signing_secret is None:
        return "this app hasn't set up interactivity"
    body = urlencode({"payload": json.dumps(told, separators=(",", ":"))})
    stamp = str(int(now))
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "user-agent": AGENT,
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": signature(app.signing_secret, stamp, body),
    }
    try:
        async with httpx.AsyncClient(timeout=SECONDS, trust_env=False) as http:
            answer = await http.post(app.request_url, content=body, headers=headers)
    except httpx.TimeoutException:
        return "operation_timeout"
    except httpx.HTTPError as error:
        return f"the app can't be reached ({type(error).__name__})"
    return None if answer.status_code == 200 else f"the app answered {answer.status_code}"


def signature(secret: str, stamp: str, body: str) -> str:
    """Sign a body as Slack does: ``v0=`` and the HMAC-SHA256 of ``v0:stamp:body`` in hex."""
    return "v0=" + hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()


def _container(message: Message, channel: Channel, attachment: int | None) -> Json:
    container: Json = {"type": "message", "message_ts": message.ts, "channel_id": channel.id, "is_ephemeral": False}
    if attachment is not None:
        container |= {"type": "message_attachment", "attachment_id": attachment, "is_app_unfurl": False}
    return container | ({"thread_ts": message.thread_ts} if message.thread_ts else {})


def _find(message: Message, used: Used) -> tuple[int | None, Json]:
    for attachment, block_id, element in controls(message):
        if (block_id, element.get("action_id")) == (used.block_id, used.action_id):
            return attachment, element
    raise NoSuchControl("the message has no such control any more")


def controls(message: Message) -> Iterator[tuple[int | None, str, Json]]:
    """Yield each element that can be used: the attachment that it is in, counted from 1, its block and itself."""
    for block in message.blocks:
        yield from ((None, block.get("block_id", ""), element) for element in _elements(block))
    for number, attachment in enumerate(message.attachments, 1):
        for block in attachment.get("blocks", ()):
            yield from ((number, block.get("block_id", ""), element) for element in _elements(block))


def _elements(block: Json) -> list[Any]:
    found = [*block.get("elements", ()), *([block["accessory"]] if "accessory" in block else [])]
    return [element for element in found if "action_id" in element]


def _action(element: Json, used: Used) -> Json:
    action: Json = {"type": element["type"], "block_id": used.block_id, "action_id": used.action_id}
    if element["type"] == "button":
        return action | {name: element[name] for name in ("text", "value", "style", "url") if name in element}
    options = element["options"][: limits.SELECT_OPTIONS.value]
    chosen = next((option for option in options if option["value"] == used.chosen), None)
    if chosen is None:
        raise NoSuchControl("the menu has no such option")
    placeholder = {"placeholder": element["placeholder"]} if "placeholder" in element else {}
    return action | {"selected_option": chosen} | placeholder
