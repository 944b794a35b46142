"""`repeat_interval`: a notification that says nothing new, long after the last, reminds the thread."""

from datetime import UTC, datetime, timedelta

import pytest

NOTES = {"summary": "Behind", "value": "97", "threshold": "50", "unit": "short"}


class Clock:
    """The time since the alert began, which a test moves forward."""

    def __init__(self):
        self.ahead = datetime(2026, 11, 23, 4, 40, 53, tzinfo=UTC) - datetime.now(UTC)

    def __call__(self):
        return datetime.now(UTC) + self.ahead

    def forward(self, **span):
        self.ahead += timedelta(**span)


@pytest.fixture
def clock():
    return Clock()


async def test_a_reminder_is_a_reply_and_an_edit(start, workspace, clock, webhook_body, alert):
    """Whether or not the value has changed; the same again within minutes is no reminder."""
    async with start(clock=clock) as router:
        await router.accept(webhook_body(alert("a", annotations=NOTES)))
        await router.settled()
        clock.forward(hours=4)
        for _ in range(2):
            await router.accept(webhook_body(alert("a", annotations=NOTES)))
            await router.settled()
            clock.forward(seconds=30)
        clock.forward(hours=4)
        await router.accept(webhook_body(alert("a", annotations={**NOTES, "value": "120"})))
        await router.settled()
    (root,) = workspace.roots()
    assert workspace.replies(root) == [
        "*1 fired*: `topic=a`",
        "*Still firing* after 4h: 97 (threshold 50).",
        "*Still firing* after 8h 1m: 120 (threshold 50).",
    ]
    assert root["edits"] == 2


@pytest.mark.parametrize("times", [1, 3])
async def test_reminders_of_an_outage_are_one(start, workspace, clock, fault, webhook_body, alert, times):
    """Slack was away for a day."""
    async with start(clock=clock) as router:
        await router.accept(webhook_body(alert("a", annotations=NOTES)))
        await router.settled()
        workspace.refusals["chat.update"] = "fatal_error"
        for _ in range(times):
            clock.forward(hours=4)
            await router.accept(webhook_body(alert("a", annotations=NOTES)))
        del workspace.refusals["chat.update"]
        await router.settled()
    replies = workspace.replies(workspace.roots()[0])
    assert replies[1:] == [f"*Still firing* after {4 * times}h: 97 (threshold 50)."]


@pytest.mark.parametrize("change", ["joined", "left", "resolved", "young"])
async def test_a_notification_with_news_is_no_reminder(start, workspace, clock, webhook_body, alert, change):
    """Its own line tells that the others burn on."""
    async with start(clock=clock) as router:
        await router.accept(webhook_body(alert("a"), alert("b")))
        await router.settled()
        clock.forward(seconds=299 if change == "young" else 14400)
        news = {
            "joined": (alert("a"), alert("b"), alert("c", 14400)),
            "left": (alert("a"), alert("b", 0, 14400)),
            "resolved": (alert("a", 0, 14400), alert("b", 0, 14400)),
            "young": (alert("a"), alert("b")),
        }[change]
        await router.accept(webhook_body(*news))
        await router.settled()
    assert "Still firing" not in str(workspace.replies(workspace.roots()[0]))
