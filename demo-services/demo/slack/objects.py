"""Messages, their reactions and files as the objects that Slack's API shows."""

from typing import Any

from demo.slack.workspace import SLACKBOT, Channel, File, Message


def as_slack(message: Message, channel: Channel, team: str, *, metadata: bool) -> dict[str, Any]:
    """Return the message object of Slack's API (https://docs.slack.dev/reference/objects/message-object)."""
    answer: dict[str, Any] = {"type": "message", "ts": message.ts, "text": message.text, "team": team}
    if message.app is None:
        answer |= {"user": SLACKBOT, "subtype": "tombstone", "hidden": True}
    else:
        app = message.app
        answer |= {"user": app.user, "bot_id": app.bot, "app_id": app.id}
        answer["bot_profile"] = {"id": app.bot, "app_id": app.id, "name": app.name, "deleted": False, "team_id": team}
    if message.blocks:
        answer["blocks"] = list(message.blocks)
    if message.attachments:
        answer["attachments"] = list(message.attachments)
    if metadata and message.metadata:
        answer["metadata"] = message.metadata
    if message.edited and message.app:
        answer["edited"] = {"user": message.app.user, "ts": message.edited}
    if message.files:
        answer["files"] = [file_as_slack(file) for file in message.files]
    if message.reactions:
        answer["reactions"] = reactions_as_slack(message)
    if message.is_reply:
        answer |= {"thread_ts": message.thread_ts} | ({"subtype": "thread_broadcast"} if message.broadcast else {})
        parent = channel.messages.get(message.thread_ts or "")
        if parent and parent.app:
            answer["parent_user_id"] = parent.app.user
    elif replies := channel.replies(message.ts):
        answer |= {
            "thread_ts": message.ts,
            "reply_count": len(replies),
            "reply_users": sorted({reply.app.user for reply in replies if reply.app}),
            "latest_reply": replies[-1].ts,
        }
    return answer


def reactions_as_slack(message: Message) -> list[dict[str, Any]]:
    """Return the reactions as Slack lists them."""
    return [{"name": name, "users": list(users), "count": len(users)} for name, users in message.reactions.items()]


def file_as_slack(file: File) -> dict[str, Any]:
    """Return the file object (https://docs.slack.dev/reference/objects/file-object), the part that is true here."""
    return {
        "id": file.id,
        "created": file.created,
        "timestamp": file.created,
        "name": file.name,
        "title": file.title,
        "size": file.length,
        "user": file.owner,
        "mode": "hosted",
        "is_external": False,
        "is_public": bool(file.channels),
        "channels": list(file.channels),
    }
