"""``bongsu router …`` as a person runs it, beside the demo's strict workspace."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from alerting.app import make_app
from alerting.cli import app as program
from alerting.config import RouterSettings
from alerting.examine import SCOPES, channels
from alerting.pace import Pace
from demo.slack.app import build
from demo.slack.methods import METHODS
from demo.slack.settings import SlackSettings
from process.settings import load

MANIFEST = Path(__file__).parents[2] / "alerting" / "slack-app.yaml"
FAST = Pace(gap=0.0, settle=0.05, first_wait=0.01, longest_wait=0.1)
CHANNELS = [{"name": "alerts"}, {"name": "kafka"}, {"name": "old", "archived": True}, {"name": "far", "joined": False}]


async def run(*arguments):
    """Run a command beside the servers of the test."""
    result = await asyncio.to_thread(CliRunner().invoke, program, [str(argument) for argument in arguments])
    return result.exit_code, result.output


@pytest.fixture
def workspace_of(serve):
    """A workspace whose token has these scopes."""

    def begin(scopes=tuple(SCOPES)):
        token = {"token": "xoxb-test", "name": "Bongsu", "scopes": list(scopes)}
        content = {"listen": "127.0.0.1:1", "channels": CHANNELS, "tokens": [token]}
        return serve(build(SlackSettings.model_validate(content)))

    return begin


@pytest.fixture
def write(tmp_path):
    """Write a settings file; its path."""

    def make(slack_port, port=1, default="#alerts", routes=(), **more):
        path = tmp_path / "router.yaml"
        content = {
            "listen": f"127.0.0.1:{port}",
            "store": str(tmp_path / "router.db"),
            "slack": {"token": "xoxb-test", "base_url": f"http://127.0.0.1:{slack_port}/api"},
            "default_channel": default,
            "routes": [{"match": {"signal": "kafka_lag"}, "channel": channel} for channel in routes],
            **more,
        }
        path.write_text(yaml.safe_dump(content))
        return path

    return make


async def test_check_config_asks_slack(workspace_of, write):
    """The token, its scopes, each channel."""
    async with workspace_of() as port:
        code, output = await run("check-config", "--config", write(port, routes=["#kafka"]))
    assert code == 0
    for line in ("the token is Bongsu's in Bongsu demo", "the scopes suffice", "#alerts is there", "#kafka is there"):
        assert line in output


@pytest.mark.parametrize(
    ("scopes", "default", "sentence"),
    [
        (SCOPES, "#nowhere", "✗ #nowhere does not exist, or is private and the bot is not in it"),
        (SCOPES, "#old", "✗ #old is archived"),
        (SCOPES, "#far", "✗ #far: the bot is not in it: /invite it there"),
        (SCOPES.keys() - {"channels:history"}, "#alerts", "✗ the scope channels:history is missing"),
        (SCOPES.keys() - {"channels:read"}, "#alerts", "✗ the channels can't be listed: missing_scope"),
    ],
)
async def test_check_config_says_what_slack_lacks(workspace_of, write, scopes, default, sentence):
    """A sentence a mistake, and exit code 1."""
    async with workspace_of(scopes) as port:
        code, output = await run("check-config", "--config", write(port, default=default))
    assert code == 1
    assert sentence in output


async def test_check_config_names_a_token_that_is_not_taken(workspace_of, write):
    """And a file that is not well formed."""
    async with workspace_of() as port:
        slack = {"token": "xoxb-other", "base_url": f"http://127.0.0.1:{port}/api"}
        code, output = await run("check-config", "--config", write(port, slack=slack))
        assert (code, "Slack does not take the token: invalid_auth" in output) == (1, True)
        code, output = await run("check-config", "--config", write(port, colour="red"))
    assert code == 78
    assert "colour: unknown key" in output.replace("\n", "")


def test_every_channel_of_the_settings_is_asked_for(write):
    """Wherever it stands."""
    settings = load(write(1, routes=["#kafka", "C0123456789"]), RouterSettings)
    assert channels(settings) == {"#alerts", "#kafka", "C0123456789"}


async def test_render_shows_a_message_and_sends_nothing(write, tmp_path, webhook_body, alert):
    """As words, or as what Slack would get."""
    body = tmp_path / "body.json"
    body.write_bytes(webhook_body(alert("a"), alert("b")))
    code, output = await run("render", body)
    assert code == 0
    assert "🔥 Firing: KafkaConsumerLagHigh (2)" in output
    assert "↳ *2 fired*: `topic=a`, `topic=b`" in output
    code, output = await run("render", body, "--json", "--config", write(1, routes=["#kafka"]))
    assert code == 0
    shown = json.loads(output)
    assert (shown["channel"], shown["blocks"][0]["type"]) == ("#kafka", "header")
    body.write_text("{}")
    code, output = await run("render", body)
    assert (code, "version is not the one" in output) == (2, True)


async def test_render_says_what_quiet_hours_hold_back(write, tmp_path, webhook_body, alert):
    """An alert that has to wait now, and until when; beside one that has not it would be told at once."""
    now = datetime.now(UTC)
    begins, ends = (f"{now + timedelta(hours=hours):%H:%M}" for hours in (-1, 2))
    config = write(1, quiet_hours={"begins": begins, "ends": ends, "hold": ["info"], "timezone": "UTC"})
    body = tmp_path / "body.json"
    info = alert("a", labels={"alertname": "A", "severity": "info"})
    body.write_bytes(webhook_body(info))
    _, output = await run("render", body, "--config", config)
    assert f"Now, in quiet hours, it would be held until {ends} UTC." in output
    body.write_bytes(webhook_body(info, alert("b")))
    _, output = await run("render", body, "--config", config)
    assert "held" not in output


@pytest.fixture
async def router(workspace_of, write, serve):
    """A router that runs, beside a workspace; its settings file."""
    async with workspace_of() as slack_port:
        settings = load(write(slack_port), RouterSettings)
        app = make_app(settings, lambda: datetime.now(UTC), FAST)
        async with app.router.lifespan_context(app), serve(app) as port:
            yield write(slack_port, port=port)


async def test_test_fire_is_seen_to_fire_and_to_resolve(router):
    """In the channel that was named; how long Slack took is told."""
    code, output = await run("test-fire", "--config", router, "--channel", "#kafka", "--seconds", "0")
    assert code == 0, output
    assert "✓ it fires, shown after" in output
    assert "✓ it has resolved, shown after" in output


async def test_test_fire_says_why_slack_refuses(router):
    """Slack's own word; and what is no channel is refused at once."""
    code, output = await run("test-fire", "--config", router, "--channel", "#nowhere")
    assert (code, "✗ Slack refuses it: channel_not_found" in output) == (1, True)
    code, output = await run("test-fire", "--config", router, "--channel", "nowhere")
    assert code == 1
    assert "the test alert is refused with 422" in output


