"""The list of what fires, on the overview."""

from datetime import datetime

from demo.console import stages
from demo.console.links import safe
from demo.console.pages.words import Words, link, moment
from demo.console.prometheus import Alert

SEVERITIES = ("critical", "warning", "info")


class AlertsView:
    """What fires and what is about to, each with its runbook and its dashboard."""

    def __init__(self) -> None:
        """Make an empty list."""
        self._drawn: tuple[Alert, ...] | str | None = None
        with Words("section", classes="card alerts"):
            Words("h2", "Alerts")
            self._box = Words("div")

    def show(self, alerts: tuple[Alert, ...] | Exception) -> None:
        """List them."""
        drawn = str(alerts) if isinstance(alerts, Exception) else stages.breaches(alerts)
        if drawn == self._drawn:
            return
        self._drawn = drawn
        self._box.clear()
        with self._box:
            if isinstance(drawn, str):
                Words("p", drawn, "notice notice-failed")
            elif not drawn:
                Words("p", "Nothing fires.", "quiet")
            else:
                with Words("ul", classes="alert-list"):
                    for alert in drawn:
                        _alert(alert)


def _alert(alert: Alert) -> None:
    severity = alert.labels.get("severity", "none")
    with Words("li", classes=f"alert alert-{alert.state} severity-{severity if severity in SEVERITIES else 'none'}"):
        with Words("div", classes="alert-head"):
            Words("b", alert.name)
            Words("span", f"{severity}, {alert.state}" if alert.state == "pending" else severity, "badge")
            _since(alert.since)
        Words("p", alert.annotations.get("description") or alert.annotations.get("summary", ""))
        with Words("p", classes="alert-links"):
            for name, key in (("Runbook", "runbook_url"), ("Dashboard", "dashboard_url")):
                if address := safe(alert.annotations.get(key, "")):
                    link(name, address)


def _since(text: str) -> None:
    try:
        began = datetime.fromisoformat(text)
    except ValueError:
        return
    # when, and not how long ago: that need not be redrawn
    moment(began.timestamp()).classes("quiet")
