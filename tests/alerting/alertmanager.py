"""An Alertmanager that lists what it is told, and keeps silences."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

START = datetime(2026, 11, 23, 4, 40, 52, 568000, tzinfo=UTC)
"""When the alerts of a test began, unless it says otherwise."""


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
