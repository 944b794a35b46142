"""bongsu-services: is the objective kept, which service fails or is slow, and what does it lack?"""

from collections.abc import Mapping

from dashboards.page import Variable, page
from dashboards.panels import Query, Words, lines
from dashboards.rules import AlertRule
from dashboards.sdk import dashboard

GATEWAY = 'gateway=~"$gateway"'
TARGET = 'job=~"$job", instance=~"$instance"'
OBJECTIVE = "{{gateway}} / {{slo}}"
SERVICE = "{{job}} / {{part}}"
REQUESTS = "http_server_request_duration_seconds"
WORK = "messaging_process_duration_seconds"

BURN = Words(
    "",
    "How many times as fast as it may the error budget of thirty days has been used up{}. 1 uses it up exactly; above "
    "the threshold an alert fires. answered: server errors count; served: those turned away by limits count too. {}",
    "Not enough of the gateway has been seen yet",
)


def build(rules: Mapping[str, AlertRule]) -> dashboard.Dashboard:
    """The page behind the alerts on error budgets: rate, errors and duration of each service, and its saturation."""
    board = page(
        "bongsu-services",
        "Bongsu / Services",
        "Is the objective kept, which service fails or is slow, and what does it lack?",
        variables=(
            Variable("gateway", "gateway:http_requests:rate5m"),
            Variable("job", f"{REQUESTS}_count"),
            Variable("instance", 'up{job=~"$job"}'),
        ),
        signals=("slo", "pod_cpu"),
    )
    _is_the_objective_kept(board, rules)
    _what_do_callers_get(board)
    _which_service(board)
    _which_consumer(board)
    _what_does_it_lack(board)
    return board


def _rate(metric: str, by: str, extra: str = "") -> str:
    """Of the chosen targets, a second, summed `by` labels."""
    return f"sum by ({by}) (rate({metric}{{{TARGET}{extra}}}[$__rate_interval]))"


def _slowest_twentieth(histogram: str, by: str) -> str:
    return f"histogram_quantile(0.95, {_rate(f'{histogram}_bucket', f'le, {by}')})"


def _is_the_objective_kept(board: dashboard.Dashboard, rules: Mapping[str, AlertRule]) -> None:
    board.with_row(dashboard.Row("Is the objective kept?"))
    for title, window, alert, what, do in (
        ("Burnt in an hour", "1h", "Fast", " in the last hour", "Users see it: undo what changed last."),
        ("Burnt in six hours", "6h", "", " in the last six hours", "Find what began with it."),
        ("Burnt in three days", "3d", "Slowly", " in the last three days", "Make a ticket of the most frequent error."),
    ):
        words = Words(title, BURN.description.format(what, do), BURN.empty)
        query = Query(f"gateway_slo:error_budget_burn:rate{window}{{{GATEWAY}}}", OBJECTIVE)
        rule = rules[f"GatewayErrorBudgetBurning{alert}"]
        board.with_panel(lines(words, rule.unit, [query], rule=rule).span(8).height(8))


def _what_do_callers_get(board: dashboard.Dashboard) -> None:
    board.with_row(dashboard.Row("What do callers of the gateway get?"))
    answers = Words(
        "Answers by class of status code",
        "Requests a second that the gateway answered. 5 rising: compare with the services below; none of them fails: "
        "the gateway does not reach one. 4 rising: limits, or callers without a token.",
        "No gateway is scraped",
    )
    classes = f"rate(envoy_http_downstream_rq_xx{{{GATEWAY}}}[$__rate_interval])"
    query = Query(
        f"sum by (gateway, envoy_response_code_class) ({classes})", "{{gateway}} / {{envoy_response_code_class}}xx"
    )
    board.with_panel(lines(answers, "reqps", [query]).span(12).height(8))
    now = Words(
        "Burning now",
        BURN.description.format(
            " in the last five minutes", "Back at 0: the cause is gone, the longer windows follow."
        ),
        "No gateway has traffic",
    )
    query = Query(f"gateway_slo:error_budget_burn:rate5m{{{GATEWAY}}}", OBJECTIVE)
    board.with_panel(lines(now, "short", [query]).span(12).height(8))


