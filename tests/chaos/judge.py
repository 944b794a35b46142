"""What Slack shows against what is true: alerts lost, doubled, or shown in a wrong state. Pure."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TOPIC = re.compile(r"\btopic=(g\d+a\d+)\b")


@dataclass(frozen=True)
class Verdict:
    """Sentences; none is a run without a fault."""

    lost: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Nothing lost, nothing doubled, all as it is."""
        return not (self.lost or self.doubled or self.wrong)


def judge(
    messages: Sequence[Mapping[str, Any]], truth: Mapping[str, bool], allowed: Mapping[str, int], told: bool = True
) -> Verdict:
    """Compare all messages with whether each topic fires; `allowed` is how many messages it may be in.

    Unless all was `told`, what has resolved need not be in any: an Alertmanager that restarts tells nobody of it.
    """
    live = [message for message in messages if not message["deleted"]]
    shown = [(message, states(message)) for message in live]
    lost, doubled, wrong = [], [], []
    for topic, fires in truth.items():
        found = [named[topic] for _, named in shown if topic in named]
        if not found and (fires or told):
            lost.append(f"{topic} is in no message")
        elif sum(found) != fires:
            wrong.append(f"{topic} {'fires' if fires else 'has resolved'}, and {sum(found)} messages say that it fires")
        if len(found) > allowed[topic]:
            doubled.append(f"{topic} is in {len(found)} messages, {allowed[topic]} at most were called for")
    for message in live:
        counts = Counter(reply["text"] for reply in message["thread"] if not reply["deleted"])
        doubled += [
            f"thread {message['ts']} says {text!r} {count} times" for text, count in counts.items() if count > 1
        ]
    return Verdict(tuple(lost), tuple(doubled), tuple(wrong))


def states(message: Mapping[str, Any]) -> dict[str, bool]:
    """The topics that a message names, and whether it says that they fire."""
    lines = [line for text in _texts([message["blocks"], message["attachments"]]) for line in text.splitlines()]
    return {topic: "resolved" not in line for line in lines for topic in TOPIC.findall(line)}


def _texts(part: Any) -> list[str]:
    """Every text of the blocks, in order; not the fall-back, which repeats it."""
    if isinstance(part, list):
        return [text for each in part for text in _texts(each)]
    if not isinstance(part, dict):
        return []
    own = [part["text"]] if isinstance(part.get("text"), str) and "type" in part else []
    return own + [text for key, value in part.items() if key != "fallback" for text in _texts(value)]
