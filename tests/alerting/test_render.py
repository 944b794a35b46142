"""Messages as golden Block Kit, and Slack's limits whatever the alerts hold."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerting.config import LinkSettings
from alerting.history import history
from alerting.model import Alert, Episode, Group, Message, Posted, Status
from alerting.plan import Post, Reason, Reply, plan
from alerting.render import render
from alerting.view import view

BEGAN = datetime(2026, 11, 23, 4, 40, 52, tzinfo=UTC)
LINKS = LinkSettings(dashboards="http://grafana.example", runbooks="http://runbooks.example")


def alert(number: int, starts: float = 0, ends: float | None = None, value: str = "0.97") -> Alert:
    return Alert(
        fingerprint=f"print-{number:02}",
        status=Status.FIRING if ends is None else Status.RESOLVED,
        starts_at=BEGAN + timedelta(seconds=starts),
        ends_at=None if ends is None else BEGAN + timedelta(seconds=ends),
        labels={
            "alertname": "PodCPUNearLimit",
            "severity": "warning",
            "signal": "pod_cpu",
            "namespace": "demo",
            "pod": f"orders-{number}",
        },
        annotations={
            "summary": "A pod is near its CPU limit",
            "description": f"orders-{number} uses 97 % of its CPU limit.",
            "value": value,
            "threshold": "0.8",
            "unit": "percentunit",
            "dashboard_url": "/d/bongsu-pods?var-pod=orders-0&var-namespace=demo",
            "runbook_url": "/runbooks/PodCPUNearLimit",
        },
        source_url="http://prometheus.example:9090/graph?g0.expr=pod_cpu_limit_ratio+%3E+0.8&g0.tab=1",
    )


HOSTILE = Alert(
    fingerprint="hostile",
    status=Status.FIRING,
    starts_at=BEGAN,
    ends_at=None,
    labels={
        "alertname": "<!channel> & `co\u202ede` *bold*\nnext",
        "severity": "<@U123>",
        "pod": "`<https://evil.example|click>` <!here>",
    },
    annotations={
        "summary": "<!everyone> a * b _c_",
        "description": "line one\n<https://evil.example|your bank> & more",
        "value": "<1>",
        "threshold": "&",
        "unit": "<b>",
        "dashboard_url": "https://x.example/|<!channel>",
        "runbook_url": "javascript:alert(1)",
    },
    source_url="http://p.example/graph?a=1&b=<2>",
)


def episode(*alerts: Alert, truncated: int = 0, **fields: object) -> Episode:
    group = Group("key", {"alertname": alerts[0].labels["alertname"]}, "http://alertmanager.example:9093")
    began = min(item.starts_at for item in alerts)
    made = Episode(1, group, "#pods", alerts, began, truncated)
    return replace(made, **fields)


def posted(stored: Episode) -> Message:
    step = plan(stored, LINKS, 5)
    assert step
    return render(step)


MESSAGES = {
    "firing": episode(alert(0)),
    "joined": episode(alert(0), alert(1, 60, value="1.02")),
    "partly_resolved": episode(alert(0, 0, 200), alert(1, 60)),
    "resolved": episode(alert(0, 0, 200), alert(1, 60, 170)),
    "unclear": episode(alert(0, 0, 200), truncated=3),
    "many": episode(*(alert(number, number) for number in range(8)), truncated=40),
    "hostile": episode(HOSTILE, replace(HOSTILE, fingerprint="b", labels={**HOSTILE.labels, "pod": "other"})),
    "replaced": episode(alert(0), shown="older", previous="https://bongsu.slack.example/archives/C1/p1"),
    "digest": episode(
        *(alert(number, number) for number in range(9)), alert(9, 0, 60), groups=5, delayed=42, group=Group("d", {}, "")
    ),
    "bare": episode(replace(alert(0), labels={"alertname": "Bare"}, annotations={}, source_url="")),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_is_as_it_was_looked_at(name, golden, check_limits):
    """One golden file a case; paste it into Slack's Block Kit Builder to see it."""
    message = posted(MESSAGES[name])
    check_limits(message.text, message.blocks, message.attachments)
    content = {"text": message.text, "blocks": message.blocks, "attachments": message.attachments}
    golden(f"{name}.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")


