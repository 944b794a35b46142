"""bongsu-router: does Slack show what is, what holds it up, and does the router hear everything?"""

from collections.abc import Mapping

from dashboards.page import Variable, page
from dashboards.panels import Query, Words, lines
from dashboards.rules import AlertRule
from dashboards.sdk import dashboard

TARGET = 'job=~"$job", instance=~"$instance"'
NONE = "The alert router is not scraped"


def build(rules: Mapping[str, AlertRule]) -> dashboard.Dashboard:
    """The page behind RouterDeadLetters and RouterDeliveryStalled."""
    board = page(
        "bongsu-router",
        "Bongsu / Alert router",
        "Does Slack show what is, what holds it up, and does the router hear everything?",
        variables=(
            Variable("job", "router_messages_open"),
            Variable("instance", 'router_messages_open{job=~"$job"}'),
        ),
        signals=("pipeline",),
    )
    _does_slack_show_it(board, rules)
    _what_holds_it_up(board)
    _does_it_hear_everything(board)
    return board


def _of(metric: str) -> str:
    """A gauge of the store: replicas that share one say the same."""
    return f"{metric}{{{TARGET}}}"


def _rate(metric: str, by: str) -> str:
    """Of the chosen routers, a second, summed `by` a label."""
    return f"sum by ({by}) (rate({metric}{{{TARGET}}}[$__rate_interval]))"


def _does_slack_show_it(board: dashboard.Dashboard, rules: Mapping[str, AlertRule]) -> None:
    board.with_row(dashboard.Row("Does Slack show what is?"))
    stalled, dead = rules["RouterDeliveryStalled"], rules["RouterDeadLetters"]
    opened = Words(
        "Messages open",
        "Messages with an alert that is not resolved. Many at once: look for the one cause; Alertmanager's inhibitions "
        "and grouping keep the rest quiet. Held: new ones that wait for the end of quiet hours.",
        NONE,
    )
    queries = [
        Query(f"max({_of('router_messages_open')})", "open"),
        Query(f"max({_of('router_messages_held')})", "held until the morning"),
    ]
    board.with_panel(lines(opened, "short", queries).span(4).height(8))
    alerts = Words(
        "Alerts of open messages",
        "Alerts that open messages tell of, firing and resolved. Firing here and not in Prometheus: the list of alerts "
        "could not be read, see the looks below.",
        NONE,
    )
    query = Query(f"max by (state) ({_of('router_alerts')})", "{{state}}")
    board.with_panel(lines(alerts, "short", [query]).span(6).height(8))
    age = Words(
        "Age of what Slack does not show",
        "How long the router has known something that Slack does not show. Growing: the retries below say whether "
        "Slack is down, slow, or limits the workspace.",
        NONE,
    )
    query = Query(f"max by (part) ({_of('router_oldest_undelivered_age_seconds')})", "{{part}}")
    board.with_panel(lines(age, stalled.unit, [query], rule=stalled).span(7).height(8))
    refused = Words(
        "Messages that Slack refuses",
        "Messages that no retry will bring to Slack, by reason. Not 0: the runbook RouterDeadLetters says what to do "
        "about each reason.",
        NONE,
    )
    by_reason = f"max by (reason) ({_of('router_dead_letters')})"
    queries = [Query(f"sum({by_reason})", "all reasons"), Query(f"{by_reason} > 0", "{{reason}}")]
    board.with_panel(lines(refused, dead.unit, queries, rule=dead).span(7).height(8))


def _what_holds_it_up(board: dashboard.Dashboard) -> None:
    board.with_row(dashboard.Row("What holds it up?"))
    delivered = Words(
        "Calls that Slack confirmed",
        "Posts, edits, replies and pictures a second. Edits far above posts: one alert changes all the time; none "
        "while something waits: see the retries.",
        NONE,
    )
    query = Query(_rate("router_delivered_total", "method"), "{{method}}")
    board.with_panel(lines(delivered, "cps", [query]).span(8).height(8))
    retries = Words(
        "Calls that are made again",
        "Calls to Slack that failed and will be made again, by reason. rate_limited: the workspace is told too much; "
        "unreachable or timeout: the way to Slack; slack_failed: Slack itself.",
        NONE,
    )
    query = Query(_rate("router_retries_total", "reason"), "{{reason}}")
    board.with_panel(lines(retries, "cps", [query]).span(8).height(8))
    unknown = Words(
        "Posts of unknown outcome",
        "Posts of which it was not known whether Slack took them, by what the look-up told. not_visible: the bot may "
        "not read the channel; give it channels:history, or a message may come twice.",
        NONE,
    )
    query = Query(_rate("router_unknown_outcomes_total", "resolution"), "{{resolution}}")
    board.with_panel(lines(unknown, "cps", [query]).span(8).height(8))


def _does_it_hear_everything(board: dashboard.Dashboard) -> None:
    board.with_row(dashboard.Row("Does the router hear everything?"))
    webhooks = Words(
        "Webhooks and clicks",
        "Notifications, and clicks in Slack, a second, by what became of them. store_failed: Alertmanager tries again, "
        "mend the store. unauthorized, too_large, wrong_shape: refused for good, the router's log says whose.",
        NONE,
    )
    queries = [
        Query(_rate("router_webhooks_total", "result"), "webhook {{result}}"),
        Query(_rate("router_clicks_total", "result"), "click {{result}}"),
    ]
    board.with_panel(lines(webhooks, "cps", queries).span(6).height(8))
    beat = Words(
        "Since the last Watchdog",
        "Time since the alert that always fires was last heard. It should stay below a minute. Growing: Prometheus, "
        "Alertmanager or the way between them is broken; see the runbook Watchdog.",
        "No Watchdog was heard since the router began",
    )
    heard = _of("router_watchdog_last_received_timestamp_seconds")
    query = Query(f"time() - max by (part) ({heard})", "{{part}}")
    board.with_panel(lines(beat, "s", [query]).span(6).height(8))
    looks = Words(
        "Looks at Alertmanager's list",
        "Readings of the list of alerts a second, by what came of them. Others than whole for long: what resolves "
        "while it is silenced stays open in Slack. Check alertmanager.urls.",
        NONE,
    )
    query = Query(_rate("router_reconciliations_total", "result"), "{{result}}")
    board.with_panel(lines(looks, "cps", [query]).span(6).height(8))
    losses = Words(
        "Put right, not kept, given up",
        "Corrections: groups that the list put right. Not kept: transactions that the store refused, look at its disk. "
        "Given up: messages forgotten before Slack showed their end. Fall-back: calls of the other system's webhook.",
        NONE,
    )
    queries = [
        Query(_rate("router_corrections_total", "part"), "{{part}} put right"),
        Query(_rate("router_store_commit_failures_total", "part"), "{{part}} not kept"),
        Query(_rate("router_given_up_total", "part"), "{{part}} given up"),
        Query(_rate("router_fallback_posts_total", "result"), "fall-back {{result}}"),
    ]
    board.with_panel(lines(losses, "cps", queries).span(6).height(8))
