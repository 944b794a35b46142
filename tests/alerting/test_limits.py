"""Whatever alerts, people and rules say and did: Slack takes the message, and it calls only who is meant."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerting.charts import evidence, window
from alerting.config import LinkSettings
from alerting.errands import notice
from alerting.handling import Offer
from alerting.illustrate import FORMS
from alerting.model import (
    Act,
    Alert,
    ChartForm,
    Deed,
    Episode,
    Group,
    Illustration,
    Message,
    Outcome,
    Person,
    Point,
    Posted,
    Status,
    Suppression,
)
from alerting.people import EscalationSettings
from alerting.plan import Edit, Post, Reply, late, plan
from alerting.render import render
from alerting.routes import Policy, Routes
from alerting.units import LARGEST

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
LINKS = LinkSettings(dashboards="http://grafana.example", runbooks="http://runbooks.example")
CALLED = ("@here", "S0123456", "U0123456")
POLICY = Policy(
    "#kafka",
    {"critical": CALLED},
    (EscalationSettings(after=60, mention=CALLED), EscalationSettings(after=90, channel="#second")),
)
OFFER = Offer(Routes((), POLICY), clicks=True, silences=True)

thorough = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

fillings = st.builds(
    str.__mul__,
    st.sampled_from(["a", '"', "&", "\\", "😀", "\n", "*", "`", "<!channel>", "\u202e"]),
    st.integers(0, 9000),
)
texts = st.text(max_size=60) | fillings | st.sampled_from(["<!here>", "<@U9999999>", "<https://evil.example|bank>"])
numbers = st.floats(allow_nan=True, allow_infinity=True).map(str) | texts
urls = st.builds("https://x.example/{}".format, texts) | texts
moments = st.timedeltas(timedelta(days=-9), timedelta(days=9)).map(NOW.__add__)

notes = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("summary", "description"), texts),
        **dict.fromkeys(("value", "threshold"), numbers),
        "unit": st.sampled_from(["percentunit", "s", "bytes", "reqps", "short"]) | texts,
        **dict.fromkeys(("runbook_url", "dashboard_url"), urls),
    },
)
labels = st.builds(
    dict.__or__,
    st.fixed_dictionaries({}, optional={"alertname": texts, "severity": st.just("critical") | texts}),
    st.dictionaries(texts, texts, max_size=3),
)


@st.composite
def alerts(draw: st.DrawFn, number: int) -> Alert:
    starts, ends = draw(moments), draw(st.none() | moments)
    status = Status.FIRING if ends is None else Status.RESOLVED
    held = draw(st.none() | st.sampled_from(list(Suppression))) if ends is None else None
    return Alert(f"print-{number}", status, starts, ends, draw(labels), draw(notes), draw(urls), held)


people = st.builds(Person, st.just("U0123456"), texts)


@st.composite
def acts(draw: st.DrawFn, number: int) -> Act:
    deed, outcome = draw(st.sampled_from(list(Deed))), draw(st.sampled_from(list(Outcome)))
    note = draw(texts) if outcome is Outcome.FAILED else ""  # Alertmanager's word; others are the router's own
    return Act(
        number,
        str(number),
        deed,
        draw(people),
        draw(moments),
        outcome,
        draw(st.none() | moments),
        (),
        draw(st.none() | st.integers(0, 1)),
        CALLED,
        draw(st.sampled_from([None, "#second"])),
        note,
    )


@st.composite
def episodes(draw: st.DrawFn) -> Episode:
    found = [draw(alerts(number)) for number in range(draw(st.integers(1, 5)))]
    done = [draw(acts(number)) for number in range(draw(st.integers(0, 4)))]
    told = draw(st.lists(st.sampled_from(found), max_size=4))
    return Episode(
        id=1,
        group=Group("{}:{}", draw(labels), draw(urls)),
        channel="#kafka",
        alerts=tuple(found),
        truncated=draw(st.integers(0, 10**6)),
        since=min(alert.starts_at for alert in found),
        told={alert.fingerprint: f"firing {alert.starts_at.isoformat()}" for alert in told},
        previous=draw(st.none() | urls),
        repeats=draw(st.integers(0, 3)),
        repeated_at=draw(st.none() | moments),
        acts=tuple(done),
    )


@st.composite
def illustrations(draw: st.DrawFn) -> Illustration | None:
    start, end, step = window(NOW, NOW)
    finite = st.floats(-LARGEST, LARGEST, exclude_min=True, exclude_max=True)
    values = draw(st.lists(finite, max_size=20))
    points = [Point(start + step * index, value) for index, value in enumerate(values)]
    found = evidence(points, end, step, draw(numbers), draw(st.sampled_from(["percentunit", "s"]) | texts))
    form = draw(st.sampled_from([form for form in FORMS if form is not ChartForm.NONE]))
    return found and Illustration(found, form, draw(st.sampled_from([None, "F0123456"])))


DATE = r"<!date\^-?\d+\^[^<>|]*\|[^<>]*>"
LINK = r"<https?://[^<>|]*\|[^<>]*>"
MEANT = re.compile(f"{DATE}|{LINK}|<!here>|<!subteam\\^S0123456>|<@U0123456>")


def spoken(part: object) -> list[str]:
    """Every text of a message that Slack interprets."""
    if isinstance(part, list | tuple):
        return [text for each in part for text in spoken(each)]
    if not isinstance(part, dict):
        return []
    own = [part["text"]] if part.get("type") == "mrkdwn" else []
    return [*own, *(text for each in part.values() for text in spoken(each))]


def check(message: Message, check_limits) -> None:
    check_limits(message.text, list(message.blocks), list(message.attachments))
    for text in [message.text, *spoken([message.blocks, message.attachments])]:
        rest = MEANT.sub("", text)
        assert "<" not in rest, text
        assert ">" not in rest, text


def steps(stored: Episode) -> list[Post | Edit | Reply]:
    """The message, an edit of it, and what its thread is told."""
    first = plan(stored, LINKS, 10, OFFER)
    assert isinstance(first, Post)
    there = replace(stored, root=Posted("C1", "1.0"), shown="older")
    current = replace(there, shown=first.view.digest)
    return [step for each in (stored, there, current) if (step := plan(each, LINKS, 10, OFFER))]


@thorough
@given(stored=episodes(), shown=illustrations(), seconds=st.integers(0, 10**6))
def test_slack_takes_every_message_of_a_group(stored, shown, seconds, check_limits):
    """New, edited and in the thread; with buttons, mentions, deeds and a chart."""
    for step in steps(stored):
        check(render(late(step, seconds), shown), check_limits)


@thorough
@given(stored=episodes(), count=st.integers(1, 32))
def test_slack_takes_every_digest(stored, count, check_limits):
    """As many alerts as it may have."""
    found = [replace(stored.alerts[number % len(stored.alerts)], fingerprint=str(number)) for number in range(count)]
    for step in steps(replace(stored, alerts=tuple(found), groups=count, acts=())):
        check(render(step), check_limits)


@thorough
@given(stored=episodes(), act=acts(1), url=st.none() | urls, by=st.booleans())
def test_slack_takes_every_escalation_to_another_channel(stored, act, url, by, check_limits):
    """It says who, where and what."""
    act = replace(act, note="") if by else replace(act, by=None, note="after 5m without acknowledgement")
    told = notice(act, stored, url)
    for step in steps(replace(stored, alerts=(), acts=(), notice=told)):
        check(render(step), check_limits)
