"""A few runs of the chaos, and that its judge finds what it looks for; `make chaos` plays hundreds."""

import pytest

from tests.chaos.__main__ import MIX, fault, play_all, summary
from tests.chaos.judge import judge
from tests.chaos.script import Mode, write

SEED = 20261125


@pytest.mark.parametrize("mode", sorted(set(MIX)))
async def test_a_bad_quarter_of_a_minute(mode, postgresql):
    """Routers killed and stopped, Slack failing in every way, all at once: nothing lost, doubled or wrong."""
    outcomes = await play_all([write(SEED + number, mode) for number in range(3)], postgresql, 3)
    assert [fault(outcome) for outcome in outcomes if not outcome.verdict.good] == []
    assert summary(outcomes).endswith("lost=0 doubled=0 wrong_state=0")


def test_a_script_is_made_from_its_seed_alone():
    """So that a run can be repeated."""
    assert write(7, Mode.REPLICAS) == write(7, Mode.REPLICAS)
    assert write(7, Mode.REPLICAS) != write(8, Mode.REPLICAS)


def message(ts, *lines, deleted=False, thread=()):
    """One message of the channel; `lines` are in its attachment."""
    body = {"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(lines)}}
    replies = [{"text": text, "deleted": False} for text in thread]
    attachments = [{"fallback": "topic=g9a9", "blocks": [body]}]
    return {"ts": ts, "deleted": deleted, "blocks": [], "attachments": attachments, "thread": replies}


FIRES = "• `topic=g0a0` 97"
OVER = "• ✓ `topic=g0a0` resolved after 1m"


@pytest.mark.parametrize(
    ("messages", "fires", "found"),
    [
        ([message("1", FIRES)], True, (0, 0, 0)),
        ([message("1", OVER)], False, (0, 0, 0)),
        ([message("1", OVER), message("2", FIRES)], True, (0, 1, 0)),
        ([], True, (1, 0, 0)),
        ([message("1", FIRES, deleted=True)], True, (1, 0, 0)),
        ([message("1", FIRES)], False, (0, 0, 1)),
        ([message("1", OVER)], True, (0, 0, 1)),
        ([message("1", FIRES), message("2", OVER)], False, (0, 1, 1)),
        ([message("1", FIRES), message("2", FIRES)], True, (0, 1, 1)),
        ([message("1", FIRES, thread=["a", "b"])], True, (0, 0, 0)),
        ([message("1", FIRES, thread=["a", "a"])], True, (0, 1, 0)),
    ],
)
def test_the_judge_finds_what_is_lost_doubled_or_wrong(messages, fires, found):
    """A proof that can't fail proves nothing."""
    verdict = judge(messages, {"g0a0": fires}, {"g0a0": 1})
    assert (len(verdict.lost), len(verdict.doubled), len(verdict.wrong)) == found
