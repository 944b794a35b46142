"""The one door to Slack, and every way they fail mapped to DeliveryError.

slack-sdk's own retry handler is switched off: it sends again after a broken connection, when Slack may already have
taken the message.
"""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from alerting.actions import MAX_CLICK
from alerting.errors import DeliveryError, Reason
from alerting.model import Message, Posted

EVENT_TYPE = "bongsu_delivery"
"""`event_type` of the metadata that carries a message's delivery id."""

PAGE = 200
"""Messages a page of history (Slack recommends no more than 200)."""

HEARTBEAT = 10.0
"""Seconds between pings of a socket; one that does not answer within half of it is given up."""

CODES: Mapping[str, Reason] = {
    **dict.fromkeys(("ratelimited", "rate_limited", "message_limit_exceeded"), Reason.RATE_LIMITED),
    # Slack's pages say of these: "It's possible some aspect of the operation succeeded before the error was raised"
    **dict.fromkeys(("fatal_error", "internal_error", "service_unavailable", "request_timeout"), Reason.SLACK_FAILED),
    **dict.fromkeys(("message_not_found", "cant_update_message", "edit_window_closed"), Reason.EDIT_REFUSED),
    **dict.fromkeys(("thread_not_found", "cannot_reply_to_message"), Reason.EDIT_REFUSED),
    **dict.fromkeys(
        (
            "invalid_auth",
            "not_authed",
            "account_inactive",
            "token_revoked",
            "token_expired",
            "no_permission",
            "org_login_required",
            "ekm_access_denied",
            "not_allowed_token_type",
            "access_denied",
        ),
        Reason.AUTH,
    ),
    "missing_scope": Reason.SCOPE,
    **dict.fromkeys(
        ("channel_not_found", "not_in_channel", "is_archived", "is_inactive", "restricted_action"), Reason.CHANNEL
    ),
    **dict.fromkeys(
        (
            "invalid_blocks",
            "invalid_blocks_format",
            "msg_blocks_too_long",
            "msg_too_long",
            "no_text",
            "too_many_attachments",
            "invalid_attachments",
            "metadata_too_large",
            "invalid_metadata_format",
            "invalid_metadata_schema",
        ),
        Reason.CONTENT,
    ),
}
"""Slack's error words; any other is Reason.OTHER."""


@dataclass(frozen=True)
class SlackChannel:
    """A channel as Slack lists it; `member` says whether the bot is in it."""

    id: str
    archived: bool
    member: bool


