"""Grafana's webhook: its body, its signature, and who else may not come in."""

import base64
import hashlib
import hmac
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest
from pydantic import SecretStr

from alerting.app import make_app
from alerting.auth import AuthSettings
from alerting.config import GrafanaSettings, WebhookSettings
from alerting.errors import Rejected
from alerting.grafana import receive_grafana
from alerting.pace import Pace

BODY = b"""{"receiver":"router","status":"firing","orgId":2,"alerts":[{"status":"firing","labels":
{"alertname":"High load","grafana_folder":"shop","severity":"critical"},"annotations":{"summary":"The shop is slow"},
"startsAt":"2026-11-23T04:40:50Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://grafana.example/alerting/x",
"fingerprint":"c6eadffa33fcdf37","silenceURL":"http://grafana.example/alerting/silence/new",
"dashboardURL":"http://grafana.example/d/abc","panelURL":"http://grafana.example/d/abc?viewPanel=1",
"ruleUID":"u1","values":{"B":44.23943737541908},"valueString":"[ var='B' value=44.2 ]","imageURL":""}],
"groupLabels":{"alertname":"High load"},"commonLabels":{},"commonAnnotations":{},"externalURL":"http://grafana.example/",
"version":"1","groupKey":"{}:{alertname=\\"High load\\"}","truncatedAlerts":0,"title":"[FIRING:1]","state":"alerting",
"message":"**Firing**","appVersion":"13.0.1"}"""
SECRET = "grafana-signs-with-this"
NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
HOOKS = ("/api/v1/alertmanager", "/api/v1/grafana")


def changed(**fields):
    payload = json.loads(BODY)
    payload["alerts"][0] |= fields
    return json.dumps(payload).encode()


def test_a_body_of_grafana_is_read():
    """Its link and its value stand where a message looks for them; its group is none of Alertmanager's."""
    notification = receive_grafana(BODY)
    (alert,) = notification.alerts
    assert notification.group.key == 'grafana/2/{}:{alertname="High load"}'
    assert not notification.group.reconcilable
    assert alert.annotations == {
        "summary": "The shop is slow",
        "dashboard_url": "http://grafana.example/d/abc?viewPanel=1",
        "value": "44.2394",
    }


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({"values": {"A": 1, "B": 2}}, None),
        ({"values": None}, None),
        ({"values": {"B": "x"}}, None),
        ({"annotations": {"value": "7"}}, "7"),
    ],
)
def test_a_value_is_shown_only_where_it_is_one(fields, value):
    """What the rule says wins; of two values nobody can say which is compared."""
    assert receive_grafana(changed(**fields)).alerts[0].annotations.get("value") == value


def test_a_body_of_alertmanager_is_refused_here(webhook_body, alert):
    """With both addresses."""
    with pytest.raises(Rejected, match="Grafana \\(1\\) to /api/v1/grafana"):
        receive_grafana(webhook_body(alert("a")))


@asynccontextmanager
async def client(settings, **webhook):
    settings = settings.model_copy(update={"webhook": WebhookSettings(**webhook)})
    app = make_app(settings, lambda: NOW, Pace(gap=0.0, settle=0.02, first_wait=0.01))
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://r") as made:
        yield made


def signature(content, secret=SECRET):
    return hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()


STAMP = str(int(NOW.timestamp()) - 299)
OLD = str(int(NOW.timestamp()) - 301)
PLAIN, STAMPED = {}, {"timestamp_header": "X-When"}


@pytest.mark.parametrize(
    ("settings_", "headers", "status"),
    [
        (PLAIN, {"X-Grafana-Alerting-Signature": signature(BODY)}, 200),
        (PLAIN, {"X-Grafana-Alerting-Signature": signature(BODY, "another")}, 401),
        (PLAIN, {"X-Grafana-Alerting-Signature": signature(BODY + b" ")}, 401),
        (PLAIN, {"X-Grafana-Alerting-Signature": b"\xff\xe9"}, 401),
        (PLAIN, {}, 401),
        ({"signature_header": "X-Sig"}, {"X-Sig": signature(BODY)}, 200),
        (STAMPED, {"X-When": STAMP, "X-Grafana-Alerting-Signature": signature(f"{STAMP}:".encode() + BODY)}, 200),
        (STAMPED, {"X-When": OLD, "X-Grafana-Alerting-Signature": signature(f"{OLD}:".encode() + BODY)}, 401),
        (STAMPED, {"X-When": "soon", "X-Grafana-Alerting-Signature": signature(b"soon:" + BODY)}, 401),
        (STAMPED, {"X-When": STAMP, "X-Grafana-Alerting-Signature": signature(BODY)}, 401),
        (STAMPED, {"X-Grafana-Alerting-Signature": signature(b":" + BODY)}, 401),
    ],
)
async def test_a_signature_is_checked(settings, settings_, headers, status):
    """Wrong, missing, stale and malformed ones are all 401, never 500."""
    async with client(settings, grafana=GrafanaSettings(secret=SecretStr(SECRET), **settings_)) as router:
        answer = await router.post("/api/v1/grafana", content=BODY, headers=headers)
        assert answer.status_code == status
        metrics = (await router.get("/metrics")).text
    assert f'router_webhooks_total{{result="{"accepted" if status == 200 else "unauthorized"}"}} 1.0' in metrics


TOKEN = AuthSettings(token=SecretStr("let-me-in"))
BASIC = AuthSettings(username="am", password=SecretStr("pass:word"))


@pytest.mark.parametrize("path", HOOKS)
@pytest.mark.parametrize(
    ("auth", "header", "status"),
    [
        (TOKEN, "Bearer let-me-in", 200),
        (TOKEN, "Bearer let-me-out", 401),
        (TOKEN, "bearer\xe9", 401),
        (TOKEN, None, 401),
        (BASIC, f"Basic {base64.b64encode(b'am:pass:word').decode()}", 200),
        (BASIC, f"Basic {base64.b64encode(b'am:word').decode()}", 401),
        (AuthSettings(), None, 200),
    ],
)
async def test_only_who_may_brings_alerts(settings, webhook_body, alert, path, auth, header, status):
    """A token, or a name and password; a stranger is told how to come in, and no alert is kept."""
    headers = {"Authorization": header.encode("latin-1")} if header else {}
    content = BODY if path.endswith("grafana") else webhook_body(alert("a"))
    async with client(settings, auth=auth) as router:
        answer = await router.post(path, content=content, headers=headers)
        page = (await router.get("/")).text
    assert answer.status_code == status
    assert answer.headers.get("WWW-Authenticate") == ("Bearer, Basic" if status == 401 else None)
    assert ("Nothing is open." in page) == (status == 401)


async def test_grafana_may_put(settings):
    """Its contact point offers both methods."""
    async with client(settings) as router:
        assert (await router.put("/api/v1/grafana", content=BODY)).status_code == 200
