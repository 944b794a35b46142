"""The Web API methods: one file a family, and METHODS, the literal map of them."""

from demo.slack.methods import apps, chat, conversations, files, reactions, team
from demo.slack.methods.call import Method
from demo.slack.rates import Tier

METHODS: dict[str, Method] = {
    "apps.connections.open": Method(apps.connections_open, Tier.THREE, app_level=True),
    "auth.test": Method(team.auth_test, Tier.SPECIAL, takes_json=True),
    "chat.delete": Method(chat.delete, Tier.THREE, ("chat:write",), takes_json=True),
    "chat.getPermalink": Method(chat.permalink, Tier.SPECIAL),
    "chat.postMessage": Method(chat.post_message, Tier.SPECIAL, ("chat:write",), takes_json=True),
    "chat.update": Method(chat.update, Tier.THREE, ("chat:write",), takes_json=True),
    "conversations.history": Method(
        conversations.history, Tier.THREE, ("channels:history", "groups:history"), takes_json=True
    ),
    "conversations.info": Method(conversations.info, Tier.THREE, ("channels:read", "groups:read")),
    "conversations.join": Method(conversations.join, Tier.THREE, ("channels:join",), takes_json=True),
    "conversations.list": Method(conversations.list_channels, Tier.TWO, ("channels:read", "groups:read")),
    "conversations.replies": Method(conversations.replies, Tier.THREE, ("channels:history", "groups:history")),
    "files.completeUploadExternal": Method(files.complete_upload, Tier.FOUR, ("files:write",), takes_json=True),
    "files.getUploadURLExternal": Method(files.get_upload_url, Tier.FOUR, ("files:write",)),
    "files.info": Method(files.info, Tier.FOUR, ("files:read",)),
    "reactions.add": Method(reactions.add, Tier.THREE, ("reactions:write",), takes_json=True),
    "reactions.get": Method(reactions.get, Tier.THREE, ("reactions:read",)),
    "reactions.remove": Method(reactions.remove, Tier.TWO, ("reactions:write",), takes_json=True),
    "team.info": Method(team.team_info, Tier.THREE, ("team:read",), takes_json=True),
    "users.info": Method(team.users_info, Tier.FOUR, ("users:read",)),
}
"""Tiers, scopes and whether JSON is taken: slack-ruby/slack-api-ref, docs.slack.dev/methods (rate_limits, scope,
json_input_supported; ``t5`` is Slack's special tier)."""
