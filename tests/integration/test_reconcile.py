"""The router beside a real Alertmanager, which never tells of an alert that resolves while it is silenced."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from alerting.app import make_app
from alerting.config import RouterSettings
from alerting.pace import Pace
from demo.slack.app import build
from demo.slack.settings import SlackSettings

TOKEN = "xoxb-test"
WORKSPACE = {"listen": "127.0.0.1:1", "channels": [{"name": "alerts"}], "tokens": [{"token": TOKEN, "name": "Bongsu"}]}
PACE = Pace(gap=0.0, settle=0.1, first_wait=0.05, longest_wait=0.2)


def settings(folder, alertmanager, slack_port):
    return RouterSettings.model_validate(
        {
            "listen": "127.0.0.1:1",
            "store": str(folder / "router.db"),
            "slack": {"token": TOKEN, "base_url": f"http://127.0.0.1:{slack_port}/api"},
            "alertmanager": {"urls": [alertmanager], "interval": 0.2, "warm_up": 0.1},
            "default_channel": "#alerts",
        }
    )


def alert(ends_in):
    now = datetime.now(UTC)
    labels = {"alertname": "Lag", "severity": "critical"}
    return [
        {
            "labels": labels,
            "startsAt": (now - timedelta(minutes=1)).isoformat(),
            "endsAt": (now + timedelta(seconds=ends_in)).isoformat(),
        }
    ]


def silence():
    now = datetime.now(UTC)
    return {
        "matchers": [{"name": "alertname", "value": "Lag", "isRegex": False}],
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
        "createdBy": "a test",
        "comment": "maintenance",
    }


@pytest.fixture(scope="module")
def stack(parts):
    with parts("alertmanager") as stack:
        yield stack


async def test_an_alert_that_resolves_while_it_is_silenced_turns_grey_and_then_green(stack, serve, tmp_path):
    """No notification tells of either."""
    book = stack.book
    alertmanager = f"http://{book['alertmanager']}"
    async with serve(build(SlackSettings.model_validate(WORKSPACE))) as slack_port, httpx.AsyncClient() as client:

        async def shown(word):
            async with asyncio.timeout(20):
                while True:
                    answer = await client.get(f"http://127.0.0.1:{slack_port}/messages", params={"channel": "alerts"})
                    titles = [message["blocks"][0]["text"]["text"] for message in answer.json()["messages"]]
                    if [title for title in titles if word in title]:
                        return titles
                    await asyncio.sleep(0.1)

        app = make_app(settings(tmp_path, alertmanager, slack_port), lambda: datetime.now(UTC), PACE)
        async with app.router.lifespan_context(app), serve(app, port=int(book["router_port"])):
            (await client.post(f"{alertmanager}/api/v2/alerts", json=alert(300))).raise_for_status()
            assert await shown("Firing") == ["🔥 Firing: Lag"]
            (await client.post(f"{alertmanager}/api/v2/silences", json=silence())).raise_for_status()
            assert await shown("Silenced") == ["🔕 Silenced: Lag"]
            (await client.post(f"{alertmanager}/api/v2/alerts", json=alert(0))).raise_for_status()
            (title,) = await shown("Resolved")
            assert title.startswith("✅ Resolved: Lag after 1m")
