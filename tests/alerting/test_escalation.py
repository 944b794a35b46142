"""When a step is due, as a table; and that it is taken once."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerting.config import LinkSettings, RouterSettings
from alerting.errands import notice
from alerting.escalation import due
from alerting.handling import Offer
from alerting.model import Act, Alert, Deed, Episode, Group, Outcome, Person, Status, Suppression
from alerting.plan import plan
from alerting.render import render
from alerting.routes import compiled

OPENED = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
JANE = Person("U0JANE", "jane <!channel>")
ROUTES = compiled(
    RouterSettings.model_validate(
        {
            "listen": "127.0.0.1:1",
            "store": "r.db",
            "slack": {"token": "x"},
            "default_channel": "#alerts",
            "mention": {"critical": ["U0ONCALL"]},
            "escalation": [{"after": "10m", "mention": ["S0123456"]}, {"after": "30m", "channel": "#incidents"}],
            "routes": [{"match": {"severity": "info"}, "escalation": []}],
        }
    )
)


def episode(*acts: Act, severity: str = "critical", **fields: object) -> Episode:
    labels = {"alertname": "Lag", "severity": severity, "topic": "orders"}
    fire = Alert("print-a", Status.FIRING, OPENED, None, labels, {"summary": "It <lags>", "runbook_url": "/lag"})
    made = Episode(
        id=1,
        group=Group("{}:{}", {"alertname": "Lag"}, "http://alertmanager.example"),
        channel="#kafka",
        alerts=(fire,),
        since=OPENED,
        acts=acts,
        opened_at=OPENED,
    )
    return replace(made, **fields)


def act(deed: Deed, **fields: object) -> Act:
    return replace(Act(1, "key", deed, JANE, OPENED + timedelta(minutes=1)), **fields)


ESCALATED = act(Deed.ESCALATE, step=0, by=None, mention=("S0123456",), note="after 10m without acknowledgement")
RESOLVED = replace(episode().alerts[0], status=Status.RESOLVED, ends_at=OPENED)
SILENCED = replace(episode().alerts[0], suppressed=Suppression.SILENCED)


@pytest.mark.parametrize(
    ("stored", "minutes", "step"),
    [
        (episode(), 9.9, None),
        (episode(), 10, 0),
        (episode(), 90, 0),
        (episode(ESCALATED), 29, None),
        (episode(ESCALATED), 30, 1),
        (episode(ESCALATED, act(Deed.ESCALATE, step=1, outcome=Outcome.ASKED)), 90, None),
        (episode(act(Deed.ACKNOWLEDGE)), 90, None),
        (episode(act(Deed.SILENCE)), 90, 0),
        (episode(alerts=(SILENCED,)), 90, None),
        (episode(alerts=(RESOLVED,)), 90, None),
        (episode(severity="info"), 90, None),
        (episode(opened_at=OPENED + timedelta(minutes=5)), 12, None),
    ],
)
def test_a_step_is_due_when_nobody_has_acknowledged_in_time(stored, minutes, step):
    """One after the other; not for what is silenced, over, or has no steps; counted from when we heard of it."""
    found = due(stored, ROUTES, OPENED + timedelta(minutes=minutes))
    assert (found and found.step) == step


def test_a_step_in_another_channel_waits_for_somebody_to_write_there():
    """The others are told in the thread, so they are done at once."""
    first = due(episode(), ROUTES, OPENED + timedelta(hours=1))
    second = due(episode(ESCALATED), ROUTES, OPENED + timedelta(hours=1))
    assert (first.outcome, first.channel, first.mention) == (Outcome.DONE, None, ("S0123456",))
    assert (second.outcome, second.channel) == (Outcome.ASKED, "#incidents")


def test_a_notice_elsewhere_says_what_where_and_why():
    """Escaped, with a link to the message."""
    asked = due(episode(ESCALATED), ROUTES, OPENED + timedelta(hours=1))
    made = notice(asked, episode(), "https://x.slack.example/p1")
    assert made.text.splitlines() == [
        "It &lt;lags&gt;",
        "1 firing, severity `critical`",
        "<https://x.slack.example/p1|The message> is in #kafka. Escalated after 30m without acknowledgement.",
    ]


def test_a_message_with_all_that_people_can_do(golden, check_limits):
    """Whom it calls, who did what, and what one can still do."""
    links = LinkSettings(runbooks="http://runbooks.example")
    silence = act(Deed.SILENCE, id=2, until=OPENED + timedelta(hours=1))
    stored = episode(act(Deed.ACKNOWLEDGE), silence, ESCALATED, alerts=(SILENCED,))
    offer = Offer(ROUTES, clicks=True, silences=True)
    for name, shown in (("handled", stored), ("offered", episode())):
        message = render(plan(shown, links, 10, offer))
        check_limits(message.text, message.blocks, message.attachments)
        content = {"text": message.text, "blocks": message.blocks, "attachments": message.attachments}
        golden(f"{name}.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")
