"""files.*: ticket, bytes, share."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from demo.slack.app import build
from demo.slack.settings import SlackSettings

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


async def test_sdk_upload_shares_a_message(slack: Any) -> None:
    """slack-sdk's files_upload_v2 ends in one message of the channel that has the file."""
    answer = await slack.client().files_upload_v2(
        channel=slack.channels["kafka"], content=PNG, filename="lag.png", title="Lag", initial_comment="Look"
    )
    (message,) = await slack.messages()
    assert (message["text"], [file["title"] for file in message["files"]]) == ("Look", ["Lag"])
    file = answer["file"]["id"]
    assert (await slack.client().files_info(file=file))["file"]["channels"] == [slack.channels["kafka"]]
    shown = await slack.http.get(f"/files/{file}")
    assert (shown.content, shown.headers["content-type"]) == (PNG, "image/png")


async def test_upload_to_a_thread(slack: Any) -> None:
    """A file shared with thread_ts is a reply."""
    parent = await slack.post()
    await slack.client().files_upload_v2(
        channel=slack.channels["kafka"], content="x", filename="a.txt", thread_ts=parent
    )
    assert [len(message["thread"]) for message in await slack.messages()] == [1]


async def test_hostile_file_is_never_shown_inline(slack: Any) -> None:
    """A file that is no picture is only offered for download, whatever its name says."""
    answer = await slack.client().files_upload_v2(
        channel=slack.channels["kafka"], content="<script>alert(1)</script>", filename="x.png.html"
    )
    shown = await slack.http.get(f"/files/{answer['file']['id']}")
    assert shown.headers["content-type"] == "application/octet-stream"
    assert shown.headers["content-disposition"] == "attachment"
    assert shown.headers["x-content-type-options"] == "nosniff"


async def test_block_shows_a_file_once_it_is_processed(make_slack: Any) -> None:
    """An image block with slack_file is refused until the file is shared and processed."""
    slack = make_slack(file_processing="2s")
    channel = (await slack.ask("conversations.list"))["channels"][0]["id"]
    answer = await slack.client().files_upload_v2(channel=channel, content=PNG, filename="a.png")
    image = {"type": "image", "slack_file": {"id": answer["file"]["id"]}, "alt_text": "lag"}
    early = await slack.call("chat.postMessage", channel=channel, blocks=[image])
    assert (early["error"], early["errors"]) == ("invalid_blocks", ["invalid slack file"])
    slack.clock[0] += 2
    assert (await slack.call("chat.postMessage", channel=channel, blocks=[image]))["ok"]


ERRORS = [
    ("files.getUploadURLExternal", {"filename": "a"}, "missing_argument"),
    ("files.getUploadURLExternal", {"length": "5"}, "invalid_arguments"),
    ("files.getUploadURLExternal", {"filename": "a", "length": "9000000"}, "file_upload_size_restricted"),
    ("files.getUploadURLExternal", {"filename": "a", "length": "5", "alt_txt": "x" * 1001}, "alt_txt_too_large"),
    ("files.completeUploadExternal", {"files": "x"}, "invalid_arguments"),
    ("files.completeUploadExternal", {"files": "[]"}, "invalid_arguments"),
    ("files.completeUploadExternal", {"files": '[{"id":"F1"}]'}, "file_not_found"),
    ("files.info", {"file": "F1"}, "file_not_found"),
]


@pytest.mark.parametrize(("method", "arguments", "error"), ERRORS)
async def test_refuses(slack: Any, method: str, arguments: dict[str, str], error: str) -> None:
    """Wrong arguments have Slack's errors."""
    assert (await slack.ask(method, **arguments))["error"] == error


async def _uploaded(slack: Any) -> str:
    ticket = await slack.ask("files.getUploadURLExternal", filename="a", length=3)
    assert (await slack.http.post(ticket["upload_url"], content=b"abc")).status_code == 200
    return f'[{{"id": "{ticket["file_id"]}"}}]'


SHARES = [
    ({"channel_id": "C0"}, "channel_not_found"),
    ({"channel_id": "@elsewhere"}, "not_in_channel"),
    ({"channel_id": "@old"}, "posting_to_channel_denied"),
    ({"channel_id": "@kafka", "thread_ts": "1.000001"}, "thread_not_found"),
]


@pytest.mark.parametrize(("arguments", "error"), SHARES)
async def test_refuses_to_share(slack: Any, arguments: dict[str, str], error: str) -> None:
    """A file is shared only where the bot may post; the upload can then be completed elsewhere."""
    files = await _uploaded(slack)
    named = {key: slack.channels[value[1:]] if value[:1] == "@" else value for key, value in arguments.items()}
    assert (await slack.ask("files.completeUploadExternal", files=files, **named))["error"] == error
    assert (await slack.ask("files.completeUploadExternal", files=files, channel_id=slack.channels["kafka"]))["ok"]


async def test_only_the_owner_completes(slack: Any) -> None:
    """Another app can't share the upload."""
    files = await _uploaded(slack)
    answer = await slack.ask("files.completeUploadExternal", token="xoxb-other", files=files)
    assert answer["error"] == "access_denied"


@pytest.mark.parametrize("content", [b"ab", b"abcd"])
async def test_length_must_be_as_announced(slack: Any, content: bytes) -> None:
    """Bytes of another length than announced are refused."""
    ticket = await slack.ask("files.getUploadURLExternal", filename="a", length=3)
    assert (await slack.http.post(ticket["upload_url"], content=content)).status_code == 400


async def test_multipart_upload(slack: Any) -> None:
    """The bytes may come as the one file of a form."""
    ticket = await slack.ask("files.getUploadURLExternal", filename="a", length=3)
    sent = await slack.http.post(ticket["upload_url"], files={"filename": b"abc"})
    assert sent.status_code == 200


async def test_unknown_upload_address(slack: Any) -> None:
    """An address that was not given out takes nothing."""
    assert (await slack.http.post("/upload/v1/guess", content=b"abc")).status_code == 400


@pytest.mark.parametrize(
    ("known", "content_type", "most"),
    [
        (False, "application/octet-stream", 0),
        (False, "multipart/form-data; boundary=b", 0),
        (True, "application/octet-stream", 2),
        (True, "multipart/form-data; boundary=b", 2 + 10),
    ],
)
async def test_no_more_is_read_than_was_announced(known: bool, content_type: str, most: int) -> None:
    """Without a ticket nothing is taken; with one the reading ends once there is more than its length."""
    workspace = {"listen": "127.0.0.1:1", "channels": [{"name": "kafka"}], "tokens": [{"token": "t", "name": "App"}]}
    application = build(SlackSettings.model_validate(workspace), lambda: 1_800_000_000.0)
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        while taken < 100:
            taken += 1
            yield b"x" * 1000

    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://slack") as client:
        headers = {"authorization": "Bearer t"}
        asked = {"filename": "a", "length": 1500}
        ticket = (await client.get("/api/files.getUploadURLExternal", params=asked, headers=headers)).json()
        address = ticket["upload_url"] if known else "/upload/v1/guess"
        answer = await client.post(address, content=endless(), headers={"content-type": content_type})
    assert answer.status_code == 400
    assert taken <= most


async def test_oldest_files_go(slack: Any) -> None:
    """All files together stay within their limit: the oldest go."""
    tickets = [await slack.ask("files.getUploadURLExternal", filename="a", length=2_000_000) for _ in range(7)]
    sent = [await slack.http.post(ticket["upload_url"], content=b"x" * 2_000_000) for ticket in tickets]
    assert [one.status_code for one in sent] == [400] + [200] * 6
