"""chat.*: post, edit and delete messages (https://docs.slack.dev/reference/methods, chat.postMessage and siblings)."""

from typing import Any

from demo.slack import content, limits
from demo.slack.content import Content
from demo.slack.errors import SlackError
from demo.slack.methods.call import Call
from demo.slack.objects import as_slack
from demo.slack.workspace import Channel, Message, is_ts


def post_message(call: Call) -> dict[str, Any]:
    """Post to a channel (by id or name) or, with thread_ts, to a thread of it."""
    channel = call.channel(by_name=True)
    if channel.archived:
        raise SlackError("is_archived")
    if call.app.user not in channel.members and "chat:write.public" not in call.app.scopes:
        raise SlackError("not_in_channel")
    said = content.read(call.arguments, text_limit=None)
    if said.says_nothing:
        raise SlackError("no_text")
    _files_ready(call, said)
    thread_ts = _thread(channel, call.arguments.text("thread_ts"))
    call.rates.admit_post(call.app.bot, channel.id)
    message = call.workspace.post(
        channel,
        call.app,
        said,
        thread_ts=thread_ts,
        broadcast=thread_ts is not None and call.arguments.flag("reply_broadcast"),
    )
    answer = _answer(call, channel, message)
    if len(call.arguments.text("text")) > limits.POST_TEXT.value:
        answer |= {"warning": "message_truncated", "response_metadata": {"warnings": ["message_truncated"]}}
    return answer


def update(call: Call) -> dict[str, Any]:
    """Edit one of the app's own messages; the channel is named by id alone."""
    channel = call.channel()
    ts = call.arguments.required("ts")
    if channel.archived:
        raise SlackError("is_inactive")
    message = call.workspace.message(channel, ts)
    if message.app is not call.app:
        raise SlackError("cant_update_message")
    window = call.workspace.settings.edit_window
    if window is not None and call.workspace.clock() - float(message.ts) > window:
        raise SlackError("edit_window_closed")
    said = content.read(call.arguments, text_limit=limits.UPDATE_TEXT.value)
    if _would_be_empty(message, said):
        raise SlackError("no_text")
    _files_ready(call, said)
    call.workspace.edit(message, said)
    return {**_answer(call, channel, message), "text": message.text}


def delete(call: Call) -> dict[str, Any]:
    """Delete one of the app's own messages."""
    channel = call.channel()
    message = call.workspace.message(channel, call.arguments.required("ts"))
    if message.app is not call.app:
        raise SlackError("cant_delete_message")
    call.workspace.delete(channel, message)
    return {"channel": channel.id, "ts": message.ts}


def permalink(call: Call) -> dict[str, Any]:
    """Say where a browser shows a message: ``archives/<channel id>/p<ts without its point>``; a reply in its thread."""
    channel = call.channel()
    message = call.workspace.message(channel, call.arguments.required("message_ts"))
    address = f"{call.base_url}archives/{channel.id}/p{message.ts.replace('.', '')}"
    thread = f"?thread_ts={message.thread_ts}&cid={channel.id}" if message.is_reply else ""
    return {"channel": channel.id, "permalink": address + thread}


def _answer(call: Call, channel: Channel, message: Message) -> dict[str, Any]:
    shown = as_slack(message, channel, call.workspace.team, metadata=True)
    return {"channel": channel.id, "ts": message.ts, "message": shown}


def _thread(channel: Channel, ts: str) -> str | None:
    """Return the ts of the thread's first message; a reply's ts leads to its parent."""
    if not ts:
        return None
    if not is_ts(ts):
        raise SlackError("invalid_thread_ts", [f"{ts} is not a valid thread_ts"])  # jenkinsci/slack-plugin#584
    parent = channel.messages.get(ts)
    if parent is None or parent.deleted:
        raise SlackError("thread_not_found")
    return parent.thread_ts or parent.ts


def _would_be_empty(message: Message, said: Content) -> bool:
    if said.text is None and said.blocks is None and said.attachments is None:
        return True
    attachments = message.attachments if said.attachments is None else said.attachments
    return not (said.text or said.blocks or attachments)


def _files_ready(call: Call, said: Content) -> None:
    """Refuse an image of a file that is unknown, unshared or still processed (slackapi/python-slack-sdk#1521)."""
    for name in said.file_ids():
        file = call.workspace.files.get(name)
        ready = file is not None and file.channels and file.ready_at is not None
        if not ready or (file and file.ready_at and file.ready_at > call.workspace.clock()):
            raise SlackError("invalid_blocks", ["invalid slack file"])
