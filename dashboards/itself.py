"""bongsu-itself: do the watchers see, what does it cost, and do Prometheus and Alertmanager keep up?"""

from collections.abc import Mapping

from dashboards.page import Variable, page
from dashboards.panels import Query, Words, lines
from dashboards.rules import AlertRule
from dashboards.sdk import dashboard

TARGET = 'job=~"$job", instance=~"$instance"'
SOURCE = "{{part}} / {{source}}"
GROUP_ALONE = '"rule_group", "$1", "rule_group", ".*;(.+)"'
"""For label_replace(): Prometheus names a group with its file before it."""

EXPORTERS = ("gateway_limits", "kafka_lag", "pod_cpu")


def build(rules: Mapping[str, AlertRule]) -> dashboard.Dashboard:
    """The page behind the alerts on exporters and targets."""
    board = page(
        "bongsu-itself",
        "Bongsu / Bongsu itself",
        "Do the watchers see, what does it cost, and do Prometheus and Alertmanager keep up?",
        variables=(Variable("job", "up"), Variable("instance", 'up{job=~"$job"}')),
        signals=("pipeline",),
    )
    _do_they_see(board, rules)
    _what_does_a_reading_cost(board, rules)
    _do_they_keep_up(board)
    _what_do_they_use(board)
    return board


def _rate(metric: str, by: str) -> str:
    """Of the chosen targets, a second, summed `by` labels."""
    return f"sum by ({by}) (rate({metric}{{{TARGET}}}[$__rate_interval]))"


def _do_they_see(board: dashboard.Dashboard, rules: Mapping[str, AlertRule]) -> None:
    board.with_row(dashboard.Row("Do the watchers see?"))
    up, failing, down = (rules[name] for name in ("ExporterSourceDown", "ExporterReadsFailing", "ExporterDown"))
    sources = Words(
        "Sources read",
        "1 while the exporter's last reading of the source worked. 0: that signal is unknown, not good; the exporter's "
        "page and log have the reason.",
        "No exporter is scraped",
    )
    query = Query("part_source:exporter_up:min", SOURCE)
    board.with_panel(lines(sources, up.unit, [query], rule=up).span(8).height(8))
    failures = Words(
        "Readings that failed",
        "Failed readings a second, and parts that were missing from good ones. Above 0 for minutes: some series are "
        "missing although the source is up.",
        "No exporter is scraped",
    )
    query = Query("part_source:exporter_failures:rate1m", SOURCE)
    board.with_panel(lines(failures, failing.unit, [query], rule=failing).span(8).height(8))
    scraped = Words(
        "Targets scraped",
        "1 while Prometheus reaches the process. 0: start it again, or mend the way to it; until then nothing is known "
        "of it.",
        "Prometheus has no target",
    )
    query = Query(f"up{{{TARGET}}}", "{{job}} / {{part}}")
    board.with_panel(lines(scraped, down.unit, [query], rule=down).span(8).height(8))


def _what_does_a_reading_cost(board: dashboard.Dashboard, rules: Mapping[str, AlertRule]) -> None:
    board.with_row(dashboard.Row("What does a reading cost?"))
    duration = Words(
        "Time of a reading",
        "How long the last reading of each source took, whether it worked or not. Near the exporter's timeout: the "
        "source is slow, or there is too much to read; raise interval and timeout, or share it over shards.",
        "No exporter is scraped",
    )
    queries = [
        Query(f"{exporter}_collection_duration_seconds{{{TARGET}}}", f"{exporter} / {{{{source}}}}")
        for exporter in EXPORTERS
    ]
    board.with_panel(lines(duration, "s", queries).span(6).height(8))
    requests = Words(
        "Requests to Kafka",
        "Requests a second that kafka_lag sends, by their name in Kafka's protocol. They grow with the brokers; "
        "growing with anything else is a fault of the exporter.",
        "No kafka_lag exporter is scraped",
    )
    board.with_panel(
        lines(requests, "reqps", [Query(_rate("kafka_lag_requests_total", "api"), "{{api}}")]).span(6).height(8)
    )
    received = Words(
        "Answers of Kafka",
        "Bytes that one collection of kafka_lag receives, all shards together. It grows with partitions and groups: "
        "what it costs the network between the exporters and the brokers.",
        "No kafka_lag exporter is scraped",
    )
    query = Query(f"sum by (part) (kafka_lag_received_bytes{{{TARGET}}})", "{{part}}")
    board.with_panel(lines(received, "bytes", [query]).span(6).height(8))
    dropped = Words(
        "Series left out",
        "Series that an exporter does not tell, because there would be more than its max_series; their sums are there. "
        "Not 0: raise it, or leave out what nobody watches.",
        "No exporter with a budget of series is scraped",
    )
    query = Query("part:exporter_dropped_series:max", "{{part}}")
    over = rules["ExporterSeriesDropped"]
    board.with_panel(lines(dropped, over.unit, [query], rule=over).span(6).height(8))


