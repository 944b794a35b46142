"""One run: the script acted out on real processes, then the verdict."""

import asyncio
import random
import shutil
import socket
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Connection, select

from alerting.store import Store, open_store, outbox, strays
from alerting.store.schema import alerts as stored
from tests.chaos.alertmanager import Alertmanager, body, tell
from tests.chaos.judge import Verdict, judge, states
from tests.chaos.life import Router
from tests.chaos.script import STEADY, Blow, Group, Mode, Script, Telling
from tests.chaos.slack import TOKEN, Ambush, Workspace, serving
from tests.postgresql import PostgreSQL

TO_SETTLE = 45.0
"""Seconds after which what Slack does not show is lost."""


@dataclass(frozen=True)
class Outcome:
    """What a run did, and what came of it; `home` is kept when there is something to look at."""

    script: Script
    kills: int
    stops: int
    alerts: int
    verdict: Verdict
    home: Path | None


@dataclass
class Stage:
    """Everything that runs."""

    script: Script
    home: Path
    client: httpx.AsyncClient
    slack: Workspace
    routers: list[Router]
    urls: list[str]
    store: Store
    alertmanager: Alertmanager | None
    base: datetime = field(default_factory=lambda: datetime.now(UTC))
    deleted: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    stops: int = 0

    async def act(self) -> None:
        """Act the script out; returns when all that was to be told has been taken, and every router is up."""
        if self.alertmanager:
            await self._acquaint(self.alertmanager)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tell())
            for blow in self.script.blows:
                group.create_task(self._strike(blow))
            for at, order in self.script.faults:
                group.create_task(self._order(at, order.model_dump()))
            for at in self.script.full_disk:
                group.create_task(self._fill_disk(at))
            for at in self.script.restarts:
                group.create_task(self._restart(at))

    async def _acquaint(self, alertmanager: Alertmanager) -> None:
        """Let the router see the Alertmanager's list; the run begins when it has."""
        feeding = asyncio.create_task(alertmanager.feed(self.client, (STEADY,), self.base))
        async with asyncio.timeout(TO_SETTLE):
            while not await self.store.run(_has_listed):
                await asyncio.sleep(0.05)
        feeding.cancel()
        with suppress(asyncio.CancelledError):
            await feeding
        self.base = datetime.now(UTC)

    async def _tell(self) -> None:
        if self.alertmanager:
            feeding = asyncio.create_task(self.alertmanager.feed(self.client, self.script.groups, self.base))
            await asyncio.sleep(4)
            feeding.cancel()
            with suppress(asyncio.CancelledError):
                await feeding
            return
        chance = random.Random(self.script.seed)
        begun = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for telling in self.script.tellings:
                await asyncio.sleep(max(0.0, begun + telling.at - asyncio.get_running_loop().time()))
                if telling.last:
                    await self._delete(telling)
                group.create_task(tell(self.client, self.urls, body(telling, self.base), chance))

    async def _delete(self, telling: Telling) -> None:
        """Delete the group's message, as a person may, while something in it fires: it has a change before it."""
        name = telling.group.name
        if name not in self.script.deletions or name in self.deleted:
            return
        self.deleted[name] = 0
        topics = {life.topic for life in telling.group.lives}
        for message in await self.slack.messages(self.client):
            burning = {topic for topic, fires in states(message).items() if fires}
            if not message["deleted"] and topics & burning:
                channel = await self._channel(message["channel"])
                answer = await self._slack("chat.delete", channel=channel, ts=message["ts"])
                self.deleted[name] += bool(answer["ok"])

    async def _channel(self, name: str) -> str:
        listed = await self._slack("conversations.list")
        return next(str(channel["id"]) for channel in listed["channels"] if channel["name"] == name)

    async def _slack(self, method: str, **arguments: str) -> dict[str, Any]:
        """Call Slack as a person's client does; ordered failures meet it too."""
        url = f"http://127.0.0.1:{self.slack.port}/api/{method}"
        for _ in range(10):
            with suppress(httpx.HTTPError, ValueError):
                headers = {"Authorization": f"Bearer {TOKEN}"}
                answer = (await self.client.post(url, data=arguments, headers=headers, timeout=3)).json()
                if answer["ok"] or answer["error"] in ("message_not_found", "channel_not_found"):
                    return dict(answer)
            await asyncio.sleep(0.2)
        return {"ok": False, "channels": []}

    async def _strike(self, blow: Blow) -> None:
        await asyncio.sleep(blow.at)
        struck = asyncio.Event()

        async def strike() -> None:
            router = self.routers[blow.router]
            if blow.stop:
                self.stops += 1
                router.stop()
            else:
                self.kills += 1
                await router.kill()
            struck.set()

        if blow.call:
            ambush = Ambush(blow.router, blow.call, blow.after, strike)
            self.slack.ambushes.append(ambush)
            with suppress(TimeoutError):
                async with asyncio.timeout(2):
                    await struck.wait()
            if ambush in self.slack.ambushes:
                self.slack.ambushes.remove(ambush)
        if not struck.is_set():
            await strike()
        await asyncio.sleep(blow.seconds)
        self._revive(blow.router)

    def _revive(self, number: int) -> None:
        router = self.routers[number]
        if router.stopped:
            router.go_on()
        if not router.alive:
            router.start()

    async def _order(self, at: float, order: dict[str, Any]) -> None:
        await asyncio.sleep(at)
        await self.slack.ask(self.client, "POST", "faults", json=order)

    async def _fill_disk(self, at: float) -> None:
        await asyncio.sleep(at)
        self.routers[0].limit_files(4096)
        await asyncio.sleep(0.7)
        self.routers[0].limit_files(None)

    async def _restart(self, at: float) -> None:
        await asyncio.sleep(at)
        assert self.alertmanager
        self.alertmanager.kill()
        self.alertmanager.start()

    async def settled(self) -> Verdict:
        """Wait until Slack shows what is true and nothing is under way; the verdict then, or when time is up."""
        await self.slack.ask(self.client, "DELETE", "faults")
        end = asyncio.get_running_loop().time() + TO_SETTLE
        while True:
            for number, router in enumerate(self.routers):
                if not router.alive:
                    self._revive(number)
            quiet = not await self.store.run(outbox.channels) and not await self.store.run(strays.count)
            messages = await self.slack.messages(self.client)
            verdict = judge(messages, await self._truth(), self._allowed(), told=self.alertmanager is None)
            if (quiet and verdict.good) or asyncio.get_running_loop().time() > end:
                return verdict
            if quiet and not self.alertmanager:  # nothing more will come
                return verdict
            await asyncio.sleep(0.1)

    async def _truth(self) -> dict[str, bool]:
        lives = [life for group in self._groups for life in group.lives]
        if self.alertmanager:
            firing = await self.alertmanager.firing(self.client)
            return {life.topic: life.topic in firing for life in lives}
        return {life.topic: life.fires(1000) for life in lives}

    def _allowed(self) -> dict[str, int]:
        return {
            life.topic: len(life.spans) + self.deleted[group.name] for group in self._groups for life in group.lives
        }

    @property
    def _groups(self) -> tuple[Group, ...]:
        return (*self.script.groups, STEADY) if self.alertmanager else self.script.groups


