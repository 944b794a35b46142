"""A step becomes a Slack message: header, then an attachment whose colour bar holds the rest. Pure.

Attachments are the only place where Slack draws a colour bar. Limits (docs.slack.dev, Block Kit reference): 50 blocks,
header 150, section text 3000, section field 2000. Past some 13,200 characters Slack answers `msg_blocks_too_long`
(slackapi/bolt-js#2509), so the parts' limits below add up to less. State is said in words, never by colour alone.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from alerting import charts, controls
from alerting.history import History, Named, Still
from alerting.model import ChartForm, Deed, Illustration, Message, Notice
from alerting.plan import Edit, Picture, Post, Reply, Step
from alerting.text import code, escape, joined, link, one_line, plain, when, width
from alerting.units import duration, quantity
from alerting.view import Line, State, View

Block = dict[str, Any]

MAX_ALL = 13_000
"""Of blocks and attachments together, as JSON."""

MAX_HEADER = 150
MAX_FALLBACK = 300
MAX_SUMMARY = 300
MAX_DESCRIPTION = 1000
MAX_FIELD = 200
MAX_LINE = 280
MAX_LIST = 2000
MAX_DIGEST = 9500
MAX_SECTION = 2900
MAX_LINKS = 2000
MAX_REPLY = 2500

COLOURS = {"critical": "#D92D20", "warning": "#F79009", "info": "#2E90FA"}
COLOUR_OTHER = "#F79009"
COLOUR_RESOLVED = "#12B76A"
COLOUR_QUIET = "#98A2B3"

ICONS = {
    State.FIRING: "🔥",
    State.SILENCED: "🔕",
    State.INHIBITED: "🔕",
    State.MUTED: "🔕",
    State.UNCLEAR: "❔",
    State.RESOLVED: "✅",
}


def render(step: Step, shown: Illustration | None = None) -> Message:
    """Return the message of a step, with its chart."""
    match step:
        case Post(view=view, previous=previous) | Edit(view=view, previous=previous):
            return _notice(view) if isinstance(view, Notice) else _message(view, previous, shown)
        case Reply(history=history):
            return Message(_reply(history), broadcast=any(act.deed is Deed.ESCALATE for act in history.acts))
        case Picture():
            raise TypeError("a picture is drawn, not rendered")


def title(view: View) -> str:
    """State, name and size in one line of plain text."""
    text = f"{ICONS[view.state]} {view.state.capitalize()}: {one_line(view.name)}"
    if view.lasted is not None:
        return f"{text} after {duration(view.lasted)}"
    total = view.firing + sum(view.suppressed.values()) + view.resolved
    if view.state is State.FIRING and total > 1:
        return f"{text} ({total})" if view.firing == total else f"{text} ({view.firing} of {total})"
    return text


def _message(view: View, previous: str | None, shown: Illustration | None) -> Message:
    """Join the parts. A chart that does not fit beside the text gives way to a line, and that to nothing."""
    made = _joined(view, previous, shown, [], None)
    for chart, form in _charts(view, shown):
        with_chart = _joined(view, previous, shown, [chart], form)
        if _size(with_chart) <= MAX_ALL:
            return with_chart
    return made


def _charts(view: View, shown: Illustration | None) -> Iterator[tuple[Block, ChartForm | None]]:
    """The chart in its form, then as text; the form of what Slack may refuse."""
    if shown is None:
        return
    if shown.form is ChartForm.NATIVE:
        yield charts.block(one_line(view.name), shown.evidence), ChartForm.NATIVE
    elif shown.form is ChartForm.PICTURE and shown.picture:
        alt = charts.spoken(one_line(view.name), shown.evidence)
        yield {"type": "image", "slack_file": {"id": shown.picture}, "alt_text": alt}, ChartForm.PICTURE
    yield {"type": "context", "elements": [_mrkdwn(escape(charts.line(shown.evidence), MAX_LINE))]}, None


def _size(message: Message) -> int:
    return width(json.dumps([message.text, message.blocks, message.attachments], ensure_ascii=False))


def _joined(
    view: View, previous: str | None, shown: Illustration | None, chart: Sequence[Block], form: ChartForm | None
) -> Message:
    head: Block = {
        "type": "header",
        "text": {"type": "plain_text", "text": plain(title(view), MAX_HEADER), "emoji": False},
    }
    call = [_section(controls.called(view.handling.mention))] if view.handling.mention else []
    bar = {"color": _colour(view), "fallback": _fallback(view), "blocks": _body(view, previous, shown)}
    return Message(_fallback(view), (head, *call, *chart), (bar,), form)


def _notice(notice: Notice) -> Message:
    title = escape(one_line(notice.title), MAX_HEADER)
    text = " ".join(part for part in (controls.called(notice.mention), f"*{title}*") if part)
    return Message(title, (_section(text), *(_section(part) for part in _sections(notice.text.splitlines()))))


def _fallback(view: View) -> str:
    measure = (_against(view.value, view.threshold, view.unit) or "") if view.state is State.FIRING else ""
    parts = [title(view), view.severity, view.summary, measure]
    return escape(" · ".join(one_line(part) for part in parts if part), MAX_FALLBACK)


def _colour(view: View) -> str:
    if view.state is State.FIRING:
        return COLOURS.get(view.severity, COLOUR_OTHER)
    return COLOUR_RESOLVED if view.state is State.RESOLVED else COLOUR_QUIET


def _body(view: View, previous: str | None, shown: Illustration | None) -> list[Block]:
    blocks = [_section(text) for text in (_what(view),) if text]
    fields = _fields(view, shown.evidence.now if shown else None)
    blocks.append({"type": "section", "fields": [_mrkdwn(field) for field in fields]})
    blocks += [_section(listed) for listed in _lists(view)]
    if links := _links(view):
        blocks.append(_section(links))
    if view.delayed:
        blocks.append(
            {"type": "context", "elements": [_mrkdwn(f"⏳ Shown {duration(timedelta(seconds=view.delayed))} late.")]}
        )
    blocks += controls.done(view.handling)
    blocks += controls.buttons(view.handling, view.links, view.digest[:16])
    if previous and (back := link(previous, "the former message")):
        blocks.append(
            {"type": "context", "elements": [_mrkdwn(f"Replaces {back}, which Slack no longer lets us edit.")]}
        )
    return blocks


def _what(view: View) -> str:
    summary = escape(one_line(view.summary), MAX_SUMMARY)
    description = escape(view.description.strip(), MAX_DESCRIPTION)
    bold = f"*{summary.replace('*', '∗')}*" if summary else ""
    return "\n".join(part for part in (bold, description) if part)


def _fields(view: View, now: float | None) -> list[str]:
    """`now` is the value at this moment: in a message that is over, beside the last one that an alert told."""
    over = not (view.firing or view.suppressed)
    value = view.value if over or now is None else f"{now:.6g}"
    fields = {
        "Value now": escape(one_line(quantity(f"{now:.6g}", view.unit)), MAX_FIELD) if over and now is not None else "",
        "Last value" if over else "Value": escape(_against(value, view.threshold, view.unit) or "", MAX_FIELD),
        "Severity": escape(one_line(view.severity), MAX_FIELD),
        "Since": when(view.since),
        "Lasted": duration(view.lasted) if view.lasted is not None else "",
        "Alerts": _counts(view),
    }
    return [f"*{name}*\n{text}" for name, text in fields.items() if text]


def _against(value: str | None, threshold: str | None, unit: str) -> str | None:
    """The value against its threshold, with the unit."""
    if value is None:
        return None
    text = one_line(quantity(value, unit))
    return text if threshold is None else f"{text} (threshold {one_line(quantity(threshold, unit))})"


def _counts(view: View) -> str:
    counts = {
        "firing": view.firing,
        **view.suppressed,
        "resolved": view.resolved,
        "not listed by Alertmanager": view.truncated,
    }
    return " · ".join(f"{count} {word}" for word, count in counts.items() if count)


def _lists(view: View) -> list[str]:
    """The worst alerts, a line each, and how many more there are; in parts that a section holds."""
    lines = [_line(line) for line in view.alerts if line.labels]
    _, shown = joined(lines, MAX_LIST - 60 if view.groups is None else MAX_DIGEST)
    more = view.hidden + len(lines) - shown + view.truncated
    return _sections([*lines[:shown], *([f"and {more} more"] if more else [])])


def _sections(lines: Sequence[str]) -> list[str]:
    """Lay lines out in as many sections as they need."""
    parts = []
    while lines:
        text, fit = joined(lines, MAX_SECTION)
        parts.append(text)
        lines = lines[fit:]
    return parts


def _line(line: Line) -> str:
    names = code(" ".join(f"{name}={value}" for name, value in line.labels.items()), 180)
    value = escape(one_line(quantity(line.value, line.unit)), 40) if line.value is not None else ""
    if line.suppressed:
        return f"• 🔕 {names} {line.suppressed} {value}".rstrip()
    if line.firing:
        return f"• {names} {value}".rstrip()
    lasted = f" after {duration(line.ends_at - line.starts_at)}" if line.ends_at else ""
    return f"• ✓ {names} resolved{lasted}"


def _links(view: View) -> str:
    links = {
        name: url
        for name, url in view.links.items()
        if not (view.handling.links and name in controls.LINK_BUTTONS and controls.is_button(url))
    }
    made = [made for name, url in links.items() if (made := link(url, name))]
    return joined(made, MAX_LINKS, " · ")[0]


def _reply(history: History) -> str:
    verb = "fired" if history.first else "joined"
    parts = [
        _told(history.joined, verb),
        *(_told(named, why) for why, named in history.held.items()),
        _told(history.freed, "active again"),
        _told(history.left, "left"),
        _told(history.passed, "came and went"),
    ]
    said = [part for part in parts if part]
    if history.over is not None and history.news:
        said.append(f"*Resolved* after {duration(history.over)}.")
    elif history.still and not said:
        said.append(_still(history.still))
    elif not history.first and history.news:
        said.append(f"{history.firing} firing.")
    said += [controls.told(act) for act in history.acts]
    if history.mention:
        said.append(controls.called(history.mention))
    return joined(said, MAX_REPLY)[0]


def _still(still: Still) -> str:
    measure = _against(still.value, still.threshold, still.unit)
    return f"*Still firing* after {duration(still.lasted)}{': ' + escape(measure, MAX_FIELD) if measure else ''}."


def _told(named: Named, verb: str) -> str:
    if not named.count:
        return ""
    names = ", ".join(code(name, 150) for name in named.names if name)
    more = f" and {named.count - len(named.names)} more" if named.count > len(named.names) else ""
    return f"*{named.count} {verb}*: {names}{more}" if names else f"*{named.count} {verb}*"


def _section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> Block:
    """Verbatim: Slack makes no links or mentions of its own out of what it finds in the text."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}
