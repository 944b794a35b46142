"""bongsu-overview: is it well, where does it hurt, is what we see fresh, and does Slack show it?"""

from collections.abc import Mapping
from dataclasses import replace

from dashboards.page import TIME_AND_SOURCE, Variable, page
from dashboards.panels import Link, Query, Words, bars, lines, number, rows
from dashboards.rules import AlertRule
from dashboards.sdk import dashboard

BURN = "gateway_slo:error_budget_burn:rate1h"
BURN_NOW = "gateway_slo:error_budget_burn:rate5m"
FIRING = 'alertstate="firing", alertname!="Watchdog"'
LAG = "consumergroup_topic:kafka_consumergroup_lag_seconds:max"
LAG_OF_CLUSTER = LAG + '{cluster=~"$cluster"}'
TARGET = '{job=~"$job", instance=~"$instance"}'
REJECTED = "gateway_route:gateway_ratelimit_rejections_per_decision:ratio_rate1m"
CPU = "namespace_workload_pod:pod_cpu_limit_ratio:avg30s"
THINGS = (
    "cluster",
    "consumergroup",
    "topic",
    "gateway",
    "route",
    "slo",
    "namespace",
    "workload",
    "pod",
    "job",
    "part",
    "source",
)
"""The labels that name what an alert is about."""

ANY_ALERT = AlertRule("any", "pipeline", "critical", threshold=1, unit="short", below=False)
"""One firing alert is one too many; no rule says so, it is what firing means."""

TO_LAG = Link(
    "Lag of this group and topic",
    "/d/bongsu-kafka-lag?var-consumergroup=${__field.labels.consumergroup}&var-topic=${__field.labels.topic}&"
    + TIME_AND_SOURCE,
)
TO_LIMITS = Link(
    "Limits of this route",
    "/d/bongsu-gateway-limits?var-gateway=${__field.labels.gateway}&var-route=${__field.labels.route}&"
    + TIME_AND_SOURCE,
)
TO_SERVICES = Link(
    "This gateway and its services", "/d/bongsu-services?var-gateway=${__field.labels.gateway}&" + TIME_AND_SOURCE
)
TO_ROUTER = Link("The router", "/d/bongsu-router?" + TIME_AND_SOURCE)
TO_ITSELF = Link("What watches", "/d/bongsu-itself?var-job=exporters&" + TIME_AND_SOURCE)
TO_PODS = Link(
    "This pod",
    "/d/bongsu-pods?var-namespace=${__field.labels.namespace}&var-pod=${__field.labels.pod}&" + TIME_AND_SOURCE,
)


LAGGING = Words(
    "Consumer lag",
    "How late each group reads a topic: the age of its oldest unread record. Rising: the consumers are slower than the "
    "producers; click a line for its rates and partitions.",
    "No consumer group is measured",
)
TURNED_AWAY = Words(
    "Rejected share of requests",
    "Requests that the gateway's rate limits turned away, by route. High: one client bursts, or the limit is too "
    "low; click a line for the limits and outcomes.",
    "No gateway route has traffic",
)
BURNING = Words(
    "Error budget of the gateway",
    "How many times as fast as it may the error budget is used up now, and was in the last hour: by server errors "
    "(answered), and with those turned away (served). Above 1: click a line for what fails.",
    "No gateway has traffic",
)
HOT = Words(
    "CPU share of the limit",
    "CPU used by each pod, of what it may use, mean of 30 s. Near 100 % the kernel throttles it: scale out or find "
    "the loop; click a line for the pod.",
    "No pod with a CPU limit is measured",
)


def build(rules: Mapping[str, AlertRule]) -> dashboard.Dashboard:
    """The page to open first; each panel leads to the one that explains it."""
    board = page(
        "bongsu-overview",
        "Bongsu / Overview",
        "Is it well? Where does it hurt? Is what we see fresh, and does Slack show it?",
        variables=(
            Variable("cluster", LAG),
            Variable("job", "up"),
            Variable("instance", 'up{job=~"$job"}'),
        ),
    )
    _is_it_well(board, rules)
    _where_does_it_hurt(board, rules)
    _is_it_fresh(board, rules)
    _does_slack_show_it(board, rules)
    return board


def _is_it_well(board: dashboard.Dashboard, rules: Mapping[str, AlertRule]) -> None:
    board.with_row(dashboard.Row("Is it well?"))
    firing = Words(
        "Alerts firing",
        "Every alert that fires now, without the Watchdog. Not 0: read the table beside, then the alert's runbook.",
        "Prometheus does not answer",
    )
    board.with_panel(
        number(firing, "short", Query(f"count(ALERTS{{{FIRING}}}) or vector(0)", "firing"), rule=ANY_ALERT)
        .span(4)
        .height(5)
    )
    sources = Words(
        "Sources read",
        "Share of the exporters' sources whose last reading succeeded. Below 100 %: a signal is unknown, not good; "
        "the chart of ages below names the source.",
        "No exporter is scraped",
    )
    share = Query("avg(part_source:exporter_up:min)", "read")
    board.with_panel(number(sources, "percentunit", share, rule=rules["ExporterSourceDown"]).span(4).height(5))
    table = Words(
        "What fires, and for how long",
        "One row for each alert, the longest first. Open the dashboard of its signal from the links above.",
        "Nothing fires",
    )
    by = ", ".join(("alertname", "severity", "signal", *THINGS))
    since = f"time() - max by ({by}) (ALERTS_FOR_STATE) and max by ({by}) (ALERTS{{{FIRING}}})"
    board.with_panel(
        rows(table, "s", since, columns=("alertname", "severity", "signal", *THINGS), value="for").span(16).height(5)
    )


