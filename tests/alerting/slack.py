"""A small strict Slack workspace that can be told to fail."""

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from demo.slack import blocks as block_kit

TOKEN = "xoxb-test-1"


class Refused(Exception):
    """The workspace answers ok: false with this word."""


@dataclass
class Fault:
    """What the workspace does to one call instead of answering it; `accepts` does the work first."""

    status: int = 200
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    accepts: bool = False
    drops: bool = False
    hangs: bool = False


@dataclass
class Workspace:
    """Slack as far as the router uses it, in memory: what a person would see is in `messages`."""

    url: str = ""
    channels: dict[str, str] = field(
        default_factory=lambda: {"alerts": "C000ALERTS", "kafka": "C0000KAFKA", "pods": "C00000PODS"}
    )
    messages: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    faults: dict[str, deque[Fault | None]] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    page: int = 2
    charts: bool = True
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    _clock: int = 0

    def fail(self, method: str, *faults: Fault | None) -> None:
        """The next calls of a method fail like this, one fault each; None is answered as usual."""
        self.faults.setdefault(method, deque()).extend(faults)

    def roots(self, channel: str | None = None) -> list[dict[str, Any]]:
        """Messages outside threads."""
        return [
            message
            for message in self.messages
            if not message["thread_ts"] and (channel is None or message["channel"] == self.channels[channel])
        ]

    def replies(self, root: dict[str, Any]) -> list[str]:
        """Texts of a thread."""
        return [message["text"] for message in self.messages if message["thread_ts"] == root["ts"]]

    def titles(self, channel: str | None = None) -> list[str]:
        """Headers of the messages, oldest first."""
        return [message["blocks"][0]["text"]["text"] for message in self.roots(channel)]

    def count(self, method: str) -> int:
        """How often a method was called."""
        return sum(name == method for name, _ in self.calls)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One call of the Web API."""
        method = request.match_info["method"]
        arguments = await _arguments(request)
        self.calls.append((method, arguments))
        waiting = self.faults.get(method)
        fault = waiting.popleft() if waiting else None
        if fault and not fault.accepts:
            return await self._suffer(fault, request)
        try:
            if request.headers.get("Authorization") != f"Bearer {TOKEN}":
                raise Refused("invalid_auth")
            if method in self.refusals:
                raise Refused(self.refusals[method])
            answer = {"ok": True, **getattr(self, method.replace(".", "_"))(**arguments)}
        except Refused as refused:
            answer = {"ok": False, "error": str(refused)}
        if fault:
            return await self._suffer(fault, request)
        return web.json_response(answer)

    async def _suffer(self, fault: Fault, request: web.Request) -> web.StreamResponse:
        if fault.hangs:
            await asyncio.sleep(30)
        if fault.drops or fault.hangs:
            assert request.transport
            request.transport.abort()
        if fault.body is None:
            return web.Response(status=fault.status, text="<html>no</html>", headers=fault.headers)
        return web.json_response(fault.body, status=fault.status, headers=fault.headers)

    def chat_postMessage(
        self,
        channel: str,
        text: str,
        metadata: dict[str, Any],
        thread_ts: str | None = None,
        reply_broadcast: bool = False,
        **content: Any,
    ) -> dict[str, Any]:
        channel_id = self._channel(channel)
        if thread_ts:
            self._message(channel_id, thread_ts, "thread_not_found")
        self._check(text, content)
        assert set(metadata) == {"event_type", "event_payload"}
        self._clock += 1
        message = {
            "channel": channel_id,
            "ts": f"{datetime.now(UTC).timestamp():.0f}.{self._clock:06d}",
            "thread_ts": thread_ts,
            "text": text,
            "metadata": metadata,
            "edits": 0,
            "broadcast": reply_broadcast,
            **_shown(content),
        }
        self.messages.append(message)
        return {"channel": channel_id, "ts": message["ts"]}

    def chat_update(self, channel: str, ts: str, text: str, **content: Any) -> dict[str, Any]:
        if channel not in self.channels.values():
            raise Refused("channel_not_found")
        message = self._message(channel, ts, "message_not_found")
        self._check(text, content)
        message.update(text=text, edits=message["edits"] + 1, **_shown(content))
        return {"channel": channel, "ts": ts}

    def files_getUploadURLExternal(self, filename: str, length: str, alt_txt: str) -> dict[str, Any]:
        name = f"F{len(self.files)}"
        self.files[name] = {"length": int(length), "alt": alt_txt, "data": None, "thread": None}
        return {"file_id": name, "upload_url": self.url.replace("/api", f"/upload/{name}")}

    async def handle_upload(self, request: web.Request) -> web.Response:
        """The bytes of a file."""
        self.files[request.match_info["name"]]["data"] = await request.read()
        return web.Response(text="OK")

    def files_completeUploadExternal(self, files: Any, channel_id: str, thread_ts: str, **_: Any) -> dict[str, Any]:
        given = json.loads(files) if isinstance(files, str) else files
        self._message(channel_id, thread_ts, "thread_not_found")
        file = self.files[given[0]["id"]]
        assert file["length"] == len(file["data"])
        file["thread"] = thread_ts
        return {"files": given}

    def _check(self, text: str, content: dict[str, Any]) -> None:
        """Refuse what is too long, charts where there are none, and images of files that nobody shared."""
        if not text:
            raise Refused("no_text")
        blocks = content.get("blocks", [])
        check_limits(text, blocks, content.get("attachments", []))
        if not self.charts and any(block["type"] == "data_visualization" for block in blocks):
            raise Refused("invalid_blocks")
        images = [block["slack_file"]["id"] for block in blocks if block["type"] == "image"]
        if any(not self.files.get(name, {}).get("thread") for name in images):
            raise Refused("invalid_blocks")

    def chat_delete(self, channel: str, ts: str) -> dict[str, Any]:
        self.messages.remove(self._message(channel, ts, "message_not_found"))
        return {"channel": channel, "ts": ts}

    def chat_getPermalink(self, channel: str, message_ts: str) -> dict[str, Any]:
        self._message(channel, message_ts, "message_not_found")
        return {"permalink": f"https://bongsu.slack.example/archives/{channel}/p{message_ts.replace('.', '')}"}

    def conversations_history(self, channel: str, **asked: Any) -> dict[str, Any]:
        if channel not in self.channels.values():
            raise Refused("channel_not_found")
        found = [message for message in self.messages if message["channel"] == channel and not message["thread_ts"]]
        return self._paged(found[::-1], **asked)

    def conversations_replies(self, channel: str, ts: str, **asked: Any) -> dict[str, Any]:
        root = self._message(channel, ts, "thread_not_found")
        thread = [message for message in self.messages if message["channel"] == channel and message["thread_ts"] == ts]
        return self._paged([root, *thread], **asked)

    def conversations_list(self, types: str, cursor: str | None = None, **_: Any) -> dict[str, Any]:
        if types != "public_channel":
            raise Refused("missing_scope")
        return {"channels": [{"id": id, "name": name} for name, id in self.channels.items()]}

    def _paged(
        self, found: list[dict[str, Any]], oldest: str, include_all_metadata: str, cursor: str = "0", **_: Any
    ) -> dict[str, Any]:
        assert include_all_metadata in ("1", True)
        young = [message for message in found if float(message["ts"]) >= float(oldest)]
        start = int(cursor)
        more = str(start + self.page) if start + self.page < len(young) else ""
        return {"messages": young[start : start + self.page], "response_metadata": {"next_cursor": more}}

    def _channel(self, channel: str) -> str:
        if channel in self.channels.values():
            return channel
        if channel.removeprefix("#") not in self.channels:
            raise Refused("channel_not_found")
        return self.channels[channel.removeprefix("#")]

    def _message(self, channel: str, ts: str, missing: str) -> dict[str, Any]:
        for message in self.messages:
            if (message["channel"], message["ts"]) == (channel, ts):
                return message
        raise Refused(missing)


def _shown(content: dict[str, Any]) -> dict[str, Any]:
    return {"blocks": content.get("blocks", []), "attachments": content.get("attachments", [])}


async def _arguments(request: web.Request) -> dict[str, Any]:
    if request.content_type == "application/json":
        found: dict[str, Any] = await request.json()
        return found
    return {**request.query, **await request.post()}


def check_limits(text: str, blocks: list[dict[str, Any]], attachments: list[dict[str, Any]]) -> None:
    """Raise Refused as Slack does for what is too long or too much; lengths in UTF-16 units."""
    inner = [block for attachment in attachments for block in attachment["blocks"]]
    if len(blocks) + len(inner) > 50:
        raise Refused("invalid_blocks")
    if block_kit.problems(list(blocks), "/blocks") or block_kit.problems(inner, "/attachments/0/blocks"):
        raise Refused("invalid_blocks")
    for block in [*blocks, *inner]:
        if block["type"] in ("data_visualization", "image", "actions"):
            continue
        limit = 150 if block["type"] == "header" else 3000
        texts = [(block["text"]["text"], limit)] if "text" in block else []
        texts += [(part["text"], 2000) for part in (*block.get("fields", []), *block.get("elements", []))]
        if not texts or any(not 0 < len(part.encode("utf-16-le")) // 2 <= most for part, most in texts):
            raise Refused("invalid_blocks")
        if len(block.get("fields", [])) > 10 or len(block.get("elements", [])) > 10:
            raise Refused("invalid_blocks")
    if len(text) > 4000:
        raise Refused("msg_too_long")
    if len(json.dumps([text, blocks, attachments], ensure_ascii=False)) > 13_000:
        raise Refused("msg_blocks_too_long")
