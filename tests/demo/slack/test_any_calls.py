"""What holds after any calls with any arguments, in any order."""

import json
import time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from demo.slack import view
from demo.slack.arguments import Arguments
from demo.slack.errors import SlackError
from demo.slack.methods import METHODS
from demo.slack.methods.call import Call
from demo.slack.rates import Rates
from demo.slack.settings import SlackSettings
from demo.slack.sockets import Sockets
from demo.slack.workspace import Workspace

KEPT = 4

SETTINGS = SlackSettings.model_validate(
    {
        "listen": "127.0.0.1:1",
        "channels": [{"name": "kafka"}, {"name": "elsewhere", "joined": False}],
        "tokens": [{"token": "a", "name": "A"}, {"token": "b", "name": "B"}],
        "rates": {"posts": False, "tiers": False},
        "messages_kept": KEPT,
    }
)

IDS = [channel.id for channel in Workspace(SETTINGS, lambda: 0.0).channels.values()]

ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**6) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)

LIKELY: dict[str, st.SearchStrategy[Any]] = {
    "channel": st.sampled_from(["#kafka", "elsewhere", *IDS]),
    "ts": st.integers(0, 6),
    "thread_ts": st.none() | st.integers(0, 6),
    "timestamp": st.integers(0, 6),
    "name": st.sampled_from(["eyes", "fire"]),
    "text": st.none() | st.just("hello"),
    "blocks": st.none() | st.just([]) | st.just([{"type": "divider"}]),
    "attachments": st.none() | st.just([]) | st.just([{"text": "x"}]),
    "metadata": st.none() | st.just({}) | st.just({"event_type": "e", "event_payload": {}}),
    "reply_broadcast": st.booleans(),
    "limit": st.integers(0, 3),
}

SENSIBLE = st.fixed_dictionaries(
    {"channel": st.just(IDS[0]), "text": st.just("hello"), "ts": LIKELY["ts"], "thread_ts": LIKELY["thread_ts"]},
    optional={name: LIKELY[name] for name in ("blocks", "attachments", "metadata", "reply_broadcast")},
)

WILD = st.fixed_dictionaries({}, optional={name: value | ANY for name, value in LIKELY.items()})

CALL = st.tuples(
    st.sampled_from(["chat.postMessage"] * 6 + ["chat.update", "chat.delete"] * 2 + sorted(METHODS)),
    st.sampled_from("aaab"),
    st.one_of(SENSIBLE, SENSIBLE, SENSIBLE, WILD),
)


def _name_messages(arguments: dict[str, Any], posted: list[str]) -> dict[str, Any]:
    """Let the numbers in ts, thread_ts and timestamp stand for messages posted before."""
    named = dict(arguments)
    for key in ("ts", "thread_ts", "timestamp"):
        number = named.get(key)
        if isinstance(number, int) and number >= 0:
            named[key] = posted[-1 - number % len(posted)] if posted else None
    return named


@settings(max_examples=100, deadline=None)
@given(st.lists(CALL, min_size=10, max_size=30), st.lists(st.floats(-5, 5), min_size=30, max_size=30))
def test_any_calls(calls: list[tuple[str, str, dict[str, Any]]], steps: list[float]) -> None:
    """Every call is answered or refused in Slack's way; the state stays bounded, in order, and can be shown."""
    now = [1_800_000_000.0]

    def clock() -> float:
        return now[0]

    workspace = Workspace(SETTINGS, clock)
    sockets = Sockets(time.time)
    rates = Rates(SETTINGS.rates, clock)
    posted: list[str] = []
    for (method, token, arguments), step in zip(calls, steps, strict=False):
        now[0] += step
        before = workspace.revision
        given_arguments = Arguments(_name_messages(arguments, posted))
        try:
            answer = METHODS[method].run(
                Call(workspace, rates, workspace.apps[token], given_arguments, "http://x/", sockets)
            )
        except SlackError as refused:
            assert workspace.revision == before, "a refused call changed something"
            json.dumps(refused.body())
            continue
        json.dumps(answer, allow_nan=False)
        if method == "chat.postMessage":
            posted.append(answer["ts"])
    for channel in workspace.channels.values():
        assert len(channel.messages) <= KEPT
        assert list(channel.messages) == sorted(channel.messages)
        replies = {one.ts for one in channel.messages.values() if one.is_reply}
        assert {ts for thread in channel.threads.values() for ts in thread} == replies
        assert view.Articles(workspace.names()).html(channel)
