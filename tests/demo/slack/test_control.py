"""/audit, /messages, /metrics and the probes."""

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families


async def test_audit_counts_posts_and_edits(slack: Any) -> None:
    """Each call is listed with method, channel, ts and outcome; a test can count them."""
    before = len(await slack.calls())
    ts = await slack.post()
    slack.clock[0] += 5
    await slack.call("chat.update", channel=slack.channels["kafka"], ts=ts, text="x")
    await slack.call("chat.update", channel=slack.channels["kafka"], ts="1.000001", text="x")
    await slack.call("nothing.here")
    calls = (await slack.http.get("/audit", params={"after": before})).json()["calls"]
    assert [(one["method"], one["channel"], one["ts"], one["outcome"]) for one in calls] == [
        ("chat.postMessage", "kafka", ts, "ok"),
        ("chat.update", "kafka", ts, "ok"),
        ("chat.update", "kafka", "1.000001", "message_not_found"),
        ("unknown", None, None, "unknown_method"),
    ]
    assert [one["time"] for one in calls] == [1800000000.25, *[1800000005.25] * 3]
    edits = (await slack.http.get("/audit", params={"method": "chat.update", "channel": "kafka"})).json()["calls"]
    assert len(edits) == 2


async def test_audit_is_bounded(make_slack: Any) -> None:
    """Only the last calls are kept; their numbers go on."""
    slack = make_slack(calls_kept=3)
    for _ in range(5):
        await slack.post()
    assert [call["number"] for call in await slack.calls()] == [3, 4, 5]


async def test_messages_for_a_drill(slack: Any) -> None:
    """A channel is shown as plain JSON: text, colour, edits, thread, metadata."""
    metadata = {"event_type": "alert", "event_payload": {"id": "1"}}
    ts = await slack.post(text="red", attachments=[{"color": "danger", "text": "x"}], metadata=metadata)
    await slack.post(text="reply", thread_ts=ts)
    shown = (await slack.http.get("/messages", params={"channel": "#kafka"})).json()
    assert shown["channel"]["name"] == "kafka"
    (message,) = shown["messages"]
    assert (message["app"], message["text"], message["color"], message["edits"]) == ("Bongsu", "red", "danger", 0)
    assert (message["metadata"], message["edited"], message["files"]) == (metadata, None, [])
    assert [reply["text"] for reply in message["thread"]] == ["reply"]


async def test_messages_of_no_channel(slack: Any) -> None:
    """An unknown channel is a 404 that names those that there are."""
    answer = await slack.http.get("/messages", params={"channel": "nowhere"})
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "there is no channel 'nowhere'; there are kafka, gateway, elsewhere, old",
    )


async def test_metrics(slack: Any) -> None:
    """Calls are counted by method and outcome; names that are no method are counted as unknown."""
    await slack.post()
    await slack.call("chat.postMessage", channel="kafka")
    await slack.call("etc.passwd")
    text = (await slack.http.get("/metrics")).text
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["slack_requests_total", "chat.postMessage", "ok"] == 1
    assert samples["slack_requests_total", "chat.postMessage", "no_text"] == 1
    assert samples["slack_messages", "kafka"] == 1
    assert not any("etc" in str(labels) for labels in samples)


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready"])
async def test_probes(slack: Any, path: str) -> None:
    """The workspace is healthy and ready as soon as it answers."""
    assert (await slack.http.get(path)).status_code == 200