@dataclass
class Slack:
    """Slack's Web API as the router uses it. Make it with ``open_slack``; every method raises DeliveryError."""

    client: AsyncWebClient
    ids: dict[str, str] = field(default_factory=dict)

    async def post(self, channel: str, message: Message, delivery_id: str, thread: Posted | None = None) -> Posted:
        """Send a message, or a reply when `thread` is given (then `channel` is not looked at)."""
        async with _mapped(gone=thread is not None):
            answer = await self.client.chat_postMessage(
                channel=thread.channel_id if thread else channel,
                thread_ts=thread.ts if thread else None,
                metadata={"event_type": EVENT_TYPE, "event_payload": {"delivery_id": delivery_id}},
                unfurl_links=False,
                unfurl_media=False,
                reply_broadcast=message.broadcast if thread else None,
                **_content(message),
            )
        posted = _posted(answer)
        self.ids[channel] = posted.channel_id
        return posted

    async def upload(self, thread: Posted, text: str, data: bytes) -> str:
        """Upload a PNG into a thread and return its file id.

        Three calls (docs.slack.dev/messaging/working-with-files). Of the last, that shares it, the outcome may be
        unknown: the file is returned all the same, for it is never worth two.
        """
        async with _mapped():
            ticket = await self.client.files_getUploadURLExternal(filename="chart.png", length=len(data), alt_txt=text)
            file_id, url = str(ticket["file_id"]), str(ticket["upload_url"])
            await self._send(url, data)
        try:
            async with _mapped(gone=True):
                await self.client.files_completeUploadExternal(
                    files=[{"id": file_id, "title": "Chart"}], channel_id=thread.channel_id, thread_ts=thread.ts
                )
        except DeliveryError as error:
            if not error.unknown:
                raise
        return file_id

    async def _send(self, url: str, data: bytes) -> None:
        """Post the bytes where Slack said, if that is Slack's: over HTTPS, or where its API is."""
        if not self._is_slacks(url, "https"):
            raise DeliveryError(Reason.OTHER, "foreign_upload_url")
        async with self._session.post(url, data=data, proxy=self.client.proxy) as answer:
            if answer.status != 200:
                raise DeliveryError(Reason.SLACK_FAILED, f"upload_http_{answer.status}")

    async def open_socket(self, app_token: str) -> aiohttp.ClientWebSocketResponse:
        """Open a socket for what people do (Socket Mode); pings tell when it is dead."""
        async with _mapped():
            answer = await self.client.apps_connections_open(app_token=app_token)
            url = str(answer.get("url"))
            if not self._is_slacks(url, "wss"):
                raise DeliveryError(Reason.OTHER, "foreign_socket_url")
            return await self._session.ws_connect(
                url, heartbeat=HEARTBEAT, max_msg_size=MAX_CLICK, proxy=self.client.proxy
            )

    def _is_slacks(self, url: str, scheme: str) -> bool:
        """Whether an address that Slack gave out is its own: by a secure `scheme`, or where its API is, as secure."""
        parts, own = urlsplit(url), urlsplit(self.client.base_url)
        if parts.netloc == own.netloc and parts.scheme in ("http", "ws"):
            return own.scheme == "http"
        return parts.scheme == scheme and (parts.netloc == own.netloc or (parts.hostname or "").endswith(".slack.com"))

    @property
    def _session(self) -> aiohttp.ClientSession:
        assert self.client.session is not None
        return self.client.session

    async def edit(self, posted: Posted, message: Message) -> None:
        """Make a message show something else. Its metadata stays, since none is sent."""
        async with _mapped(gone=True):
            await self.client.chat_update(channel=posted.channel_id, ts=posted.ts, **_content(message))

    async def find(self, channel: str, delivery_id: str, since: datetime, thread: Posted | None) -> Posted | None:
        """Look for the message that carries `delivery_id`, in the channel or in the thread, no older than `since`."""
        channel_id = thread.channel_id if thread else await self._channel_id(channel)
        cursor = None
        while True:
            asked: dict[str, Any] = {
                "channel": channel_id,
                "oldest": f"{since.timestamp():.6f}",
                "include_all_metadata": True,
                "limit": PAGE,
                "cursor": cursor,
            }
            async with _mapped():
                if thread:
                    page = await self.client.conversations_replies(ts=thread.ts, **asked)
                else:
                    page = await self.client.conversations_history(**asked)
            for found in page.get("messages") or []:
                if _delivery_id(found) == delivery_id:
                    return Posted(channel_id, found["ts"])
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return None

    async def delete(self, posted: Posted) -> None:
        """Delete a message of ours; one that is gone already is as good."""
        try:
            async with _mapped(gone=True):
                await self.client.chat_delete(channel=posted.channel_id, ts=posted.ts)
        except DeliveryError as error:
            if error.reason is not Reason.EDIT_REFUSED:
                raise

    async def permalink(self, posted: Posted) -> str | None:
        """Return the address of a message; None when Slack will not tell."""
        try:
            async with _mapped():
                answer = await self.client.chat_getPermalink(channel=posted.channel_id, message_ts=posted.ts)
        except DeliveryError as error:
            if error.retryable:
                raise
            return None
        return str(answer.get("permalink") or "") or None

    async def identity(self) -> tuple[str, str, frozenset[str]]:
        """Return the workspace, the bot's name and the scopes of the token."""
        async with _mapped():
            answer = await self.client.auth_test()
        given = {name.lower(): value for name, value in (answer.headers or {}).items()}
        scopes = frozenset(filter(None, str(given.get("x-oauth-scopes", "")).split(",")))
        return str(answer.get("team", "")), str(answer.get("user", "")), scopes

    async def channels(self) -> dict[str, SlackChannel]:
        """Return what the bot can see, by ``#name`` and by id; private channels need a scope of their own."""
        found: dict[str, SlackChannel] = {}
        for kind in ("public_channel", "private_channel"):
            try:
                async for one in self._listed(kind):
                    channel = SlackChannel(one["id"], bool(one.get("is_archived")), bool(one.get("is_member")))
                    found |= {f"#{one['name']}": channel, one["id"]: channel}
            except DeliveryError as error:
                if kind == "public_channel" or error.reason is not Reason.SCOPE:
                    raise
        return found

    async def _listed(self, kind: str) -> AsyncIterator[dict[str, Any]]:
        cursor = None
        while True:
            async with _mapped():
                page = await self.client.conversations_list(types=kind, limit=PAGE, cursor=cursor)
            for channel in page.get("channels") or []:
                yield channel
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return

    async def _channel_id(self, channel: str) -> str:
        """Find the id of ``#name``; history can't be asked by name."""
        if not channel.startswith("#"):
            return channel
        for kind in ("public_channel", "private_channel"):
            if channel not in self.ids:
                await self._learn_ids(kind, channel)
        if channel not in self.ids:
            raise DeliveryError(Reason.CHANNEL, "channel_not_found")
        return self.ids[channel]

    async def _learn_ids(self, kind: str, wanted: str) -> None:
        """Read the list of one kind of channels until `wanted` is in it; kinds are asked apart for their scopes."""
        async for found in self._listed(kind):
            self.ids[f"#{found['name']}"] = found["id"]
            if wanted in self.ids:
                return


