"""What the router's tests have: stand-ins for all that it talks to, webhook bodies, and a router that can be killed."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from alerting.config import RouterSettings
from alerting.pace import Pace
from tests.alerting.alertmanager import START, FakeAlertmanager
from tests.alerting.life import FAST, Clock, Fuse, Killed, router_on
from tests.alerting.port import served
from tests.alerting.prometheus import FakePrometheus
from tests.alerting.slack import TOKEN, Fault, Workspace, check_limits


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
    async with served(application) as url:
        made.url = f"{url}/api"
        yield made


@pytest.fixture
async def prometheus() -> AsyncIterator[FakePrometheus]:
    """A Prometheus on a port of its own."""
    made = FakePrometheus()
    application = web.Application()
    application.router.add_post("/api/v1/query_range", made.handle)
    application.router.add_post("/api/v1/query", made.instant)
    application.router.add_get("/api/v1/alertmanagers", made.alertmanagers)
    async with served(application) as url:
        made.url = url
        yield made


@pytest.fixture
async def alertmanager() -> AsyncIterator[FakeAlertmanager]:
    """An Alertmanager on a port of its own, that has run for long."""
    made = FakeAlertmanager()
    application = web.Application()
    application.router.add_route("*", "/api/v2/{what}", made.handle)
    application.router.add_delete("/api/v2/silence/{id}", made.expire)
    async with served(application) as url:
        made.url = url
        yield made


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


@pytest.fixture
def clock() -> Clock:
    """A clock that stands at noon, after the alerts began."""
    return Clock(datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
