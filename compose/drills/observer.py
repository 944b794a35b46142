"""What Prometheus and Slack say; nothing here decides anything."""

import os
from typing import Any, Self

import httpx
from slack_sdk import WebClient
from slack_sdk.http_retry import RateLimitErrorRetryHandler, default_retry_handlers

from alerting.slack import proxy
from compose.addresses import SLACK_TOKEN, AddressBook


class DrillFailed(Exception):
    """The drill can't go on; the message is what the table shows."""


class Observer:
    """Asks Prometheus and Slack."""

    def __init__(self, book: AddressBook) -> None:
        """Know where to ask; nothing is asked yet."""
        self._http = httpx.Client(timeout=5, trust_env=False)
        self._prometheus = f"http://{book['prometheus']}/api/v1"
        token = os.environ[SLACK_TOKEN] if book.real_slack else book["slack_token"]
        patient = [*default_retry_handlers(), RateLimitErrorRetryHandler(max_retry_count=3)]
        self._slack = WebClient(token=token, base_url=book["slack_api"], timeout=10, retry_handlers=patient)
        self._slack.proxy = proxy(book["slack_api"])
        self._channels: dict[str, str] = {}
        self._fired: dict[str, dict[str, str]] = {}

    def __enter__(self) -> Self:
        """Observe for the length of a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give the connections back."""
        self._http.close()

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
        """Every top-level message of a channel since then, with the channel's id and name."""
        identifier = self.channels().get(channel)
        if identifier is None:
            raise DrillFailed(f"Slack has no channel #{channel} that the app is in; invite it there")
        history = self._slack.conversations_history(channel=identifier, oldest=f"{since:.6f}", limit=200)
        return [{**message, "channel": identifier, "channel_name": channel} for message in history["messages"]]

    def message(self, channel: str, ts: str) -> dict[str, Any] | None:
        """One message as it is now, None when it is gone."""
        history = self._slack.conversations_history(channel=channel, oldest=ts, latest=ts, inclusive=True, limit=1)
        return next(iter(history["messages"]), None)

    def thread(self, channel: str, ts: str) -> list[dict[str, Any]]:
        """Return the replies to a message, oldest first."""
        replies = self._slack.conversations_replies(channel=channel, ts=ts, limit=200)
        return [reply for reply in replies["messages"] if reply["ts"] != ts]

    def series(self, query: str, start: float, end: float, step: float) -> list[tuple[float, float]]:
        """Points (Unix seconds, value) of the first series of a query."""
        range_ = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.3f}"}
        found = self._get("/query_range", query=query, **range_)["result"]
        return [(float(at), float(value)) for at, value in found[0]["values"]] if found else []

    def link(self, channel: str, ts: str) -> str:
        """Where a browser shows a message."""
        return str(self._slack.chat_getPermalink(channel=channel, message_ts=ts)["permalink"])

    def _get(self, path: str, **params: str) -> dict[str, Any]:
        response = self._http.get(self._prometheus + path, params=params)
        response.raise_for_status()
        data: dict[str, Any] = response.json()["data"]
        return data
