"""files.*: the upload in three steps, ticket, bytes, share (https://docs.slack.dev/messaging/working-with-files)."""

import secrets
from typing import Any

from demo.slack import limits
from demo.slack.content import Content
from demo.slack.errors import SlackError
from demo.slack.methods.call import Call
from demo.slack.objects import file_as_slack
from demo.slack.workspace import Channel, File, Workspace


def get_upload_url(call: Call) -> dict[str, Any]:
    """Give a ticket: an address to POST the bytes to, without a token."""
    name = call.arguments.required("filename")
    length = call.arguments.whole("length", 0)
    if not length:
        raise SlackError("missing_argument")
    if length > limits.FILE_BYTES.value:
        raise SlackError("file_upload_size_restricted")
    if len(call.arguments.text("alt_txt")) > limits.ALT_TEXT.value:
        raise SlackError("alt_txt_too_large")
    file = File(
        id=f"F0{secrets.token_hex(5).upper()[:9]}",
        owner=call.app.user,
        name=name[:255],
        title=name[:255],
        length=length,
        created=int(call.workspace.clock()),
        secret=secrets.token_urlsafe(16),
    )
    call.workspace.keep_file(file)
    return {"upload_url": f"{call.base_url}upload/v1/{file.secret}", "file_id": file.id}


def awaited(workspace: Workspace, secret: str) -> File | None:
    """Find the file whose bytes may be sent to the address with `secret`."""
    for file in workspace.files.values():
        if secrets.compare_digest(file.secret.encode(), secret.encode()) and file.ready_at is None:
            return file
    return None


def store(workspace: Workspace, secret: str, data: bytes) -> bool:
    """Take the bytes for a ticket; False when there is no such ticket or the length is another one."""
    file = awaited(workspace, secret)
    if file is None or len(data) != file.length:
        return False
    file.data = data
    return True


def complete_upload(call: Call) -> dict[str, Any]:
    """Share uploaded files as one message of the channel, or keep them private when none is named."""
    given = call.arguments.parsed("files", "invalid_arguments")
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) for one in given):
        raise SlackError("invalid_arguments", ["must provide an array of files [json-pointer:/files]"])
    files = [_uploaded(call, str(one.get("id", ""))) for one in given]
    channel = _channel(call)
    thread_ts = _thread(channel, call.arguments.text("thread_ts")) if channel else None
    if channel:
        call.rates.admit_post(call.app.bot, channel.id)
    for file, one in zip(files, given, strict=True):
        file.title = str(one.get("title") or file.name)[:255]
        file.ready_at = call.workspace.clock() + (call.workspace.settings.file_processing or 0)
    if channel:
        for file in files:
            file.channels.append(channel.id)
        said = Content(call.arguments.text("initial_comment"), None, None, None)
        call.workspace.post(channel, call.app, said, thread_ts=thread_ts, files=files)
    return {"files": [file_as_slack(file) for file in files]}


def info(call: Call) -> dict[str, Any]:
    """Describe one file."""
    file = call.workspace.files.get(call.arguments.required("file"))
    if file is None or file.ready_at is None:
        raise SlackError("file_not_found")
    return {"file": file_as_slack(file), "comments": [], "response_metadata": {"next_cursor": ""}}


def _uploaded(call: Call, name: str) -> File:
    file = call.workspace.files.get(name)
    if file is None or file.data is None or file.ready_at is not None:
        raise SlackError("file_not_found")
    if file.owner != call.app.user:
        raise SlackError("access_denied")
    return file


def _channel(call: Call) -> Channel | None:
    argument = "channel_id" if call.arguments.text("channel_id") else "channels"
    if not call.arguments.text(argument):
        return None
    if "," in call.arguments.text(argument):
        raise SlackError("invalid_channel", ["this workspace shares a file in one channel at a time"])
    channel = call.channel(argument)
    if call.app.user not in channel.members:
        raise SlackError("not_in_channel")
    if channel.archived:
        raise SlackError("posting_to_channel_denied")
    return channel


def _thread(channel: Channel, ts: str) -> str | None:
    if not ts:
        return None
    if ts not in channel.messages:
        raise SlackError("thread_not_found")
    return channel.messages[ts].thread_ts or ts
