"""Samples of annotations into what happened."""

from demo.console.events import MAX_EVENTS, Event, Events, events
from demo.console.panels import Annotation
from demo.console.series import Series
from demo.console.timerange import Window

WINDOW = Window(1000, 1100, 5, 1100)
ALERTS = Annotation("Alerts", "ALERTS", "red", "{{alertname}}", "{{severity}}")
RESTARTS = Annotation("Restarts", "changes(…)", "blue")


def firing(name: str, *instants: float) -> Series:
    """An alert that fired at these instants."""
    return Series({"alertname": name, "severity": "warning"}, tuple((at, 1.0) for at in instants))


def test_samples_in_a_row_are_one_event() -> None:
    """A gap begins another; what is there at the end goes on; the newest comes first."""
    found = events([(ALERTS, [firing("Lag", 1010, 1015, 1020, 1050, 1095, 1100)])], WINDOW)
    assert found.shown == (
        Event("Alerts", "Lag", "warning", "bad", 1095, 1100, goes_on=True),
        Event("Alerts", "Lag", "warning", "bad", 1050, 1050, goes_on=False),
        Event("Alerts", "Lag", "warning", "bad", 1010, 1020, goes_on=False),
    )


def test_without_a_format_it_has_the_name_of_the_annotation() -> None:
    """And no text."""
    found = events([(RESTARTS, [Series({"part": "users"}, ((1000, 1),))]), (ALERTS, [])], WINDOW)
    assert found.shown == (Event("Restarts", "Restarts", "", "info", 1000, 1000, goes_on=False),)


def test_the_newest_are_kept() -> None:
    """A storm is counted, not drawn."""
    storm = [firing(f"A{number:03}", 1000 + number % 20) for number in range(MAX_EVENTS + 7)]
    found = events([(ALERTS, storm)], WINDOW)
    assert (len(found.shown), found.left_out, found.counts) == (MAX_EVENTS, 7, {"Alerts": MAX_EVENTS + 7})
    assert found.shown[0].begin == 1019


def test_nothing_happened() -> None:
    """No sample, no event, and that is a number; without an annotation nothing is known."""
    assert events([(ALERTS, []), (RESTARTS, [])], WINDOW) == Events((), {"Alerts": 0, "Restarts": 0})
    assert events([], WINDOW) == Events()
