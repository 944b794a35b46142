"""How fast Slack is called, on a clock of the test's own."""

import pytest

from alerting.pace import Pace, Traffic, Work

PACE = Pace(posts_per_minute=240, edits_per_minute=45, reads_per_minute=45)


@pytest.fixture
def traffic():
    return Traffic(PACE)


def test_a_channel_is_posted_to_once_in_a_gap(traffic):
    """Posts and replies alike; edits and look-ups are not counted by channel."""
    traffic.passed("#a", Work.POST, 10)
    assert [traffic.wait("#a", work, 10.25) for work in Work] == [0, 0.75, 0, 0.75]
    assert traffic.wait("#b", Work.POST, 10.25) == 0


@pytest.mark.parametrize(("work", "per_minute"), [(Work.POST, 240), (Work.EDIT, 45), (Work.LOOK_UP, 45)])
def test_a_workspace_has_a_budget_for_each_kind(traffic, work, per_minute):
    """Ten seconds' worth at once, then evenly: over ten minutes no more than Slack's limit and the burst."""
    now = made = 0.0
    while now < 600:
        wait = traffic.wait(f"#{made}", work, now)
        if wait:
            now += wait
        else:
            traffic.begin(work, now)
            made += 1
    assert made == pytest.approx(per_minute * 10 + per_minute / 6, abs=2)


def test_replies_and_posts_share_a_budget(traffic):
    """Slack counts both as messages."""
    while not traffic.wait("#a", Work.REPLY, 0):
        traffic.begin(Work.REPLY, 0)
    assert traffic.wait("#a", Work.POST, 0) > 0
    assert traffic.wait("#a", Work.EDIT, 0) == 0


def test_what_was_not_made_is_not_counted(traffic):
    """Another router had the channel."""
    while not traffic.wait("#a", Work.EDIT, 0):
        traffic.begin(Work.EDIT, 0)
    traffic.give_back(Work.EDIT)
    assert traffic.wait("#a", Work.EDIT, 0) == 0


@pytest.mark.parametrize(
    ("work", "held"),
    [
        (Work.POST, {("#a", Work.POST), ("#a", Work.EDIT), ("#a", Work.REPLY), ("#a", Work.LOOK_UP)}),
        (Work.EDIT, {("#a", Work.EDIT), ("#b", Work.EDIT)}),
        (Work.LOOK_UP, {("#a", Work.LOOK_UP), ("#b", Work.LOOK_UP)}),
    ],
)
def test_retry_after_moves_what_slack_counts(traffic, work, held):
    """Of a post the channel; of an edit the method, in all channels; never longer than asked."""
    assert traffic.limited("#a", work, 100, 30) == 30
    waits = {(channel, each): traffic.wait(channel, each, 100) for channel in ("#a", "#b") for each in Work}
    assert {key for key, wait in waits.items() if wait} == held
    assert {wait for wait in waits.values() if wait} == {30}


def test_a_back_off_doubles_up_to_its_longest_and_starts_anew(traffic):
    """Retry-After or not, never above ten minutes; what Slack takes ends it."""
    waits = [traffic.back_off("#a", 0) for _ in range(8)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert traffic.back_off("#a", 0, 7) == 7
    assert traffic.back_off("#a", 0, 86400) == 600
    traffic.passed("#a", Work.EDIT, 0)
    assert traffic.back_off("#a", 0) == 1
