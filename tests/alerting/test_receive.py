"""Bodies that are taken, and bodies that are refused with a sentence that says why."""

import json
from datetime import UTC, datetime

import pytest

from alerting.errors import Refusal, Rejected
from alerting.model import Status
from alerting.receive import MAX_BODY, receive

ALERTMANAGER_0_25 = b"""{"receiver":"hook","status":"firing","alerts":[{"status":"firing","labels":
{"alertname":"DemoHigh","instance":"127.0.0.1:18070","job":"demo","severity":"page","svc":"a"},"annotations":
{"summary":"demo_value is 50 on a"},"startsAt":"2026-11-23T04:40:52.568Z","endsAt":"0001-01-01T00:00:00Z",
"generatorURL":"http://vm:18091/graph?g0.expr=demo_value+%3E+10\\u0026g0.tab=1","fingerprint":"6a1249983ac4ed0a"}],
"groupLabels":{"alertname":"DemoHigh","svc":"a"},"commonLabels":{"alertname":"DemoHigh"},"commonAnnotations":{},
"externalURL":"http://vm:18093","version":"4","groupKey":"{}:{alertname=\\"DemoHigh\\", svc=\\"a\\"}",
"truncatedAlerts":0}"""

ALERTMANAGER_0_34 = b"""{"receiver":"ok","status":"resolved","alerts":[{"status":"resolved","labels":
{"alertname":"A-ok","severity":"critical"},"annotations":{"value":"97.3"},"startsAt":"2026-11-23T04:47:47.501209123Z",
"endsAt":"2026-11-23T05:47:47+01:00","generatorURL":"","fingerprint":"ab3f42c88c566e9c"}],
"notification_reason":"some alerts resolved","routeLabels":{"team":"a"},"groupLabels":{},"commonLabels":{},
"commonAnnotations":{},"externalURL":"http://am.example:9093","version":"4","groupKey":"{}/{case=\\"ok\\"}:{}",
"truncatedAlerts":3}"""


def test_a_body_of_alertmanager_0_25_is_read():
    """The oldest supported version."""
    notification = receive(ALERTMANAGER_0_25)
    (alert,) = notification.alerts
    assert notification.group.key == '{}:{alertname="DemoHigh", svc="a"}'
    assert notification.group.alertmanager_url == "http://vm:18093"
    assert alert.status is Status.FIRING
    assert alert.starts_at == datetime(2026, 11, 23, 4, 40, 52, 568000, UTC)
    assert alert.ends_at is None
    assert alert.source_url == "http://vm:18091/graph?g0.expr=demo_value+%3E+10&g0.tab=1"


def test_fields_of_later_versions_are_tolerated():
    """notification_reason (0.32) and routeLabels (0.34); nanoseconds and zones in times."""
    notification = receive(ALERTMANAGER_0_34)
    (alert,) = notification.alerts
    assert alert.starts_at == datetime(2026, 11, 23, 4, 47, 47, 501000, UTC)  # as Alertmanager's API tells it
    assert alert.ends_at == datetime(2026, 11, 23, 4, 47, 47, tzinfo=UTC)
    assert notification.truncated == 3


def test_all_alerts_resolved_is_said_of_the_whole_group():
    """Then what was cut from the list is resolved too."""
    body = ALERTMANAGER_0_34.replace(b"some alerts resolved", b"all alerts resolved")
    assert receive(body).truncated == 0


def changed(**fields: object) -> bytes:
    return json.dumps(json.loads(ALERTMANAGER_0_25) | fields).encode()


def without(*path: str) -> bytes:
    payload = json.loads(ALERTMANAGER_0_25)
    part = payload["alerts"][0] if path[0] == "alert" else payload
    del part[path[-1]]
    return json.dumps(payload).encode()


def alert_with(**fields: object) -> bytes:
    payload = json.loads(ALERTMANAGER_0_25)
    payload["alerts"][0] |= fields
    return json.dumps(payload).encode()


