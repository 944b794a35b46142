"""Drills: break the demo on purpose, wait for Slack, end the cause, wait for Slack again.

A drill passes when the right alert fires in the right channel, its message is edited in place once the cause is gone,
and nothing else fires meanwhile. Slack is read through its own Web API, so a drill is the same against the real one.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
from rich.console import Console
from rich.markup import escape
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry import RateLimitErrorRetryHandler, default_retry_handlers

from alerting.slack import proxy
from compose.addresses import SLACK_TOKEN, AddressBook

FIRE_SECONDS = 240.0
"""A drill that has not reached Slack by then has failed: windows and `for` of a rule add up to less than half of it."""

RESOLVE_SECONDS = 300.0
QUIET_SECONDS = 180.0
POLL_SECONDS = 0.5
SLACK_POLL_SECONDS = 2.0
"""conversations.history is tier 3, 50 calls a minute; the times that a drill reports are Slack's own timestamps."""


@dataclass(frozen=True)
class Drill:
    """What is broken (a scenario of the load generator), and what must come of it: one alert with these labels."""

    scenario: str
    alert: str
    channel: str
    labels: Mapping[str, str]


DRILLS: Mapping[str, Drill] = {
    "lag": Drill("slow-consumer", "KafkaConsumerLagHigh", "kafka", {"consumergroup": "billing", "topic": "orders"}),
    "limits": Drill("burst", "GatewayRateLimitRejecting", "gateway", {"gateway": "edge", "route": "orders"}),
    "cpu": Drill("cpu-burn", "PodCPUNearLimit", "pods", {"namespace": "demo", "pod": "orders-0"}),
}


@dataclass(frozen=True)
class Result:
    """What a drill saw; the two times are seconds, None when it did not come to that."""

    drill: str
    fired_after: float | None
    resolved_after: float | None
    link: str | None
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether everything happened that must, and nothing else did."""
        return not self.problems


class DrillFailed(Exception):
    """The drill can't go on; the message is what the table shows."""


class Observer:
    """Asks Prometheus, Slack and the load generator; the only place here that talks to anyone."""

    def __init__(self, book: AddressBook) -> None:
        """Know where to ask; nothing is asked yet."""
        self._http = httpx.Client(timeout=5, trust_env=False)
        self._prometheus = f"http://{book['prometheus']}/api/v1"
        self._load = f"http://{book['load']}/scenario"
        token = os.environ[SLACK_TOKEN] if book.real_slack else book["slack_token"]
        patient = [*default_retry_handlers(), RateLimitErrorRetryHandler(max_retry_count=3)]
        self._slack = WebClient(token=token, base_url=book["slack_api"], timeout=10, retry_handlers=patient)
        self._slack.proxy = proxy(book["slack_api"])
        self._channels: dict[str, str] = {}
        self._fired: dict[str, dict[str, str]] = {}

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def start(self, scenario: str) -> None:
        """Have the load generator play a scenario."""
        self._http.put(self._load, json={"name": scenario}).raise_for_status()

    def stop(self) -> None:
        """Back to steady load; what the scenario broke is mended."""
        self._http.delete(self._load).raise_for_status()

    def alerts(self) -> list[dict[str, Any]]:
        """Pending and firing alerts, the Watchdog left out; those that fire are remembered for `fired`."""
        found = [alert for alert in self._get("/alerts")["alerts"] if alert["labels"]["alertname"] != "Watchdog"]
        self._fired |= {str(alert["labels"]): alert["labels"] for alert in found if alert["state"] == "firing"}
        return found

    def fired(self) -> list[dict[str, str]]:
        """Labels of every alert that was seen firing since the last call."""
        seen, self._fired = list(self._fired.values()), {}
        return seen

    def breached(self, alert: str) -> bool:
        """Whether the expression of an alerting rule holds at this moment, whatever its `for` says."""
        rules = [rule for group in self._get("/rules", type="alert")["groups"] for rule in group["rules"]]
        expression = next(rule["query"] for rule in rules if rule["name"] == alert)
        return bool(self._get("/query", query=expression)["result"])

    def channels(self) -> dict[str, str]:
        """Names and ids of the channels that the app is in."""
        if not self._channels:
            pages = self._slack.conversations_list(exclude_archived=True, limit=200)
            found = (channel for page in pages for channel in page["channels"])
            self._channels = {channel["name"]: channel["id"] for channel in found if channel.get("is_member")}
        return self._channels

    def messages(self, channel: str, since: float) -> list[dict[str, Any]]:
        """Every top-level message of a channel since then, with the channel's id."""
        identifier = self.channels().get(channel)
        if identifier is None:
            raise DrillFailed(f"Slack has no channel #{channel} that the app is in; invite it there")
        history = self._slack.conversations_history(channel=identifier, oldest=f"{since:.6f}", limit=200)
        return [{**message, "channel": identifier} for message in history["messages"]]

    def message(self, channel: str, ts: str) -> dict[str, Any] | None:
        """One message as it is now, None when it is gone."""
        history = self._slack.conversations_history(channel=channel, oldest=ts, latest=ts, inclusive=True, limit=1)
        return next(iter(history["messages"]), None)

    def link(self, channel: str, ts: str) -> str:
        """Where a browser shows a message."""
        return str(self._slack.chat_getPermalink(channel=channel, message_ts=ts)["permalink"])

    def _get(self, path: str, **params: str) -> dict[str, Any]:
        response = self._http.get(self._prometheus + path, params=params)
        response.raise_for_status()
        data: dict[str, Any] = response.json()["data"]
        return data


