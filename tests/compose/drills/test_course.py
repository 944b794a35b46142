"""What a drill makes of what it saw."""

from typing import Any

import pytest

from compose.drills.course import Course, judged, settled, speaks_of
from compose.drills.table import Drill, Told

OWN = Told("GroupStalled", "kafka", {"group": "billing"})
LATE = Told("LagHigh", "kafka", {"group": "billing"})
DRILL = Drill(OWN, (), accepts=(LATE,))


def message(ts: str, text: str, channel: str = "kafka") -> dict[str, Any]:
    """A message as it is handed on."""
    return {"ts": ts, "text": text, "channel_name": channel}


MINE = message("1.0", "✅ Resolved: GroupStalled after 3m")


@pytest.mark.parametrize(
    ("fired", "messages", "accepted", "problems"),
    [
        pytest.param([], [MINE], (), (), id="alone"),
        pytest.param(
            [{"alertname": "GroupStalled", "group": "billing", "part": "x"}], [MINE], (), (), id="its own labels"
        ),
        pytest.param(
            [{"alertname": "GroupStalled", "group": "answers"}],
            [MINE],
            (),
            ("also fired: {'alertname': 'GroupStalled', 'group': 'answers'}",),
            id="another group",
        ),
        pytest.param(
            [{"alertname": "LagHigh", "group": "billing"}],
            [MINE, message("2.0", "✅ Resolved: LagHigh after 1m")],
            ("beside it, as expected, in #kafka: ✅ Resolved: LagHigh after 1m",),
            (),
            id="what may come too",
        ),
        pytest.param(
            [],
            [MINE, message("2.0", "🔥 Firing: LagHigh")],
            (),
            ("still in #kafka: 🔥 Firing: LagHigh",),
            id="what may come too and stays",
        ),
        pytest.param(
            [],
            [MINE, message("2.0", "✅ Resolved: LagHigh", "alerts")],
            (),
            ("also in #alerts: ✅ Resolved: LagHigh",),
            id="the wrong channel",
        ),
        pytest.param(
            [],
            [MINE, message("2.0", "🔥 Firing: GroupStalled")],
            (),
            ("also in #kafka: 🔥 Firing: GroupStalled",),
            id="a second message of its own",
        ),
    ],
)
def test_what_else_came(
    fired: list[dict[str, str]],
    messages: list[dict[str, Any]],
    accepted: tuple[str, ...],
    problems: tuple[str, ...],
) -> None:
    """What may come beside the drill's own alert is told, all else is a problem."""
    assert judged(DRILL, "1.0", fired, messages) == (accepted, problems)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("🔥 Firing: GroupStalled · critical", True),
        ("✅ Resolved: GroupStalled after 3m", True),
        ("🔕 Silenced: GroupStalled", False),
        ("🔥 Firing: LagHigh", False),
    ],
)
def test_the_drills_own_message_is_known_by_its_words(text: str, found: bool) -> None:
    """Name and state; a message may have resolved before anybody looked."""
    assert (speaks_of(OWN, [message("1.0", text)]) is not None) is found


def test_what_comes_beside_it_must_end_too() -> None:
    """A drill is not over while what it accepts still fires."""
    assert settled(DRILL, [MINE, message("2.0", "✅ Resolved: LagHigh")])
    assert not settled(DRILL, [MINE, message("2.0", "🔥 Firing: LagHigh")])


def test_seconds_are_counted_from_breach_and_recovery() -> None:
    """None for what it did not come to; an edit before the recovery was noticed took no time."""
    course = Course("lag", 0.0, breached_at=10.0, told_at=52.5, recovered_at=100.0, resolved_at=99.0)
    assert (course.fired_after, course.resolved_after) == (42.5, 0.0)
    assert Course("lag", 0.0).fired_after is None