async def test_replay_sends_what_was_recorded(router, tmp_path, webhook_body, alert):
    """A body a line, in order; one that is refused ends it."""
    file = tmp_path / "bodies.jsonl"
    file.write_bytes(b"\n".join([webhook_body(alert("a")), webhook_body(alert("a", 0, 60)), b""]))
    assert await run("replay", file, "--config", router) == (0, "✓ 2 notifications sent\n")
    file.write_text("{}")
    code, output = await run("replay", file, "--config", router)
    assert (code, "body 1 is refused with 422" in output) == (1, True)


async def test_a_router_that_does_not_run_is_said_so(write):
    """Not a traceback."""
    code, output = await run("test-fire", "--config", write(1))
    assert (code, "does not answer: ConnectError" in output.replace("\n", " ")) == (1, True)


def test_the_manifest_has_exactly_the_scopes_that_are_needed():
    """Those that check-config looks for, and each of the methods that slack.py calls is covered."""
    manifest = yaml.safe_load(MANIFEST.read_text())
    scopes = set(manifest["oauth_config"]["scopes"]["bot"])
    assert scopes == set(SCOPES)
    source = (MANIFEST.parent / "slack.py").read_text()
    called = {name for name in METHODS if f"client.{name.replace('.', '_')}(" in source}
    assert {"chat.postMessage", "chat.update", "conversations.history", "files.completeUploadExternal"} <= called
    for name in called:
        assert not METHODS[name].scopes or scopes.intersection(METHODS[name].scopes), name
    public = {scope for name in called for scope in METHODS[name].scopes}
    private = {scope.replace("channels:", "groups:") for scope in public}
    assert scopes == public | private