def _has_listed(connection: Connection) -> bool:
    return connection.execute(select(stored.c.listed).where(stored.c.listed)).first() is not None


async def play(script: Script, postgresql: PostgreSQL | None) -> Outcome:
    """Act one script out and judge."""
    home = Path(tempfile.mkdtemp(prefix=f"bongsu-chaos-{script.mode}-{script.seed}-"))
    async with _stage(script, home, postgresql) as stage:
        await stage.act()
        verdict = await stage.settled()
    alerts = sum(len(group.lives) for group in script.groups)
    if verdict.good:
        shutil.rmtree(home)
    return Outcome(script, stage.kills, stage.stops, alerts, verdict, None if verdict.good else home)


@asynccontextmanager
async def _stage(script: Script, home: Path, postgresql: PostgreSQL | None) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=5, trust_env=False))
        slack = await stack.enter_async_context(serving())
        ports = _free_ports(script.routers + 1)
        urls = [f"http://127.0.0.1:{port}" for port in ports[:-1]]
        address = str(home / "router.db")
        if script.mode is Mode.REPLICAS:
            assert postgresql
            address = await asyncio.to_thread(postgresql.new)
            stack.callback(postgresql.drop, address)
        alertmanager = None
        if script.mode is Mode.ALERTMANAGER:
            alertmanager = Alertmanager(home, ports[-1], urls[0])
            alertmanager.start()
            stack.callback(alertmanager.kill)
        routers = [
            Router(_settings(url, address, slack.api(number), alertmanager), home / f"router-{number}.log")
            for number, url in enumerate(urls)
        ]
        for router in routers:
            router.start()
            stack.push_async_callback(router.kill)
        for url in urls:
            await _ready(client, url)
        store = await open_store(address)
        stack.push_async_callback(store.close)
        yield Stage(script, home, client, slack, routers, urls, store, alertmanager)


def _settings(url: str, store: str, slack: str, alertmanager: Alertmanager | None) -> dict[str, Any]:
    channels = {"kafka_lag": "#kafka", "gateway_limits": "#gateway", "pod_cpu": "#pods"}
    found: dict[str, Any] = {
        "listen": url.removeprefix("http://"),
        "store": store,
        "slack": {"token": TOKEN, "base_url": slack, "timeout": 1},
        "routes": [{"match": {"signal": signal}, "channel": channel} for signal, channel in channels.items()],
        "default_channel": "#alerts",
    }
    if alertmanager:
        found["alertmanager"] = {"urls": [alertmanager.url], "interval": 0.5, "warm_up": 2}
    return found


async def _ready(client: httpx.AsyncClient, url: str) -> None:
    async with asyncio.timeout(30):
        while True:
            with suppress(httpx.HTTPError):
                if (await client.get(f"{url}/-/ready")).is_success:
                    return
            await asyncio.sleep(0.02)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports
