"""Links of a panel with Grafana's link variables filled in. Pure.

Source of the names: Grafana documentation, "Configure data links and actions".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from demo.console.interpolate import ALL, Choice
from demo.console.panels import Link

_REFERENCE = re.compile(
    r"\$\{__field\.labels\.(?P<label>\w+)\}"
    r"|\$\{__data\.fields(?:\.(?P<field>\w+)|\[\"(?P<quoted>[^\"]+)\"\])\}"
    r"|\$\{(?P<time>__url_time_range)\}"
    r"|\$\{(?P<name>\w+)(?P<query>:queryparam)?\}"
)


@dataclass(frozen=True)
class Here:
    """What a link may carry on: the page's time range and variables."""

    begin: str
    end: str
    choices: Mapping[str, Choice]


def filled(link: Link, labels: Mapping[str, str], here: Here) -> str | None:
    """Give the address that a click on the thing with `labels` leads to; None when it is no page or web address.

    Every value is percent-encoded: a label's value can't add a parameter or leave the path.
    """

    def value(match: re.Match[str]) -> str:
        if match["time"]:
            return f"from={quote(here.begin)}&to={quote(here.end)}"
        if name := match["name"]:
            chosen = _chosen(here.choices.get(name))
            return "&".join(f"var-{name}={one}" for one in chosen) if match["query"] else ",".join(chosen)
        return quote(labels.get(match["label"] or match["field"] or match["quoted"], ""), safe="")

    return safe(_REFERENCE.sub(value, link.url))


def safe(url: str) -> str | None:
    """Keep an address that may be put into a page: a path of this server or http(s), nothing like ``javascript:``."""
    return url if re.match(r"/(?![/\\])|https?://[^/]", url) else None


def _chosen(choice: Choice | None) -> tuple[str, ...]:
    if choice is None:
        return ()
    values = (ALL,) if choice.custom_all is not None else choice.values
    return tuple(quote(value, safe="") for value in values)