def run(book: AddressBook, names: Sequence[str], console: Console) -> list[Result]:
    """Run drills one after the other; each starts from quiet."""
    observer = Observer(book)
    try:
        return [_run_one(name, DRILLS[name], observer, console) for name in names]
    finally:
        observer.close()


def _run_one(name: str, drill: Drill, observer: Observer, console: Console) -> Result:
    fired_after = resolved_after = link = None
    problems: list[str] = []
    try:
        with _phase(console, f"{name}: waiting until nothing fires"):
            _wait(lambda: not observer.alerts(), QUIET_SECONDS, lambda: _still_firing(observer))
        observer.fired()
        began = time.time()
        with _playing(drill.scenario, observer):
            with _phase(
                console, f"{name}: scenario {drill.scenario} plays; waiting for {drill.alert} in #{drill.channel}"
            ):
                breach, message = _await_fire(drill, observer, began)
            fired_after = float(message["ts"]) - breach
            link = observer.link(message["channel"], message["ts"])
        with _phase(console, f"{name}: the cause is gone; waiting for the same message to say so"):
            resolved_after = _await_resolve(drill, observer, message)
        problems += _others(drill, observer, began, message["ts"])
    except DrillFailed as error:
        problems.append(str(error))
    except SlackApiError as error:
        problems.append(
            f"Slack refuses {error.response.get('error')}; its token needs channels:read and channels:history"
        )
    except (httpx.HTTPError, OSError) as error:
        problems.append(f"{type(error).__name__}: {error}; `make status` shows what runs")
    result = Result(name, fired_after, resolved_after, link, tuple(problems))
    console.print(f"[green]✓[/] {name}" if result.ok else f"[bold red]✗[/] {name}: {escape('; '.join(problems))}")
    return result


@contextmanager
def _playing(scenario: str, observer: Observer) -> Iterator[None]:
    """A scenario that is ended whatever happens."""
    observer.start(scenario)
    try:
        yield
    finally:
        observer.stop()


@contextmanager
def _phase(console: Console, text: str) -> Iterator[None]:
    if not console.is_terminal:
        console.print(f"· {text}")
    with console.status(text):
        yield


def _wait(
    condition: Callable[[], bool], seconds: float, failure: Callable[[], str], every: float = POLL_SECONDS
) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise DrillFailed(failure())
        time.sleep(every)


def _still_firing(observer: Observer) -> str:
    names = sorted({f"{alert['labels']['alertname']} ({alert['state']})" for alert in observer.alerts()})
    return f"not quiet after {QUIET_SECONDS:.0f} s: {', '.join(names)}"


def _await_fire(drill: Drill, observer: Observer, began: float) -> tuple[float, dict[str, Any]]:
    """Return when the rule's expression became true, and the message that says so."""
    breach: list[float] = []
    found: list[dict[str, Any]] = []

    def fired() -> bool:
        active = [alert for alert in observer.alerts() if alert["labels"]["alertname"] == drill.alert]
        if active and not breach:
            breach.append(min(_timestamp(alert["activeAt"]) for alert in active))
        if any(alert["state"] == "firing" for alert in active):
            found[:] = [m for m in observer.messages(drill.channel, began) if drill.alert in m.get("text", "")]
        return bool(found)

    def failure() -> str:
        what = "its rule never held" if not breach else f"no message in #{drill.channel}"
        return f"{drill.alert} did not reach Slack in {FIRE_SECONDS:.0f} s: {what}"

    _wait(fired, FIRE_SECONDS, failure, SLACK_POLL_SECONDS)
    return breach[0], found[0]


def _await_resolve(drill: Drill, observer: Observer, message: dict[str, Any]) -> float:
    """Return the seconds from the end of the breach to the edit that says resolved."""
    _wait(
        lambda: not (observer.alerts() and observer.breached(drill.alert)),
        RESOLVE_SECONDS,
        lambda: f"{drill.alert} still holds {RESOLVE_SECONDS:.0f} s after the cause was gone",
    )
    recovered = time.time()
    now: list[dict[str, Any]] = []

    def resolved() -> bool:
        observer.alerts()
        current = observer.message(message["channel"], message["ts"])
        now[:] = [current] if current and _is_resolved(current) else []
        return bool(now)

    _wait(
        resolved,
        RESOLVE_SECONDS,
        lambda: f"the message was not edited to resolved in {RESOLVE_SECONDS:.0f} s",
        SLACK_POLL_SECONDS,
    )
    edited = now[0].get("edited", {}).get("ts", time.time())
    return max(0.0, float(edited) - recovered)


def _others(drill: Drill, observer: Observer, began: float, ts: str) -> list[str]:
    """Every alert that fired and every message in Slack since the drill began that is not its one."""
    fired = [
        f"also fired: {labels}"
        for labels in observer.fired()
        if labels["alertname"] != drill.alert or not drill.labels.items() <= labels.items()
    ]
    return fired + [
        f"also in #{channel}: {message.get('text', '')[:80]}"
        for channel in observer.channels()
        for message in observer.messages(channel, began)
        if message["ts"] != ts
    ]


def _is_resolved(message: dict[str, Any]) -> bool:
    """Whether a message that said that it fires now says that its group is over."""
    return "Resolved:" in message.get("text", "")


def _timestamp(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