def _where_does_it_hurt(board: dashboard.Dashboard, rules: Mapping[str, AlertRule]) -> None:
    board.with_row(dashboard.Row("Where does it hurt?"))
    lag, rejecting, cpu, burning = (
        rules[name]
        for name in (
            "KafkaConsumerLagHigh",
            "GatewayRateLimitRejecting",
            "PodCPUNearLimit",
            "GatewayErrorBudgetBurningFast",
        )
    )
    near = Words(
        "Worst of each signal, in shares of its threshold",
        "100 % is where the alert begins. The longest bar is the place to look first; below, who it is.",
        "No signal is measured",
    )
    worst = [
        Query(f"max({LAG_OF_CLUSTER}) / {lag.threshold:g}", "Consumer lag"),
        Query(f"max({REJECTED}) / {rejecting.threshold:g}", "Rejected by limits"),
        Query(f"max({CPU}) / {cpu.threshold:g}", "CPU of its limit"),
        Query(f"max({BURN}) / {burning.threshold:g}", "Error budget"),
    ]
    board.with_panel(bars(near, "percentunit", worst, rule=replace(lag, threshold=1)).span(24).height(5))
    burnt = [
        Query(BURN_NOW, "{{gateway}} / {{slo}} now"),
        Query(BURN, "{{gateway}} / {{slo}} in an hour"),
    ]
    for words, queries, rule, link in (
        (LAGGING, [Query(LAG_OF_CLUSTER, "{{consumergroup}} / {{topic}}")], lag, TO_LAG),
        (TURNED_AWAY, [Query(REJECTED, "{{gateway}} / {{route}}")], rejecting, TO_LIMITS),
        (HOT, [Query(CPU, "{{namespace}} / {{pod}}")], cpu, TO_PODS),
        (BURNING, burnt, burning, TO_SERVICES),
    ):
        board.with_panel(lines(words, rule.unit, queries, rule=rule, link=link).span(24).height(7))


def _is_it_fresh(board: dashboard.Dashboard, rules: Mapping[str, AlertRule]) -> None:
    board.with_row(dashboard.Row("Is what we see fresh?"))
    age = Words(
        "Age of the last good reading",
        "Time since each exporter last read each source. It should stay near the collection interval. Growing: the "
        "source can't be read, and its lines above have ended; the exporter's page and log say why.",
        "No exporter is scraped",
    )
    query = Query("time() - part_source:exporter_last_success_timestamp_seconds:max", "{{part}} / {{source}}")
    board.with_panel(lines(age, "s", [query], link=TO_ITSELF).span(8).height(7))
    failures = Words(
        "Readings that failed",
        "Failed readings a second, and parts that were missing from good ones: some partitions or pods may be missing "
        "above although every source is up. The exporter's page and log say why.",
        "No exporter is scraped",
    )
    query = Query("part_source:exporter_failures:rate1m", "{{part}} / {{source}}")
    failing = rules["ExporterReadsFailing"]
    board.with_panel(lines(failures, failing.unit, [query], rule=failing).span(8).height(7))
    targets = Words(
        "Targets down",
        "Every process that Prometheus can't scrape, by job. Start it again, or mend the way to it: "
        "runbooks ExporterDown and TargetDown.",
        "All targets are up",
    )
    down = f"max by (job, part, instance) (up{TARGET} < 1)"
    board.with_panel(
        rows(targets, "short", down, columns=("job", "part", "instance"), value="up", rule=rules["TargetDown"])
        .span(8)
        .height(7)
    )


def _does_slack_show_it(board: dashboard.Dashboard, rules: Mapping[str, AlertRule]) -> None:
    board.with_row(dashboard.Row("Does Slack show it?"))
    stalled, dead = rules["RouterDeliveryStalled"], rules["RouterDeadLetters"]
    age = Words(
        "Age of the oldest change that Slack does not show",
        "How long the alert router has known something that Slack does not show. Near 0: people see what is. Growing: "
        "Slack is down, slow or refuses; until then look here, not in Slack.",
        "The alert router is not scraped",
    )
    query = Query(f"max by (part) (router_oldest_undelivered_age_seconds{TARGET})", "{{part}}")
    board.with_panel(lines(age, stalled.unit, [query], rule=stalled, link=TO_ROUTER).span(12).height(7))
    refused = Words(
        "Messages that Slack refuses",
        "Messages that no retry will bring to Slack. Not 0: the router's page has the reasons; the runbook "
        "RouterDeadLetters says what to do about each.",
        "The alert router is not scraped",
    )
    query = Query(f"sum by (part) (max by (part, reason) (router_dead_letters{TARGET}))", "{{part}}")
    board.with_panel(lines(refused, dead.unit, [query], rule=dead, link=TO_ROUTER).span(12).height(7))
