"""HTTP under /api/: ill-formed calls, tokens, scopes."""

from typing import Any

import httpx
import pytest

from demo.slack import limits
from demo.slack.methods import METHODS

BEARER = {"authorization": "Bearer xoxb-test"}
JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}

ILL_FORMED = [
    ("chat.nothing", BEARER, None, "unknown_method"),
    ("", BEARER, None, "unknown_method"),
    ("auth.test/../x", BEARER, None, "unknown_method"),
    ("auth.test", {}, None, "not_authed"),
    ("auth.test", {"authorization": "Basic xoxb-test"}, None, "not_authed"),
    ("auth.test", {"authorization": "Bearer"}, None, "not_authed"),
    ("auth.test", {"authorization": "Bearer nobody"}, None, "invalid_auth"),
    ("auth.test", {"authorization": "Bearer xoxb-revoked"}, None, "token_revoked"),
    ("auth.test?token=xoxb-test", {}, None, "not_authed"),
    ("chat.postMessage", BEARER | JSON, b"{", "invalid_json"),
    ("chat.postMessage", BEARER | JSON, b"\xff\xfe", "invalid_json"),
    ("chat.postMessage", BEARER | JSON, b"[" * 100_000, "invalid_json"),
    ("chat.postMessage", BEARER | JSON, b"[1]", "json_not_object"),
    ("chat.postMessage", BEARER | JSON, b'{"channel":"kafka","text":"\\ud800"}', "invalid_json"),
    ("chat.postMessage", BEARER | JSON, b'{"channel":"kafka","text":"x","metadata":{"a":NaN}}', "invalid_json"),
    ("chat.postMessage", BEARER | JSON, b'{"channel":"kafka","text":"x","metadata":{"a":1e999}}', "invalid_json"),
    ("chat.postMessage", BEARER | {"content-type": "application/xml"}, b"<x/>", "invalid_post_type"),
    ("chat.postMessage", BEARER, b"channel=kafka", "missing_post_type"),
    ("chat.postMessage", BEARER | FORM, b"channel=%ff&text=x", "channel_not_found"),
    ("conversations.info", BEARER | JSON, b'{"channel":"C0"}', "invalid_arguments"),
]


@pytest.mark.parametrize(("path", "headers", "body", "error"), ILL_FORMED)
async def test_ill_formed_calls(slack: Any, path: str, headers: dict[str, str], body: bytes | None, error: str) -> None:
    """An ill-formed call is answered with HTTP 200, ok false and Slack's error."""
    answer = await slack.http.post(f"/api/{path}", headers=headers, content=body)
    assert (answer.status_code, answer.json()["ok"], answer.json()["error"]) == (200, False, error)


async def test_token_in_a_form(slack: Any) -> None:
    """A token may also come as a form's field."""
    answer = await slack.http.post("/api/auth.test", data={"token": "xoxb-test"})
    assert answer.json()["user"] == "Bongsu"


async def test_header_wins_over_query_token(slack: Any) -> None:
    """A token in the query string is ignored when there is a bearer token."""
    answer = await slack.http.post("/api/auth.test?token=nobody", headers=BEARER)
    assert answer.json()["ok"]


async def test_body_too_large(slack: Any) -> None:
    """A body over the limit is refused and not read to its end."""
    answer = await slack.http.post(
        "/api/chat.postMessage", headers=BEARER | JSON, content=b" " * (limits.BODY_BYTES.value + 1)
    )
    assert answer.status_code == 413


SCOPED = sorted((name, method.scopes) for name, method in METHODS.items() if method.scopes)


@pytest.mark.parametrize(("name", "scopes"), SCOPED)
async def test_scopes(slack: Any, name: str, scopes: tuple[str, ...]) -> None:
    """Each method but auth.test needs a scope; the answer says which would do and what the token has."""
    token = "xoxb-public" if "channels:read" in scopes else "xoxb-reader"
    answer = await slack.call(name, token=token)
    assert (answer["error"], answer["needed"]) == ("missing_scope", ",".join(scopes))
    assert not set(scopes) & set(answer["provided"].split(","))


async def test_says_whose_token_it_is(slack: Any) -> None:
    """auth.test, users.info and team.info agree; the scopes are in a header."""
    client = slack.client()
    me = await client.auth_test()
    assert (me["team"], me["user"]) == ("Test team", "Bongsu")
    assert "chat:write" in me.headers["x-oauth-scopes"].split(",")
    assert (await client.users_info(user=me["user_id"]))["user"]["name"] == "bongsu"
    assert (await client.team_info())["team"]["id"] == me["team_id"]
    assert (await slack.ask("users.info", user="U0"))["error"] == "user_not_found"


async def test_ids_are_the_same_after_a_restart(make_slack: Any) -> None:
    """Channels keep their ids, so that what a client stored still names them."""
    first = (await make_slack().ask("conversations.list"))["channels"]
    second = (await make_slack().ask("conversations.list"))["channels"]
    assert [one["id"] for one in first] == [one["id"] for one in second]


async def test_other_verbs_are_not_methods(slack: Any) -> None:
    """Only GET and POST reach a method."""
    answer: httpx.Response = await slack.http.put("/api/auth.test", headers=BEARER)
    assert answer.status_code == 405