TOLD = {item.fingerprint: item.mark for item in (alert(0), alert(1))}
REPLIES = {
    "fired": (episode(alert(0)), {}),
    "fired_many": (episode(*(alert(number) for number in range(8))), {}),
    "joined": (episode(alert(0), alert(1), alert(2)), TOLD),
    "left": (episode(alert(0, 0, 9), alert(1)), TOLD),
    "joined_and_left": (episode(alert(0, 0, 9), alert(1), alert(2), alert(3, 0, 5)), TOLD),
    "resolved": (episode(alert(0, 0, 200), alert(1, 0, 9)), TOLD),
    "hostile": (episode(HOSTILE), {}),
}


def test_replies_are_as_they_were_looked_at(golden):
    """All kinds of history in one file."""
    texts = {}
    for name, (stored, told) in REPLIES.items():
        stored = replace(stored, told=told)
        told_step = Reply(Reason.HISTORY, history(stored, view(stored, LINKS, 5)), {})
        texts[name] = render(told_step).text
    golden("replies.json", json.dumps(texts, indent=1, ensure_ascii=False) + "\n")


def strings(message: Message) -> list[str]:
    """Every mrkdwn text of a message."""
    found = [message.text]
    for block in message.attachments[0]["blocks"]:
        found += [
            part["text"] for part in (block.get("text"), *block.get("fields", []), *block.get("elements", [])) if part
        ]
    return found


def test_hostile_text_mentions_nobody():
    """Every < that is left begins one of our own dates or links."""
    for text in strings(posted(MESSAGES["hostile"])):
        for piece in text.split("<")[1:]:
            assert piece.startswith(
                ("!date^", "https://x.example/", "http://p.example/", "http://alertmanager.example")
            )
        assert "\u202e" not in text


@pytest.mark.parametrize("filling", ["a", '"', "&", "\\", "😀", "\n", "*", "é", "\u202e"])
def test_very_long_texts_stay_within_the_limits(filling, check_limits):
    """Whatever is long is cut where it is whole: 100,000 characters in every text, URLs included."""
    long = filling * 100_000
    url = f"http://x.example/{filling * 970}"
    notes = dict.fromkeys(("summary", "description", "value", "threshold", "unit"), long)
    notes |= {"dashboard_url": url, "runbook_url": url}
    alerts = [
        Alert(
            str(number),
            Status.FIRING,
            BEGAN,
            None,
            {"alertname": long, "severity": long, "n": f"{number}{long}"},
            notes,
            url,
        )
        for number in range(60)
    ]
    stored = episode(*alerts, truncated=9, previous=f"https://bongsu.slack.example/{'p' * 200}")
    stored = replace(stored, group=Group("key", {}, url))
    for message in (render(Post(Reason.FIRST, view(stored, LINKS, 50), stored.previous)), render_history(stored)):
        check_limits(message.text, list(message.blocks), list(message.attachments))


def render_history(stored: Episode) -> Message:
    step = plan(replace(stored, root=Posted("C1", "1.0"), shown=view(stored, LINKS, 50).digest), LINKS, 50)
    assert step
    return render(step)


texts = st.text(max_size=400)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    labels=st.dictionaries(texts, texts, max_size=5),
    notes=st.dictionaries(
        st.sampled_from(["summary", "description", "value", "threshold", "unit", "runbook_url", "dashboard_url"]), texts
    ),
    source=texts,
    count=st.integers(1, 32),
    groups=st.none() | st.integers(1, 32),
)
def test_no_alert_makes_a_message_that_slack_refuses(labels, notes, source, count, groups, check_limits):
    """Any text in any place, in a group's own message or in a digest, which leaves none out."""
    alerts = [Alert(str(number), Status.FIRING, BEGAN, None, labels, notes, source) for number in range(count)]
    stored = replace(episode(replace(alerts[0], labels={"alertname": "x"})), alerts=tuple(alerts), groups=groups)
    message = posted(stored)
    check_limits(message.text, list(message.blocks), list(message.attachments))
    listed = [line for text in strings(message)[1:] for line in text.splitlines() if line.startswith("• `")]
    assert groups is None or len(listed) >= (count if labels else 0)
