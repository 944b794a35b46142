"""Stored state to the one next step, as a table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerting.config import LinkSettings
from alerting.model import Alert, Episode, Group, Posted, Status
from alerting.plan import Edit, Post, Reason, Reply, plan
from alerting.view import State, view

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
LINKS = LinkSettings(dashboards="http://grafana.example", runbooks="http://runbooks.example")


def alert(name: str, starts: float = 0, ends: float | None = None, severity: str = "critical", **notes: str) -> Alert:
    return Alert(
        name,
        Status.FIRING if ends is None else Status.RESOLVED,
        NOW + timedelta(seconds=starts),
        None if ends is None else NOW + timedelta(seconds=ends),
        {"alertname": "Lag", "severity": severity, "topic": name},
        notes,
    )


def episode(*alerts: Alert, **fields: object) -> Episode:
    made = Episode(
        id=1,
        group=Group("key", {"alertname": "Lag"}, "http://alertmanager.example"),
        channel="#kafka",
        alerts=alerts,
        since=NOW,
    )
    return replace(made, **fields)


def step(stored: Episode):
    return plan(stored, LINKS, 10)


def shown(stored: Episode, told: bool = True) -> Episode:
    """The same episode after Slack was brought to it."""
    return replace(
        stored,
        root=Posted("C1", "1.0"),
        shown=view(stored, LINKS, 10).digest,
        told={item.fingerprint: item.mark for item in stored.alerts} if told else {},
    )


@pytest.mark.parametrize(
    ("stored", "kind", "reason"),
    [
        (episode(alert("a")), Post, Reason.FIRST),
        (episode(alert("a"), shown="older", previous="http://x.example"), Post, Reason.REPLACED),
        (episode(alert("a", 0, 9)), Post, Reason.FIRST),
        (shown(episode(alert("a")), told=False), Reply, Reason.HISTORY),
        (replace(shown(episode(alert("a"))), alerts=(alert("a"), alert("b"))), Edit, Reason.CHANGED),
        (replace(shown(episode(alert("a"))), alerts=(alert("a", 0, 9),)), Edit, Reason.CHANGED),
        (replace(shown(episode(alert("a"))), truncated=2), Edit, Reason.CHANGED),
        (replace(shown(episode(alert("a"))), revision=9), type(None), None),
        (shown(episode(alert("a", 0, 9))), type(None), None),
    ],
)
def test_the_step_is_the_difference_between_stored_and_shown(stored, kind, reason):
    """Message first, then its content, then its thread, then nothing."""
    taken = step(stored)
    assert type(taken) is kind
    assert getattr(taken, "reason", None) is reason


@pytest.mark.parametrize(
    ("told", "now", "expected"),
    [
        ([], [alert("a")], ("first", ["a"], [], [])),
        ([alert("a")], [alert("a"), alert("b")], ("", ["b"], [], [])),
        ([alert("a"), alert("b")], [alert("a", 0, 9), alert("b")], ("", [], ["a"], [])),
        ([alert("a")], [alert("a"), alert("b", 0, 9)], ("", [], [], ["b"])),
        ([alert("a", 0, 5), alert("b")], [alert("a", 7), alert("b")], ("", ["a"], [], [])),
        ([alert("a")], [alert("a", 7)], ("", ["a"], [], [])),
        ([alert("a")], [alert("a", 7, 9), alert("b")], ("", ["b"], ["a"], [])),
        ([alert("a", 0, 5)], [alert("a", 0, 6)], ("", [], [], [])),
        ([alert("a", 7)], [alert("a", 0)], ("", [], [], [])),
        ([alert("a"), alert("forgotten", 0, 9)], [alert("a")], ("", [], [], [])),
        ([alert("a", 7)], [alert("a", 0), alert("b")], ("", ["b"], [], [])),
        ([alert("a", 7)], [alert("a", 0, 9), alert("b")], ("", ["b"], ["a"], [])),
        ([alert("a", 7, 8)], [alert("a", 0, 9)], ("", [], [], [])),
    ],
)
def test_history_is_what_the_thread_does_not_know(told, now, expected):
    """Joined, left, or both between two replies; also after an outage, in one reply."""
    first, *names = expected
    stored = shown(episode(*now))
    stored = replace(stored, told={item.fingerprint: item.mark for item in told})
    taken = step(stored)
    if not any(names):
        assert taken is None
        return
    assert isinstance(taken, Reply)
    history = taken.history
    assert history.first is bool(first)
    groups = (history.joined, history.left, history.passed)
    assert [[name.removeprefix("topic=") for name in named.names] for named in groups] == names


@pytest.mark.parametrize(
    ("alerts", "truncated", "state"),
    [
        ([alert("a")], 0, State.FIRING),
        ([alert("a"), alert("b", 0, 9)], 0, State.FIRING),
        ([alert("a", 0, 9)], 0, State.RESOLVED),
        ([alert("a", 0, 9)], 3, State.UNCLEAR),
        ([alert("a")], 3, State.FIRING),
    ],
)
def test_the_state_comes_from_each_alert(alerts, truncated, state):
    """Never from the status that Alertmanager computes for the group."""
    assert view(episode(*alerts, truncated=truncated), LINKS, 10).state is state


def test_the_worst_come_first():
    """Firing before resolved, then severity, then distance from the threshold, then age."""
    alerts = [
        alert("done", 0, 9),
        alert("unknown", severity="odd"),
        alert("warned", severity="warning", value="99", threshold="1"),
        alert("near", value="11", threshold="10"),
        alert("far", value="30", threshold="10"),
        alert("old", -60),
        alert("none"),
    ]
    seen = view(episode(*alerts), LINKS, 6)
    assert [line.labels["topic"] for line in seen.alerts] == ["far", "near", "old", "none", "warned", "unknown"]
    assert seen.hidden == 1
    assert (seen.value, seen.threshold) == ("30", "10")


@pytest.mark.parametrize(
    ("url", "links", "expected"),
    [
        ("/d/bongsu?var-a=b", LINKS, "http://grafana.example/d/bongsu?var-a=b"),
        ("/d/bongsu", LinkSettings(), None),
        ("https://elsewhere.example/d/1", LINKS, "https://elsewhere.example/d/1"),
        ("", LINKS, None),
    ],
)
def test_a_path_gets_the_address_of_the_settings(url, links, expected):
    """Rules do not know where dashboards are served."""
    seen = view(episode(alert("a", dashboard_url=url)), links, 10)
    assert seen.links.get("Dashboard") == expected


class Counted(dict[str, str]):
    """Labels that count how often they are gone through."""

    def __init__(self, labels: dict[str, str]) -> None:
        super().__init__(labels)
        self.walks = 0

    def items(self):
        self.walks += 1
        return super().items()


@pytest.mark.parametrize("told", [True, False])
def test_a_group_is_gone_through_once_whatever_the_length_of_the_list(told):
    """The webhook shares its loop with this: with thousands of alerts, a walk for each line is felt."""
    labels = [Counted({"alertname": "Lag", "topic": str(number)}) for number in range(100)]
    alerts = [replace(alert(str(number)), labels=each) for number, each in enumerate(labels)]
    stored = shown(episode(*alerts), told=told)
    for each in labels:
        each.walks = 0
    step(stored)
    assert labels[-1].walks <= (1 if told else 2)


def test_equal_states_have_equal_digests():
    """The order in which alerts are stored does not matter, nor the time of day."""
    one, other = episode(alert("a"), alert("b")), episode(alert("b"), alert("a"))
    assert view(one, LINKS, 10).digest == view(other, LINKS, 10).digest