REFUSED = {
    "empty": (b"", 400, "the body is not JSON: EOF while parsing a value at line 1 column 0"),
    "form": (b"payload=1", 400, "the body is not JSON: expected value at line 1 column 1"),
    "cut": (ALERTMANAGER_0_25[:-20], 400, "the body is not JSON: EOF while parsing"),
    "latin1": (b'{"version": "\xe9"}', 400, "the body is not JSON: invalid unicode code point"),
    "deep": (b"[" * 100_000, 400, "the body is not JSON: recursion limit exceeded"),
    "list": (b"[]", 422, "the body: input should be an object"),
    "no version": (without("version"), 422, "version is not the one that is taken here"),
    "grafana": (
        changed(version="1"),
        422,
        "version is not the one that is taken here: Alertmanager (4) posts to /api/v1/alertmanager, "
        "Grafana (1) to /api/v1/grafana",
    ),
    "number version": (changed(version=4), 422, "version is not the one that is taken here"),
    "no key": (without("groupKey"), 422, "groupKey is missing"),
    "empty key": (changed(groupKey=""), 422, "groupKey: string should have at least 1 character"),
    "no alerts": (without("alerts"), 422, "alerts is missing"),
    "alerts object": (changed(alerts={}), 422, "alerts: input should be a valid array"),
    "negative cut": (changed(truncatedAlerts=-1), 422, "truncatedAlerts: input should be greater than or equal to 0"),
    "huge cut": (
        changed(truncatedAlerts=2**63),
        422,
        "truncatedAlerts: input should be less than or equal to 1000000",
    ),
    "text cut": (changed(truncatedAlerts="3"), 422, "truncatedAlerts: input should be a valid integer"),
    "no status": (without("alert", "status"), 422, "alerts[0].status is missing"),
    "status": (alert_with(status="pending"), 422, "alerts[0].status: input should be 'firing' or 'resolved'"),
    "no labels": (without("alert", "labels"), 422, "alerts[0].labels is missing"),
    "number label": (alert_with(labels={"a": 1}), 422, "alerts[0].labels.a: input should be a valid string"),
    "no start": (without("alert", "startsAt"), 422, "alerts[0].startsAt is missing"),
    "bad start": (alert_with(startsAt="soon"), 422, "alerts[0].startsAt: input should be a valid datetime"),
    "no zone": (alert_with(startsAt="2026-11-23T04:40:52"), 422, "alerts[0].startsAt: input should have timezone info"),
    "no fingerprint": (without("alert", "fingerprint"), 422, "alerts[0].fingerprint is missing"),
    "large": (b" " * (MAX_BODY + 1), 413, f"the body is larger than {MAX_BODY} bytes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_body_is_refused_with_its_reason(name):
    """4xx: Alertmanager does not send it again, so the sentence must be enough to mend it."""
    body, status, sentence = REFUSED[name]
    with pytest.raises(Rejected) as caught:
        receive(body)
    assert str(caught.value).startswith(sentence)
    assert caught.value.status == status
    expected = {400: Refusal.NOT_JSON, 413: Refusal.TOO_LARGE, 422: Refusal.WRONG_SHAPE}
    assert caught.value.refusal is expected[status]


@pytest.mark.parametrize("field", ["groupLabels", "externalURL", "truncatedAlerts", "receiver", "status"])
def test_fields_that_are_not_needed_may_lack(field):
    """No alert is lost for a field that nobody needs."""
    assert receive(without(field)).alerts


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_times_at_the_edge_of_the_calendar_are_no_error(moment):
    """A zone may carry them out of it."""
    assert receive(alert_with(startsAt=moment)).alerts[0].starts_at.tzinfo is UTC


def test_null_annotations_are_none():
    """Go writes null for an empty map."""
    assert receive(alert_with(annotations=None)).alerts[0].annotations == {}


def test_a_character_that_a_database_cannot_keep_is_replaced(webhook_body, alert):
    """NUL becomes the replacement character; an escaped backslash before u0000 is text."""
    hostile = alert("a", labels={"alertname": "a\0b", "path": "C:\\u0000"})
    (kept,) = receive(webhook_body(hostile)).alerts
    assert kept.labels == {"alertname": "a\ufffdb", "path": "C:\\u0000"}