def _do_they_keep_up(board: dashboard.Dashboard) -> None:
    board.with_row(dashboard.Row("Do Prometheus and Alertmanager keep up?"))
    rules = Words(
        "Rules that fail",
        "Evaluations of rules a second that failed. Above 0: alerts of that group may not fire; Prometheus' page Rules "
        "has the error.",
        "Prometheus does not scrape itself",
    )
    failing = _rate("prometheus_rule_evaluation_failures_total", "rule_group")
    query = Query(f"label_replace({failing}, {GROUP_ALONE})", "{{rule_group}}")
    board.with_panel(lines(rules, "cps", [query]).span(6).height(8))
    missed = Words(
        "Time of a round of rules",
        "How long the last evaluation of each group took. Near the group's interval: rounds are missed, and alerts "
        "come late; give Prometheus more CPU.",
        "Prometheus does not scrape itself",
    )
    last = f"prometheus_rule_group_last_duration_seconds{{{TARGET}}}"
    query = Query(f"label_replace({last}, {GROUP_ALONE})", "{{rule_group}}")
    board.with_panel(lines(missed, "s", [query]).span(6).height(8))
    dropped = Words(
        "Alerts that are lost on the way",
        "Alerts a second that Prometheus could not hand to an Alertmanager, and notifications that Alertmanager could "
        "not hand on. Above 0: the way to the router is broken.",
        "Prometheus and Alertmanager are not scraped",
    )
    queries = [
        Query(_rate("prometheus_notifications_dropped_total", "part"), "{{part}} dropped"),
        Query(_rate("alertmanager_notifications_failed_total", "part"), "{{part}} failed"),
    ]
    board.with_panel(lines(dropped, "cps", queries).span(6).height(8))
    held = Words(
        "Series that Prometheus holds",
        "Series in its memory. A step that stays: a new target or a label that grew; a steady climb ends with "
        "Prometheus out of memory.",
        "Prometheus does not scrape itself",
    )
    query = Query(f"max by (part) (prometheus_tsdb_head_series{{{TARGET}}})", "{{part}}")
    board.with_panel(lines(held, "short", [query]).span(6).height(8))


def _what_do_they_use(board: dashboard.Dashboard) -> None:
    board.with_row(dashboard.Row("What do they use?"))
    none = "No process reports process_* metrics"
    cpu = Words(
        "CPU of each process",
        "Cores that each process uses. An exporter near one core reads more than it can in time: leave out what nobody "
        "watches, or share it over shards.",
        none,
    )
    query = Query(_rate("process_cpu_seconds_total", "job, part, instance"), "{{job}} / {{part}}")
    board.with_panel(lines(cpu, "suffix: cores", [query]).span(6).height(8))
    memory = Words(
        "Memory of each process",
        "Resident memory. A steady climb that does not follow the number of series: a leak, please report it.",
        none,
    )
    query = Query(f"process_resident_memory_bytes{{{TARGET}}}", "{{job}} / {{part}}")
    board.with_panel(lines(memory, "bytes", [query]).span(6).height(8))
    scrape = Words(
        "Time of a scrape",
        "How long Prometheus waited for each target. Near the scrape timeout: the next is lost, and the target counts "
        "as down.",
        "Prometheus has no target",
    )
    query = Query(f"scrape_duration_seconds{{{TARGET}}}", "{{job}} / {{part}}")
    board.with_panel(lines(scrape, "s", [query]).span(6).height(8))
    series = Words(
        "Series of each target",
        "Samples that Prometheus takes from each target at a scrape: what the target costs its memory. A step up: find "
        "the label that grew before Prometheus runs out.",
        "Prometheus has no target",
    )
    query = Query(f"scrape_samples_scraped{{{TARGET}}}", "{{job}} / {{part}}")
    board.with_panel(lines(series, "short", [query]).span(6).height(8))
