"""Clicks through a socket that the router opens to Slack: no address of ours has to be reachable.

The protocol is docs.slack.dev/apis/events-api/using-socket-mode. slack-sdk has a client for it; when it can't connect
it tries the same address for ever, which Slack takes only once, and it logs a stack trace each time.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
import structlog
from pydantic import SecretStr

from alerting.config import SlackSettings
from alerting.desk import Desk
from alerting.errors import DeliveryError, Rejected, StoreError
from alerting.metrics import ACCEPTED, STORE_FAILED, Metrics
from alerting.slack import Slack

log = structlog.get_logger("alerting.socket_mode")

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before another try; they double. apps.connections.open is tier 1: once a minute, now and then more."""

LASTING = 60.0
"""Seconds after which a socket was a good one, and the pauses begin anew."""

PARTING = 30.0
"""Seconds that a socket is still read after Slack asked for another: what is on its way comes there."""


@dataclass(frozen=True)
class SocketMode:
    """Keeps a socket open for as long as it runs; what Slack sends there goes to the desk."""

    slack: Slack
    token: SecretStr
    desk: Desk
    metrics: Metrics
    first_pause: float = FIRST_PAUSE

    async def run(self) -> None:
        """Open sockets, the next before Slack closes the last, until cancelled."""
        pause = self.first_pause
        async with asyncio.TaskGroup() as sockets:
            while True:
                began = asyncio.get_running_loop().time()
                leave: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
                try:
                    socket = await self.slack.open_socket(self.token.get_secret_value())
                except DeliveryError as error:
                    wait = max(pause, error.retry_after or 0.0)
                    log.error("no socket to Slack, so no click is heard", code=error.code, again_in_s=wait)
                else:
                    sockets.create_task(self._listen(socket, leave))
                    if await leave:
                        continue
                    wait = pause = pause if asyncio.get_running_loop().time() - began < LASTING else self.first_pause
                    log.warning("the socket to Slack has closed", again_in_s=wait)
                await asyncio.sleep(wait)
                pause = min(2 * pause, LONGEST_PAUSE)

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse, leave: asyncio.Future[bool]) -> None:
        """Read a socket until it closes. `leave` becomes True when Slack asks for another, False when it just ends."""
        self.metrics.sockets.inc()
        try:
            async with asyncio.timeout(None) as limit:
                async for message in socket:
                    if message.type is not aiohttp.WSMsgType.TEXT:
                        continue
                    found = _object(message.data)
                    if found.get("type") == "disconnect":
                        log.info("Slack asks for a new socket", reason=found.get("reason"))
                        limit.reschedule(asyncio.get_running_loop().time() + PARTING)
                        if not leave.done():
                            leave.set_result(found.get("reason") in ("warning", "refresh_requested"))
                    elif await self._taken(found):
                        await socket.send_json({"envelope_id": found["envelope_id"]})
        except (TimeoutError, aiohttp.ClientError, ConnectionError):
            pass  # its end is told by who waits for `leave`
        finally:
            self.metrics.sockets.dec()
            if not leave.done():
                leave.set_result(False)
            await socket.close()

    async def _taken(self, found: dict[str, Any]) -> bool:
        """Whether to acknowledge: what is not, Slack shows to the person as failed."""
        if not isinstance(found.get("envelope_id"), str):
            return False
        if found.get("type") != "interactive":
            return True
        try:
            await self.desk.take(json.dumps(found.get("payload")).encode())
        except Rejected as refused:
            self.metrics.clicks.labels(refused.refusal.value).inc()
            log.warning("click refused", result=refused.refusal, sentence=str(refused))
            return False
        except StoreError as error:
            self.metrics.clicks.labels(STORE_FAILED).inc()
            log.error("click not kept", error=str(error))
            return False
        self.metrics.clicks.labels(ACCEPTED).inc()
        return True


@asynccontextmanager
async def listening(settings: SlackSettings, slack: Slack, desk: Desk, metrics: Metrics) -> AsyncIterator[None]:
    """Hear what people do through a socket meanwhile, if the settings have a token for it."""
    token = settings.socket_token()
    if token is None:
        yield
        return
    task = asyncio.create_task(SocketMode(slack, token, desk, metrics).run(), name="socket mode")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
