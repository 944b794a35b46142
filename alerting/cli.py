"""``bongsu router …``: try the router out, and find out what is wrong with it.

What a command needs is imported in it: the router's libraries take half a second that others need not pay.
"""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from alerting.config import RouterSettings
    from alerting.preview import Preview

app = typer.Typer(help="The alert router: preview, test, replay, check.", no_args_is_help=True)
console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)

Config = Annotated[Path, typer.Option(help="The router's settings.")]
SENT_AGAIN = 5
"""How often a body is sent again after a 5xx."""


@app.command("check-config")
def check_config(
    config: Config, slack: Annotated[bool, typer.Option(help="Also ask Slack for scopes and channels.")] = True
) -> None:
    """Read the settings, and ask Slack whether it will take what they have it sent."""
    settings = _settings(config)
    console.print(f"[green]✓[/] {config} is well formed", markup=True)
    if not slack:
        return
    findings = asyncio.run(_examined(settings))
    for finding in findings:
        console.print("[green]✓[/] " if finding.ok else "[bold red]✗[/] ", end="")
        console.print(finding.text, markup=False)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


@app.command()
def render(
    file: Annotated[Path, typer.Argument(help="A webhook body of Alertmanager's or Grafana's, JSON; - is stdin.")],
    config: Annotated[Path | None, typer.Option(help="The router's settings, for routes and links.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what is sent to Slack.")] = False,
) -> None:
    """Show what a notification would look like in Slack; nothing is sent."""
    from alerting.config import LinkSettings
    from alerting.errors import Rejected
    from alerting.model import Routed
    from alerting.preview import previews, read
    from alerting.routes import compiled

    settings = _settings(config) if config else None
    try:
        notification = read(_body(file))
    except Rejected as refused:
        raise typer.BadParameter(str(refused)) from refused
    if settings:
        routes = compiled(settings)
        now = datetime.now(UTC)
        routed = [
            Routed(alert, routes.channel(alert.labels), routes.hold(alert.labels, now)) for alert in notification.alerts
        ]
    else:
        routed = [Routed(alert, "#channel") for alert in notification.alerts]
    links, most = (settings.links, settings.message.max_alerts) if settings else (LinkSettings(), 10)
    for preview in previews(notification, routed, links, most):
        _print_json(preview) if as_json else _print_text(preview)


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="Webhook bodies, a JSON object a line; - is stdin.")],
    config: Config,
    gap: Annotated[float, typer.Option(min=0, help="Seconds between two bodies.")] = 0.0,
) -> None:
    """Send recorded notifications to the running router, in their order, as their senders do."""
    settings = _settings(config)
    bodies = [line for line in _body(file).splitlines() if line.strip()]
    with _client(settings) as client:
        for number, body in enumerate(bodies, start=1):
            path = "/api/v1/grafana" if b'"orgId"' in body else "/api/v1/alertmanager"
            _send(client, path, body, f"body {number}")
            time.sleep(gap)
    console.print(f"[green]✓[/] {len(bodies)} notifications sent")


@app.command("test-fire")
def fire(
    config: Config,
    severity: Annotated[str, typer.Option(help="Label of the test alert.")] = "info",
    channel: Annotated[str | None, typer.Option(help="Where it goes; by default where its labels route it.")] = None,
    seconds: Annotated[float, typer.Option(min=0, help="How long it fires before it resolves.")] = 10.0,
) -> None:
    """Let a test alert fire in Slack and resolve; say how long each took to be shown."""
    from alerting.drill import fired

    settings = _settings(config)
    with _client(settings) as client:
        drill = fired(severity)
        for ends, word in ((False, "fires"), (True, "has resolved")):
            begun = time.monotonic()
            parameters = {"channel": channel} if channel else {}
            _send(client, "/api/v1/test", drill.body(resolved=ends), "the test alert", parameters)
            _await_shown(client, drill.key, begun, word)
            if not ends:
                time.sleep(seconds)


