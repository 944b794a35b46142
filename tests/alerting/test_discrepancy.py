"""What is stored against what Alertmanager lists, as a table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerting.discrepancy import Known, compare
from alerting.model import Alert, Group, Listing, Status, Suppression

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
GROUP = Group('{}:{alertname="Lag"}', {"alertname": "Lag"}, "")
SILENCED = Suppression.SILENCED


def alert(starts: float = -600, ends: float | None = None, suppressed: Suppression | None = None) -> Alert:
    return Alert(
        "a",
        Status.FIRING if ends is None else Status.RESOLVED,
        NOW + timedelta(seconds=starts),
        None if ends is None else NOW + timedelta(seconds=ends),
        {"alertname": "Lag", "topic": "a"},
        {},
        suppressed=suppressed,
    )


def listing(*alerts: Alert, whole: bool = True) -> Listing:
    return Listing(NOW, {one.fingerprint: one for one in alerts}, whole)


def known(stored: Alert, heard: float = -60, listed: bool = True) -> Known:
    return Known(stored, NOW + timedelta(seconds=heard), listed)


RESOLVED = replace(alert(), status=Status.RESOLVED, ends_at=NOW)

CASES = {
    "fires in both": (known(alert()), listing(alert()), (), {}),
    "is gone": (known(alert()), listing(), (RESOLVED,), {}),
    "is gone while silenced": (known(alert(suppressed=SILENCED)), listing(), (RESOLVED,), {}),
    "is gone from a list that is not whole": (known(alert()), listing(whole=False), (), {}),
    "was never listed": (known(alert(), listed=False), listing(), (), {}),
    "was heard after the list": (known(alert(), heard=1), listing(), (), {}),
    "is silenced": (known(alert()), listing(alert(suppressed=SILENCED)), (), {"a": SILENCED}),
    "is silenced in a part": (known(alert()), listing(alert(suppressed=SILENCED), whole=False), (), {"a": SILENCED}),
    "is silenced in both": (known(alert(suppressed=SILENCED)), listing(alert(suppressed=SILENCED)), (), {}),
    "is no longer silenced": (known(alert(suppressed=SILENCED)), listing(alert()), (), {"a": None}),
    "fires anew": (known(alert()), listing(alert(-5)), (alert(-5),), {}),
    "is resolved in both": (known(alert(ends=-300)), listing(), (), {}),
    "resolved lately": (known(alert(ends=-300), heard=-299), listing(alert()), (), {}),
    "resolved wrongly": (known(alert(ends=-300), heard=-300), listing(alert()), (alert(),), {}),
    "resolved, and silenced": (known(alert(ends=-300), heard=-300), listing(alert(suppressed=SILENCED)), (), {}),
    "resolved, and fires anew": (known(alert(ends=-300), heard=-300), listing(alert(-5)), (), {}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_list_speaks_where_it_is_younger(name):
    """Reports as a webhook would have brought them, and marks."""
    stored, listed, reports, held = CASES[name]
    correction = compare(GROUP, [stored], 0, listed)
    assert (correction.reports, correction.held) == (reports, held)


def test_an_alert_is_seen_once():
    """From then on its absence means that it has resolved."""
    assert compare(GROUP, [known(alert(), listed=False)], 0, listing(alert())).seen == {"a"}
    assert compare(GROUP, [known(alert())], 0, listing(alert())).empty(0)


@pytest.mark.parametrize(
    ("labels", "whole", "truncated"),
    [
        ({"alertname": "Lag", "topic": "b"}, True, 1),
        ({"alertname": "Other"}, True, 0),
        ({"alertname": "Other"}, False, 3),
    ],
)
def test_what_was_left_out_is_no_more_than_is_listed(labels, whole, truncated):
    """A group of which nothing else is listed has nothing that was left out."""
    other = replace(alert(), fingerprint="b", labels=labels)
    correction = compare(GROUP, [known(alert(ends=-300))], 3, listing(other, whole=whole))
    assert correction.truncated == truncated
