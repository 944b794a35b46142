"""A Prometheus that answers as it is told."""

from dataclasses import dataclass, field

from aiohttp import web


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
