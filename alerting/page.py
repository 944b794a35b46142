"""The status page: what is open, what Slack does not show yet, and what somebody must act on."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape

from alerting.model import Census, Entry, Noise, OpenMessage
from alerting.units import duration
from alerting.watchdog import SAID, Finding

HELP: Mapping[str, str] = {
    "auth": "The bot token is not accepted: set a valid one and restart the router.",
    "scope": "The bot token lacks a scope: add chat:write and reinstall the Slack app.",
    "channel": "Create or unarchive the channel, or invite the bot: /invite @bot.",
    "content": "Slack refuses what the message holds.",
    "bug": "The message can't be made; the router's log has the error.",
}
"""What to do about a dead letter, by reason."""

SHOWN = 15
"""Alerts in the table of noise."""

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem;color:#101828;background:#fff}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.4rem .8rem .4rem 0;border-bottom:1px solid #d0d5dd}
th{font-weight:600}.dead{color:#b42318}p.none{color:#475467}code{font-size:.9em}
@media(prefers-color-scheme:dark){body{color:#f2f4f7;background:#101828}.dead{color:#fda29b}p.none{color:#98a2b3}}
"""


def page(census: Census, now: datetime, noise: Sequence[Noise] = (), entries: Sequence[Entry] = ()) -> str:
    """Return the page as HTML. All text of alerts is escaped."""
    firing, resolved = census.alerts.get("firing", 0), census.alerts.get("resolved", 0)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="10">'
        '<meta name="viewport" content="width=device-width"><title>Alert router</title>'
        f"<style>{STYLE}</style><h1>Alert router</h1>"
        f"<p>{census.open_messages} open messages, {firing} alerts firing, {resolved} resolved in them. "
        f"{_delivery(census, now)} {_watchdog(census, now)}</p>{_table(census, now)}"
        f"{_noise(noise)}{_entries(entries)}"
        '<p>As JSON: <a href="/api/v1/messages">messages</a>, <a href="/api/v1/noise">noise</a>, '
        '<a href="/api/v1/audit">audit log</a>. <a href="/metrics">Metrics</a></p></html>'
    )


def _delivery(census: Census, now: datetime) -> str:
    if census.oldest_undelivered is None:
        return "Slack shows all of it."
    return f"The oldest change that Slack does not show is {duration(now - census.oldest_undelivered)} old."


def _watchdog(census: Census, now: datetime) -> str:
    if census.silence:
        return f'<b class="dead">The Watchdog is silent: {escape(SAID[Finding(census.silence)])}.</b>'
    if census.watchdog_at is None:
        return "No Watchdog was heard yet."
    return f"The Watchdog was heard {duration(now - census.watchdog_at)} ago."


def _table(census: Census, now: datetime) -> str:
    if not census.messages:
        return '<p class="none">Nothing is open.</p>'
    head = "<tr><th>Alert<th>Channel<th>Open for<th>Firing<th>Resolved<th>Acknowledged by<th>Slack</tr>"
    return f"<table>{head}{''.join(_row(message, now) for message in census.messages)}</table>"


def _row(message: OpenMessage, now: datetime) -> str:
    cells = (
        escape(message.title[:200]),
        escape(message.channel),
        duration(now - message.since),
        str(message.firing),
        str(message.resolved),
        escape(message.acknowledged_by or ""),
        _state(message, now),
    )
    return f"<tr>{''.join(f'<td>{cell}' for cell in cells)}</tr>"


def _state(message: OpenMessage, now: datetime) -> str:
    if message.dead:
        help_text = HELP.get(message.dead, "Slack refuses it.")
        again = f'<form method="post" action="/api/v1/messages/{message.id}/resend"><button>Send again</button></form>'
        code = f'<span class="dead">refused: <code>{escape(message.dead_code or "")}</code></span>'
        return f"{code} {escape(help_text)} {again}"
    if message.undelivered_since:
        return f"waiting for {duration(now - message.undelivered_since)}"
    return f"held until {escape(str(message.hold))}" if message.hold else "shown"


def _noise(noise: Sequence[Noise]) -> str:
    """The noisiest alerts of the last days, and how long people and they took."""
    if not noise:
        return ""
    head = "<tr><th>Alert<th>Messages<th>Alerts<th>Reminders<th>Mean time to acknowledge<th>to resolve</tr>"
    return f"<h2>Noise of the last 7 days</h2><table>{head}{''.join(_noisy(one) for one in noise[:SHOWN])}</table>"


def _noisy(one: Noise) -> str:
    cells = (
        escape(one.title[:200]),
        str(one.messages),
        str(one.alerts),
        str(one.reminders),
        duration(one.to_acknowledge) if one.to_acknowledge else "–",
        duration(one.to_resolve) if one.to_resolve else "–",
    )
    return f"<tr>{''.join(f'<td>{cell}' for cell in cells)}</tr>"


def _entries(entries: Sequence[Entry]) -> str:
    if not entries:
        return ""
    head = "<tr><th>When (UTC)<th>Alert<th>Channel<th>What<th>Who</tr>"
    return f"<h2>What happened</h2><table>{head}{''.join(_happened(one) for one in entries)}</table>"


def _happened(one: Entry) -> str:
    when = f"{one.at:%Y-%m-%d %H:%M:%S}"
    cells = (when, escape(one.title[:200]), escape(one.channel), escape(one.what), escape(one.who or ""))
    return f"<tr>{''.join(f'<td>{cell}' for cell in cells)}</tr>"
