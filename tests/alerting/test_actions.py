"""What Slack sends when somebody clicks: verified, read, or refused with a sentence."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.signature import SignatureVerifier

from alerting.actions import payload, read, verify
from alerting.errors import Rejected
from alerting.model import Deed, Person, Posted

NOW = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)
SEOUL = ZoneInfo("Asia/Seoul")
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


def block_actions(*actions, **fields):
    """A payload as Slack's page on block_actions describes it."""
    return {
        "type": "block_actions",
        "user": {"id": "U123", "username": "jane", "name": "jane.doe", "team_id": "T1"},
        "api_app_id": "A1",
        "container": {"type": "message_attachment", "message_ts": "1.5", "channel_id": "C1", "attachment_id": 1},
        "trigger_id": "1.2.abc",
        "channel": {"id": "C1", "name": "kafka"},
        "response_url": "https://hooks.slack.example/actions/1",
        "actions": list(actions),
        **fields,
    }


def button(deed, **fields):
    return {"type": "button", "action_id": deed, "block_id": "b", "action_ts": "9.9", "text": {}, **fields}


def click(found, at=NOW):
    return read(json.dumps(found).encode(), at, SEOUL)


def test_a_button_says_who_wants_what_about_which_message():
    """And a key that is the same when the same click comes again."""
    (made,) = click(block_actions(button("acknowledge")))
    assert (made.deed, made.message, made.by) == (
        Deed.ACKNOWLEDGE,
        Posted("C1", "1.5"),
        Person("U123", "jane.doe"),
    )
    assert made.key == click(block_actions(button("acknowledge")), NOW + timedelta(hours=1))[0].key
    assert made.key != click(block_actions(button("acknowledge", action_ts="9.8")))[0].key


@pytest.mark.parametrize(
    ("chosen", "until"),
    [
        ("1h", datetime(2026, 11, 26, 0, 30, tzinfo=UTC)),
        ("4h", datetime(2026, 11, 26, 3, 30, tzinfo=UTC)),
        ("tomorrow", datetime(2026, 11, 27, 0, 0, tzinfo=UTC)),  # 09:00 in Seoul, where it is the 26th already
    ],
)
def test_a_menu_says_how_long_a_silence_lasts(chosen, until):
    """Until nine in the morning of the settings' time zone."""
    (made,) = click(block_actions(button("silence", type="static_select", selected_option={"value": chosen})))
    assert made.until == until


@pytest.mark.parametrize(
    "found",
    [
        block_actions(button("link-runbook", url="http://x.example")),
        {"type": "view_submission", "user": {"id": "U1"}, "view": {}},
        block_actions(),
    ],
)
def test_what_is_no_button_of_ours_is_no_click(found):
    """Slack sends the clicks on links too, and whatever else an app can have."""
    assert click(found) == ()


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"\xff", "the body is not a form with one payload"),
        (b"", "the body is not a form with one payload"),
        (b"payload", "the body is not a form with one payload"),
        (b"payload={}&payload={}", "the body is not a form with one payload"),
        (b"payload={", "the payload: Invalid JSON"),
        (b"payload=[]", "the payload: Input should be an object"),
        (b"payload={}", "type: Field required"),
        (b'payload={"type":"block_actions","user":{"id":"<!channel>"}}', "user.id: String should match pattern"),
        (urlencode({"payload": json.dumps(block_actions(button("silence")))}).encode(), "a silence lasts 1h, 4h or"),
    ],
)
def test_a_malformed_payload_is_refused(body, sentence):
    """With 400 and what is wrong with it."""
    with pytest.raises(Rejected) as refused:
        read(payload(body), NOW, SEOUL)
    assert refused.value.status == 400
    assert str(refused.value).startswith(sentence)


def signed(body, secret=SECRET, at=NOW, **changes):
    stamp = str(int(at.timestamp()))
    signature = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body)
    return {"x-slack-request-timestamp": stamp, "x-slack-signature": signature, **changes}


def test_a_signature_of_ours_and_of_now_is_good():
    """Five minutes either way."""
    for seconds in (-300, 0, 300):
        verify(SECRET, signed(b"payload=%7B%7D", at=NOW + timedelta(seconds=seconds)), b"payload=%7B%7D", NOW)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(b"a", secret="another"),
        signed(b"b"),
        signed(b"a", at=NOW - timedelta(seconds=301)),
        signed(b"a", at=NOW + timedelta(seconds=301)),
        signed(b"a", **{"x-slack-request-timestamp": "now"}),
        signed(b"a", **{"x-slack-request-timestamp": "9" * 400}),
        signed(b"a", **{"x-slack-request-timestamp": "١٧"}),
        signed(b"a", **{"x-slack-signature": "v0=ü"}),
        signed(b"a", **{"x-slack-signature": ""}),
    ],
)
def test_a_forged_request_is_refused(headers):
    """401, also where the library's verifier raises."""
    with pytest.raises(Rejected) as refused:
        verify(SECRET, headers, b"a", NOW)
    assert refused.value.status == 401


def test_a_body_that_is_no_text_is_forged():
    """Slack signs text; the library's verifier raises UnicodeDecodeError."""
    with pytest.raises(Rejected):
        verify(SECRET, signed(b"a"), b"\xff", NOW)


@given(st.text(), st.text(), st.binary())
def test_whatever_comes_is_refused_and_nothing_else_happens(stamp, signature, body):
    """No header and no body makes an error of ours."""
    with pytest.raises(Rejected):
        verify(SECRET, {"x-slack-request-timestamp": stamp, "x-slack-signature": signature}, body, NOW)


@given(st.binary())
def test_whatever_is_signed_is_read_or_refused(body):
    """Slack's own signature does not make it sense."""
    with suppress(Rejected):
        read(payload(b"payload=" + body), NOW, SEOUL)