def _await_shown(client: Any, key: str, begun: float, word: str) -> None:
    """Wait until Slack shows the test alert as it is, or say why it does not."""
    while time.monotonic() - begun < 60:
        (message,) = [one for one in client.get("/api/v1/messages").json()["messages"] if one["group"] == key] or [None]
        if message is None or message["state"] == "shown":
            console.print(f"[green]✓[/] it {word}, shown after {time.monotonic() - begun:.1f} s")
            return
        if message["state"] == "held":
            console.print(f"[green]✓[/] it {word}, held until {message['held_until']}: these are quiet hours")
            return
        if message["state"] == "refused":
            console.print(f"[bold red]✗[/] Slack refuses it: {message['reason']}")
            raise typer.Exit(1)
        time.sleep(0.1)
    console.print("[bold red]✗[/] not shown after a minute")
    raise typer.Exit(1)


def _settings(config: Path) -> "RouterSettings":
    from alerting.config import RouterSettings
    from process.command import EXIT_CONFIG
    from process.settings import ConfigError, load

    try:
        return load(config, RouterSettings)
    except ConfigError as error:
        console.print(str(error), markup=False, style="red")
        raise typer.Exit(EXIT_CONFIG) from error


async def _examined(settings: "RouterSettings") -> list[Any]:
    from alerting.examine import examine
    from alerting.slack import open_slack

    token = settings.slack.bot_token().get_secret_value()
    async with open_slack(token, settings.slack.base_url, settings.slack.timeout) as slack:
        return list(await examine(settings, slack))


def _client(settings: "RouterSettings") -> Any:
    import httpx

    host, _, port = settings.listen.rpartition(":")
    reached = "127.0.0.1" if host in ("0.0.0.0", "[::]") else host
    scheme = "https" if settings.tls else "http"
    headers = settings.webhook.auth.headers()
    return httpx.Client(base_url=f"{scheme}://{reached}:{port}", headers=headers, timeout=30, trust_env=False)


def _send(client: Any, path: str, body: bytes, what: str, parameters: dict[str, str] | None = None) -> None:
    """Send as Alertmanager does: again after a 5xx, never after a 4xx."""
    import httpx

    for wait in range(SENT_AGAIN):
        try:
            answer = client.post(path, content=body, params=parameters)
        except httpx.HTTPError as error:
            raise _failed(f"the router at {client.base_url} does not answer: {type(error).__name__}") from error
        if answer.is_success:
            return
        if answer.status_code < 500:
            raise _failed(f"{what} is refused with {answer.status_code}: {answer.text}")
        time.sleep(2**wait / 10)
    raise _failed(f"{what} can't be kept now: {answer.text}")


def _failed(sentence: str) -> typer.Exit:
    console.print(f"✗ {sentence}", markup=False, style="red")
    return typer.Exit(1)


def _body(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file} can't be read: {error.strerror}") from error


def _print_json(preview: "Preview") -> None:
    message = preview.message
    content = {"text": message.text, "blocks": message.blocks, "attachments": message.attachments}
    print(json.dumps({"channel": preview.channel, **content}, indent=1, ensure_ascii=False))  # noqa: T201  # for pipes


def _print_text(preview: "Preview") -> None:
    """What a person would read, without its looks."""
    console.rule(preview.channel, align="left")
    inner = [block for bar in preview.message.attachments for block in bar["blocks"]]
    for block in (*preview.message.blocks, *inner):
        texts = [block.get("text"), *block.get("fields", []), *block.get("elements", [])]
        for text in texts:
            if text:
                said = text["text"] if isinstance(text["text"], str) else f"[{text['text']['text']}]"
                console.print(said, markup=False)
    console.print(f"  ↳ {preview.reply.text}", markup=False)
    if preview.hold:
        console.print(f"Now, in quiet hours, it would be held until {preview.hold}.", markup=False)