def _which_service(board: dashboard.Dashboard) -> None:
    board.with_row(dashboard.Row("Which service fails, or is slow?"))
    requests = Words(
        "Requests by service",
        "Requests a second that each service answered. A line that ends: the service is down, or nothing reaches it; "
        "look at the gateway's answers above.",
        "No service reports http_server_request_duration_seconds",
    )
    rate = _rate(f"{REQUESTS}_count", "job, part")
    board.with_panel(lines(requests, "reqps", [Query(rate, SERVICE)]).span(8).height(8))
    errors = Words(
        "Share of server errors by service",
        "Answers with a status of 500 and above, of all. Rising in one service: its log has the error. In several at "
        "once: look at what they share.",
        "No service has traffic",
    )
    failed = _rate(f"{REQUESTS}_count", "job, part", ', http_response_status_code=~"5.."')
    share = f"({failed} or 0 * {rate}) / ({rate} > 0)"
    board.with_panel(lines(errors, "percentunit", [Query(share, SERVICE)]).span(8).height(8))
    latency = Words(
        "Slowest twentieth of requests by service",
        "95th percentile of the answer times. It rises with the CPU below: scale out or find the loop. It rises alone: "
        "what the service waits for is slow.",
        "No service has traffic",
    )
    query = Query(_slowest_twentieth(REQUESTS, "job, part"), SERVICE)
    board.with_panel(lines(latency, "s", [query]).span(8).height(8))


def _which_consumer(board: dashboard.Dashboard) -> None:
    board.with_row(dashboard.Row("Which consumer fails, or is slow?"))
    by = "part, messaging_consumer_group_name, messaging_destination_name"
    legend = "{{messaging_consumer_group_name}} / {{messaging_destination_name}}"
    none = "No service reports messaging metrics"
    worked = Words(
        "Records worked off",
        "Records a second that each consumer has done with. Below what is produced: the group falls behind; the page "
        "on consumer lag says by how much.",
        none,
    )
    query = Query(_rate(f"{WORK}_count", by), legend)
    board.with_panel(lines(worked, "mps", [query]).span(8).height(8))
    failed = Words(
        "Records that failed",
        "Records a second that could not be worked off. Not 0: the service's log has the record and why; nobody tries "
        "it again.",
        none,
    )
    errors = _rate("messaging_client_consumed_messages_total", by, ', error_type!=""')
    query = Query(f"{errors} or 0 * {_rate(f'{WORK}_count', by)}", legend)
    board.with_panel(lines(failed, "mps", [query]).span(8).height(8))
    slow = Words(
        "Slowest twentieth of records",
        "95th percentile of the time that the work on a record takes. One over it is what a consumer can do in a "
        "second: make it cheaper, or add consumers up to the number of partitions.",
        none,
    )
    board.with_panel(lines(slow, "s", [Query(_slowest_twentieth(WORK, by), legend)]).span(8).height(8))


def _what_does_it_lack(board: dashboard.Dashboard) -> None:
    board.with_row(dashboard.Row("What does it lack?"))
    none = "No process reports process_* metrics"
    cpu = Words(
        "CPU of each process",
        "Cores that each process uses. Near what it may use its requests wait: the page on pods has the limit.",
        none,
    )
    board.with_panel(
        lines(cpu, "suffix: cores", [Query(_rate("process_cpu_seconds_total", "job, part, instance"), SERVICE)])
        .span(8)
        .height(8)
    )
    memory = Words(
        "Memory of each process",
        "Resident memory. Rising and never falling: a leak, or a queue that grows; the process ends when it reaches "
        "its limit.",
        none,
    )
    board.with_panel(
        lines(memory, "bytes", [Query(f"process_resident_memory_bytes{{{TARGET}}}", SERVICE)]).span(8).height(8)
    )
    files = Words(
        "File descriptors in use",
        "Open files and connections, of those that the process may have. Rising: connections are not closed; at 100 % "
        "it can accept none.",
        none,
    )
    share = f"process_open_fds{{{TARGET}}} / process_max_fds{{{TARGET}}}"
    board.with_panel(lines(files, "percentunit", [Query(share, SERVICE)]).span(8).height(8))
