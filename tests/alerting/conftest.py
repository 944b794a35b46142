"""A small strict Slack workspace that can be told to fail, webhook bodies, and a router that can be killed."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from alerting.alertmanager import open_alertmanager
from alerting.config import RouterSettings
from alerting.metrics import Metrics
from alerting.pace import Pace
from alerting.pipeline import Pipeline, assemble
from alerting.prometheus import open_prometheus
from alerting.relay import open_webhook
from alerting.routes import compiled
from alerting.slack import open_slack
from alerting.store import Store, open_store, outbox, strays
from demo.slack import blocks as block_kit

TOKEN = "xoxb-test-1"
FAST = Pace(
    gap=0.0,
    settle=0.02,
    margin=10.0,
    first_wait=0.01,
    longest_wait=0.05,
    dead_retry=0.1,
    posts_per_minute=1e6,
    edits_per_minute=1e6,
    reads_per_minute=1e6,
)
START = datetime(2026, 11, 23, 4, 40, 52, 568000, tzinfo=UTC)


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


@pytest.fixture(name="check_limits")
def check_limits_fixture() -> Callable[..., None]:
    """Refuse what Slack refuses."""
    return check_limits


@pytest.fixture(name="fast")
def fast_fixture() -> Pace:
    """No limits to speak of, and short waits."""
    return FAST


@pytest.fixture
def fault() -> type[Fault]:
    """How a call fails."""
    return Fault


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    """A workspace on a port of its own."""
    made = Workspace()
    application = web.Application()
    application.router.add_route("*", "/api/{method}", made.handle)
    application.router.add_post("/upload/{name}", made.handle_upload)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api"
    yield made
    await runner.cleanup()


@dataclass
class FakePrometheus:
    """Answers range queries with `values`, evenly laid on the steps that were asked for; notes what it was asked.

    The rule of its Watchdog was evaluated `evaluated` seconds ago, None for not of late; it sends to `receivers`.
    """

    url: str = ""
    values: list[float] = field(default_factory=lambda: [10.0, 20.0, 97.0])
    asked: list[dict[str, str]] = field(default_factory=list)
    status: int = 200
    evaluated: float | str | None = 1.0
    receivers: list[str] = field(default_factory=lambda: ["http://alertmanager.example:9093"])

    async def instant(self, request: web.Request) -> web.Response:
        """The query for the age of the Watchdog's last evaluation."""
        result = [] if self.evaluated is None else [{"metric": {}, "value": [0, str(self.evaluated)]}]
        answer = {"status": "success", "data": {"resultType": "vector", "result": result}}
        return web.json_response(answer, status=self.status)

    async def alertmanagers(self, request: web.Request) -> web.Response:
        """Those that it sends to."""
        active = [{"url": f"{url}/api/v2/alerts"} for url in self.receivers]
        return web.json_response({"status": "success", "data": {"activeAlertmanagers": active}})

    async def handle(self, request: web.Request) -> web.Response:
        """One query."""
        asked = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append(asked)
        start, step = float(asked["start"]), float(asked["step"])
        count = round((float(asked["end"]) - start) / step) + 1
        laid = [
            [start + step * index, str(self.values[index * len(self.values) // count])]
            for index in range(count)
            if self.values
        ]
        result = [{"metric": {}, "values": laid}] if laid else []
        answer = {"status": "success", "data": {"resultType": "matrix", "result": result}}
        return web.json_response(answer, status=self.status)


@pytest.fixture
async def prometheus() -> AsyncIterator[FakePrometheus]:
    """A Prometheus on a port of its own."""
    made = FakePrometheus()
    application = web.Application()
    application.router.add_post("/api/v1/query_range", made.handle)
    application.router.add_post("/api/v1/query", made.instant)
    application.router.add_get("/api/v1/alertmanagers", made.alertmanagers)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@dataclass
class FakeAlertmanager:
    """Alertmanager's API as far as the router asks it: `alerts` by fingerprint, as it lists them."""

    url: str = ""
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)
    started: datetime = START
    down: bool = False
    silences: dict[str, dict[str, Any]] = field(default_factory=dict)
    refuses: str = ""

    def list(self, alert: dict[str, Any], **status: list[str]) -> None:
        """Hold an alert, as ``alert("a")`` makes it; `silencedBy` or `inhibitedBy` suppresses it."""
        state = {"state": "suppressed" if status else "active", "silencedBy": [], "inhibitedBy": [], **status}
        self.alerts[alert["fingerprint"]] = {**alert, "status": state, "receivers": [{"name": "router"}]}

    async def handle(self, request: web.Request) -> web.Response:
        """One call."""
        if self.down:
            return web.Response(status=503)
        if request.match_info["what"] == "status":
            return web.json_response({"uptime": self.started.isoformat()})
        if request.match_info["what"] == "silences":
            return await self._silence(request)
        wanted = request.query.get("filter")
        found = [one for one in self.alerts.values() if wanted in (None, f'alertname="{one["labels"]["alertname"]}"')]
        return web.json_response(found)

    async def _silence(self, request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response(list(self.silences.values()))
        if self.refuses:
            return web.json_response(self.refuses, status=400)
        name = f"silence-{len(self.silences)}"
        self.silences[name] = {**await request.json(), "id": name, "status": {"state": "active"}}
        return web.json_response({"silenceID": name})

    async def expire(self, request: web.Request) -> web.Response:
        """End a silence."""
        self.silences[request.match_info["id"]]["status"]["state"] = "expired"
        return web.Response()


@pytest.fixture
async def alertmanager() -> AsyncIterator[FakeAlertmanager]:
    """An Alertmanager on a port of its own, that has run for long."""
    made = FakeAlertmanager()
    application = web.Application()
    application.router.add_route("*", "/api/v2/{what}", made.handle)
    application.router.add_delete("/api/v2/silence/{id}", made.expire)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


Body = Callable[..., bytes]


def webhook_body(*alerts: dict[str, Any], group: str = '{}:{alertname="KafkaConsumerLagHigh"}', **fields: Any) -> bytes:
    """A body as Alertmanager 0.25 sends it, with other fields in place of its own."""
    status = "firing" if any(alert["status"] == "firing" for alert in alerts) else "resolved"
    payload = {
        "receiver": "router",
        "status": status,
        "alerts": list(alerts),
        "groupLabels": {"alertname": "KafkaConsumerLagHigh"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example:9093",
        "version": "4",
        "groupKey": group,
        "truncatedAlerts": 0,
        **fields,
    }
    return json.dumps(payload).encode()


def alert(name: str, starts: float = 0, ends: float | None = None, **fields: Any) -> dict[str, Any]:
    """One alert of a body; `starts` and `ends` are seconds after START."""

    def stamp(seconds: float) -> str:
        return (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")

    return {
        "status": "firing" if ends is None else "resolved",
        "labels": {"alertname": "KafkaConsumerLagHigh", "severity": "critical", "signal": "kafka_lag", "topic": name},
        "annotations": {"summary": "A consumer group falls behind", "value": "97", "threshold": "50", "unit": "short"},
        "startsAt": stamp(starts),
        "endsAt": stamp(ends) if ends is not None else "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example:9090/graph?g0.expr=up&g0.tab=1",
        "fingerprint": f"print-{name}",
        **fields,
    }


@pytest.fixture(name="webhook_body")
def webhook_body_fixture() -> Body:
    """Make a webhook body."""
    return webhook_body


@pytest.fixture(name="alert")
def alert_fixture() -> Callable[..., dict[str, Any]]:
    """Make an alert of a webhook body."""
    return alert


@pytest.fixture
def settings(tmp_path: Path, workspace: Workspace) -> RouterSettings:
    """Settings of a router beside the workspace."""
    return RouterSettings.model_validate(
        {
            "listen": "127.0.0.1:1",
            "store": str(tmp_path / "router.db"),
            "slack": {"token": TOKEN, "base_url": workspace.url, "timeout": 0.3},
            "routes": [{"match": {"signal": "kafka_lag"}, "channel": "#kafka"}],
            "default_channel": "#alerts",
            "links": {"dashboards": "http://grafana.example", "runbooks": "http://runbooks.example/base"},
        }
    )


class Killed(BaseException):
    """What a kill -9 is to the code: it does not come back."""


@dataclass
class Fuse:
    """Counts the await boundaries of store and Slack, and kills at one of them."""

    left: int | None = None
    passed: int = 0

    def burn(self) -> None:
        """Pass one boundary."""
        self.passed += 1
        if self.left is not None and self.passed > self.left:
            raise Killed


LOOKS = {outbox.agenda, strays.due}
"""What a loop asks as often as it has time to: a kill around one is a kill before the call that comes next."""


@dataclass
class Mortal:
    """A store or Slack whose every call may be the last: before it has any effect, or after it had all."""

    inner: Any
    fuse: Fuse

    def __getattr__(self, name: str) -> Any:
        """Wrap a coroutine function; what is none is handed through."""
        method = getattr(self.inner, name)
        if not callable(method):
            return method

        async def call(*arguments: Any, **named: Any) -> Any:
            if arguments[0] in LOOKS:
                return await method(*arguments, **named)
            self.fuse.burn()
            result = await method(*arguments, **named)
            self.fuse.burn()
            return result

        return call


@dataclass
class Router:
    """One life of a router: a pipeline on the settings' database, delivering."""

    pipeline: Pipeline
    store: Store
    metrics: Metrics
    task: asyncio.Task[None]

    async def accept(self, body: bytes) -> None:
        """Take a body as the webhook does."""
        await self.pipeline.accept(body)

    async def settled(self, seconds: float = 60) -> None:
        """Wait until Slack shows all of it, or raise what ended the delivery."""
        async with asyncio.timeout(seconds):
            while await self.store.run(outbox.channels):
                if self.task.done():
                    self.task.result()
                await asyncio.sleep(0.005)


@asynccontextmanager
async def router_on(
    settings: RouterSettings,
    fuse: Fuse | None = None,
    pace: Pace = FAST,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsyncIterator[Router]:
    """Start a router; at the end it is cut off, not asked to finish."""
    store = await open_store(settings.store, settings.store_password())
    metrics = Metrics()
    slack_settings = settings.slack
    async with (
        open_slack(TOKEN, slack_settings.base_url, slack_settings.timeout) as slack,
        open_alertmanager(settings.alertmanager) as alertmanager,
        open_prometheus(settings.prometheus) as prometheus,
        open_webhook(settings.fallback) as webhook,
    ):
        ends: tuple[Any, Any] = (Mortal(store, fuse), Mortal(slack, fuse)) if fuse else (store, slack)
        routes = compiled(settings)
        pipeline = assemble(settings, routes, *ends, alertmanager, prometheus, webhook, metrics, clock, pace)
        task = asyncio.create_task(pipeline.run())
        try:
            yield Router(pipeline, store, metrics, task)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, Killed, BaseExceptionGroup):
                await task
            await store.close()


@pytest.fixture
def start(settings: RouterSettings) -> Callable[..., Any]:
    """``async with start() as router`` runs a router on the test's database and workspace."""

    def begin(**options: Any) -> Any:
        return router_on(options.pop("settings", settings), **options)

    return begin


@pytest.fixture
def fuse() -> type[Fuse]:
    """Kills at a chosen boundary."""
    return Fuse


@pytest.fixture
def killed() -> type[Killed]:
    """How a kill shows."""
    return Killed
