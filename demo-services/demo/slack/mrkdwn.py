"""Slack's mrkdwn as HTML (https://docs.slack.dev/messaging/formatting-message-text).

Whatever comes in, only the tags written here go out.
"""

import re
from datetime import UTC, datetime
from html import escape

from markupsafe import Markup

from demo.slack.entities import unescaped

EMOJI = {
    "bar_chart": "📊",
    "bell": "🔔",
    "book": "📖",
    "bulb": "💡",
    "calendar": "📅",
    "chart_with_downwards_trend": "📉",
    "chart_with_upwards_trend": "📈",
    "checkered_flag": "🏁",
    "eyes": "👀",
    "exclamation": "❗",
    "fire": "🔥",
    "grey_exclamation": "❕",
    "hourglass": "⌛",
    "hourglass_flowing_sand": "⏳",
    "information_source": "ℹ️",
    "large_blue_circle": "🔵",
    "large_green_circle": "🟢",
    "large_orange_circle": "🟠",
    "large_yellow_circle": "🟡",
    "link": "🔗",
    "mag": "🔍",
    "mega": "📣",
    "memo": "📝",
    "mute": "🔇",
    "no_bell": "🔕",
    "no_entry": "⛔",
    "ok": "🆗",
    "question": "❓",
    "red_circle": "🔴",
    "rocket": "🚀",
    "rotating_light": "🚨",
    "satellite": "🛰️",
    "skull": "💀",
    "stopwatch": "⏱️",
    "tada": "🎉",
    "thumbsup": "👍",
    "+1": "👍",
    "warning": "⚠️",
    "wave": "👋",
    "white_check_mark": "✅",
    "white_circle": "⚪",
    "wrench": "🔧",
    "x": "❌",
    "zap": "⚡",
    "zzz": "💤",
}

_TOKEN = re.compile(
    r"```(?P<pre>.+?)```"
    r"|`(?P<code>[^`\n]+)`"
    r"|<(?P<link>[^<>\n]+)>"
    r"|:(?P<emoji>[a-z0-9_+-]{1,60}):"
    r"|(?<![\w*])\*(?P<b>[^*\n]+)\*(?![\w*])"
    r"|(?<![\w_])_(?P<i>[^_\n]+)_(?![\w_])"
    r"|(?<![\w~])~(?P<s>[^~\n]+)~(?![\w~])",
    re.DOTALL,
)

_DATE = re.compile(
    r"!date\^(?P<seconds>[0-9]{1,11})"
    r"\^(?P<format>[^|^{}]*(?:\{(?:date(?:_num|(?:_short|_long)?(?:_pretty)?)|time(?:_secs)?|ago)\}[^|^{}]*)+)"
    r"(?:\^(?P<url>[^|]+))?"
    r"\|(?P<fallback>.+)"
)

_QUOTED = re.compile(r"^(?:&gt;|>) ?", re.MULTILINE)


def mrkdwn(text: str) -> Markup:
    """Return the text with its formatting; lines that start with ``>`` become quotes."""
    parts: list[str] = []
    for quoted, lines in _runs(text):
        inner = _inline("\n".join(lines))
        parts.append(f"<blockquote>{inner}</blockquote>" if quoted else inner)
    return Markup("".join(parts))


def plain(text: str) -> Markup:
    """Return the text of a plain_text object: emoji and line ends, no formatting."""
    return Markup("".join(_plain(part) for part in re.split(r"(:[a-z0-9_+-]{1,60}:)", text)))


def safe_url(url: object) -> str:
    """Return the URL when a browser may follow it, else an empty string."""
    text = str(url or "").strip()
    return text if text.lower().startswith(("http://", "https://", "mailto:")) else ""


def _runs(text: str) -> list[tuple[bool, list[str]]]:
    """Split into runs of quoted and other lines; code blocks are not looked into."""
    runs: list[tuple[bool, list[str]]] = []
    fenced = False
    for line in text.split("\n"):
        quoted = not fenced and bool(_QUOTED.match(line))
        if runs and runs[-1][0] == quoted:
            runs[-1][1].append(_QUOTED.sub("", line) if quoted else line)
        else:
            runs.append((quoted, [_QUOTED.sub("", line) if quoted else line]))
        fenced ^= line.count("```") % 2 == 1
    return runs


def _inline(text: str) -> str:
    parts: list[str] = []
    position = 0
    for match in _TOKEN.finditer(text):
        parts.append(_text(text[position : match.start()]))
        parts.append(_token(match))
        position = match.end()
    return "".join([*parts, _text(text[position:])])


def _token(match: re.Match[str]) -> str:
    kind = match.lastgroup or ""
    content = match[kind]
    match kind:
        case "pre":
            return f"<pre>{_escaped(content.strip(chr(10)))}</pre>"
        case "code":
            return f"<code>{_escaped(content)}</code>"
        case "link":
            return _link(content)
        case "emoji":
            return _emoji(content)
        case _:
            return f"<{kind}>{_inline(content)}</{kind}>"


def _link(content: str) -> str:
    """Render ``<target|label>``; mentions show their label."""
    target, _, label = content.partition("|")
    if target.startswith("!date"):
        return _date(content) or _escaped(label or f"<{content}>")
    if target.startswith("#"):
        return f'<span class="mention">#{_escaped(label or target[1:])}</span>'
    if target.startswith("@"):
        return f'<span class="mention">@{_escaped(label or target[1:])}</span>'
    if target.startswith("!"):
        shown = label or f"@{target[1:].partition('^')[0]}"
        return f'<span class="mention">{_escaped(shown)}</span>'
    url = safe_url(target.replace("&amp;", "&"))
    return _anchor(url, _escaped(label or url)) if url else _escaped(f"<{content}>")


def _anchor(url: str, inside: str) -> str:
    return f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer">{inside}</a>'


def _date(content: str) -> str:
    """Render ``!date^seconds^format^url|fallback``, the url optional; empty when it is ill-formed.

    The fallback is shown until the page's script puts the format in its place, in the reader's time zone.
    """
    date = _DATE.fullmatch(content)
    url = safe_url((date["url"] or "").replace("&amp;", "&")) if date else ""
    if date is None or (date["url"] and not url):
        return ""
    moment = datetime.fromtimestamp(int(date["seconds"]), UTC)
    shown, wanted = _escaped(date["fallback"]), _escaped(date["format"])
    time = f'<time datetime="{moment:%Y-%m-%dT%H:%M:%SZ}" data-format="{wanted}">{shown}</time>'
    return _anchor(url, time) if url else time


def _emoji(name: str) -> str:
    known = EMOJI.get(name)
    return f'<span role="img" aria-label="{name}">{known}</span>' if known else f":{name}:"


def _plain(part: str) -> str:
    return _emoji(part[1:-1]) if part[1:-1] in EMOJI and part.startswith(":") else _text(part)


def _text(text: str) -> str:
    return _escaped(text).replace("\n", "<br>")


def _escaped(text: str) -> str:
    """Escape for HTML what is escaped for Slack (only ``&``, ``<`` and ``>``)."""
    return escape(unescaped(text))