@asynccontextmanager
async def open_slack(token: str, base_url: str, seconds: float) -> AsyncIterator[Slack]:
    """Keep one HTTP session to Slack; one call may take `seconds`."""
    logger = logging.getLogger("slack_sdk.web")
    logger.setLevel(logging.WARNING)
    watch = aiohttp.TraceConfig()
    watch.on_request_redirect.append(_stay)
    timeout = aiohttp.ClientTimeout(total=seconds)
    async with aiohttp.ClientSession(timeout=timeout, trace_configs=[watch]) as session:
        client = AsyncWebClient(
            token,
            base_url=f"{base_url.rstrip('/')}/",
            session=session,
            retry_handlers=[],
            logger=logger,
        )
        client.proxy = proxy(base_url)
        yield Slack(client)


async def _stay(*_: object) -> None:
    """Follow no redirect: messages go to the host of the settings and to no other."""
    raise DeliveryError(Reason.OTHER, "redirected")


def proxy(url: str) -> str | None:
    """The proxy of the environment for this URL: none for loopback and for what NO_PROXY names.

    slack-sdk reads HTTPS_PROXY and HTTP_PROXY itself (proxy_env_variable_loader), for every host.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host == "localhost" or host.startswith("127.") or host == "::1" or proxy_bypass(host):
        return None
    return getproxies().get(parts.scheme)


@asynccontextmanager
async def _mapped(gone: bool = False) -> AsyncIterator[None]:
    """Map errors; with `gone`, a channel that is not found (deleted, made anew) refuses the edit of an old message."""
    try:
        yield
    except SlackApiError as error:
        refused = _refused(error)
        if gone and refused.code == "channel_not_found":
            refused = DeliveryError(Reason.EDIT_REFUSED, refused.code)
        raise refused from error
    except aiohttp.ClientConnectorError as error:
        raise DeliveryError(Reason.UNREACHABLE, type(error).__name__) from error
    except TimeoutError as error:
        raise DeliveryError(Reason.TIMEOUT, type(error).__name__) from error
    except (aiohttp.ClientError, OSError) as error:
        raise DeliveryError(Reason.BROKEN, type(error).__name__) from error
    except (SlackClientError, AttributeError, ValueError) as error:  # what slack-sdk makes of an answer that is no JSON
        raise DeliveryError(Reason.SLACK_FAILED, type(error).__name__) from error


def _refused(error: SlackApiError) -> DeliveryError:
    """Map an answer that is not ``200`` with ``"ok": true``."""
    response: Any = error.response
    status = int(getattr(response, "status_code", None) or getattr(response, "status", None) or 0)
    data = getattr(response, "data", None)
    code = str(data.get("error") or "") if isinstance(data, dict) else ""
    headers = getattr(response, "headers", None) or {}
    if status == 429:
        return DeliveryError(Reason.RATE_LIMITED, code or "http_429", _seconds(headers.get("Retry-After")))
    if status >= 500 or not code:
        return DeliveryError(Reason.SLACK_FAILED, code or f"http_{status}", _seconds(headers.get("Retry-After")))
    return DeliveryError(CODES.get(code, Reason.OTHER), code)


def _seconds(header: str | None) -> float | None:
    return float(header) if header and header.isdigit() else None


def _content(message: Message) -> dict[str, Any]:
    if not message.blocks:
        return {"text": message.text}
    return {"text": message.text, "blocks": list(message.blocks), "attachments": list(message.attachments)}


def _posted(answer: Any) -> Posted:
    channel_id, ts = answer.get("channel"), answer.get("ts")
    if not channel_id or not ts:
        raise DeliveryError(Reason.SLACK_FAILED, "answer_without_ts")
    return Posted(str(channel_id), str(ts))


def _delivery_id(found: Mapping[str, Any]) -> object:
    metadata = found.get("metadata") or {}
    return (metadata.get("event_payload") or {}).get("delivery_id") if isinstance(metadata, dict) else None
