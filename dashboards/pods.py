"""bongsu-pods: is a pod near its CPU limit, how much is that, and does anyone notice?"""

from collections.abc import Mapping

from dashboards.page import Variable, page
from dashboards.panels import Query, Words, lines, number, rows
from dashboards.rules import AlertRule
from dashboards.sdk import dashboard

SHARE = "namespace_workload_pod:pod_cpu_limit_ratio:avg30s"
POD = '{namespace=~"$namespace", pod=~"$pod"}'
NAME = "{{namespace}} / {{pod}}"
THROTTLED = "namespace_workload_pod:pod_cpu_throttled_ratio:avg5m"
PRESSURE = "namespace_workload_pod:pod_cpu_pressure_ratio:avg5m"
MISSING = "namespace_workload:pod_cpu_workload_missing_replicas:max"
WORKLOAD = '{namespace=~"$namespace"}'


def build(rules: Mapping[str, AlertRule]) -> dashboard.Dashboard:
    """The page behind PodCPUNearLimit."""
    board = page(
        "bongsu-pods",
        "Bongsu / Pod CPU",
        "Is a pod near its CPU limit, how much is that, and does anyone notice?",
        variables=(
            Variable("namespace", "pod_cpu_usage_cores"),
            Variable("pod", 'pod_cpu_usage_cores{namespace=~"$namespace"}'),
            Variable("job", "http_server_request_duration_seconds_count"),
            Variable("instance", 'http_server_request_duration_seconds_count{job=~"$job"}'),
        ),
        signals=("pod_cpu",),
    )
    _is_a_pod_near_its_limit(board, rules)
    _does_it_wait(board, rules)
    _how_much_is_that(board)
    _are_there_enough_pods(board, rules)
    _which_pod(board)
    return board


def _of_pod(metric: str) -> str:
    """One series a pod, also while two exporters see it."""
    return f"max by (namespace, workload, pod) ({metric}{POD})"


def _is_a_pod_near_its_limit(board: dashboard.Dashboard, rules: Mapping[str, AlertRule]) -> None:
    board.with_row(dashboard.Row("Is a pod near its limit?"))
    rule = rules["PodCPUNearLimit"]
    worst = Words(
        "Worst pod",
        "CPU that the hottest pod uses, of what it may use, mean of 30 s. Above the threshold: scale its workload out, "
        "or find the loop; the table below names it.",
        "No pod with a CPU limit is measured",
    )
    query = Query(f"max({SHARE}{POD})", "of its limit")
    board.with_panel(number(worst, "percentunit", query, rule=rule).span(4).height(8))
    unlimited = Words(
        "Pods without a limit",
        "They can't come near a limit, so no alert speaks of them. Set resources.limits.cpu, or judge them by the "
        "share of their request.",
        "No pod is measured",
    )
    usage = _of_pod("pod_cpu_usage_cores")
    without = Query(f"count({usage} unless {_of_pod('pod_cpu_limit_cores')}) or 0 * count({usage})", "pods")
    board.with_panel(number(unlimited, "short", without).span(4).height(8))
    share = Words(
        "CPU share of the limit",
        "At 100 % the kernel makes the pod wait. One pod of a workload alone: a hot key or a loop; all of them: too "
        "few pods for the load.",
        "No pod with a CPU limit is measured",
    )
    board.with_panel(lines(share, "percentunit", [Query(f"{SHARE}{POD}", NAME)], rule=rule).span(16).height(8))


def _does_it_wait(board: dashboard.Dashboard, rules: Mapping[str, AlertRule]) -> None:
    board.with_row(dashboard.Row("Does it wait?"))
    rule = rules["PodCPUThrottledAndSlow"]
    throttled = Words(
        "Throttled share of periods",
        "How often the limit stopped the pod's most throttled container, mean of five minutes. High while the pod "
        "waits, on the right: fewer threads, or a higher limit. High and nothing waits: leave it.",
        "No pod with a quota is measured",
    )
    board.with_panel(lines(throttled, "percentunit", [Query(f"{THROTTLED}{POD}", NAME)], rule=rule).span(12).height(8))
    waits = Words(
        "Time in which the pod waited",
        "Share of the time in which some task of the pod waited for a processor (PSI), mean of five minutes. High "
        "without throttling: its node is full.",
        "No kernel tells of pressure",
    )
    board.with_panel(lines(waits, "percentunit", [Query(f"{PRESSURE}{POD}", NAME)]).span(12).height(8))


def _how_much_is_that(board: dashboard.Dashboard) -> None:
    board.with_row(dashboard.Row("How much is that?"))
    usage = Words(
        "CPU used",
        "Cores that each pod uses. Compare pods of one workload: they should be alike, or the load is not spread.",
        "No pod is measured",
    )
    board.with_panel(lines(usage, "suffix: cores", [Query(_of_pod("pod_cpu_usage_cores"), NAME)]).span(12).height(8))
    request = Words(
        "CPU share of the request",
        "What a HorizontalPodAutoscaler compares with its target. Always above 100 %: raise the request, the pod lives "
        "on what others leave.",
        "No pod with a CPU request is measured",
    )
    board.with_panel(lines(request, "percentunit", [Query(_of_pod("pod_cpu_request_ratio"), NAME)]).span(12).height(8))


def _are_there_enough_pods(board: dashboard.Dashboard, rules: Mapping[str, AlertRule]) -> None:
    board.with_row(dashboard.Row("Are there enough pods?"))
    rule = rules["WorkloadAtReplicaCeiling"]
    by, legend = "max by (namespace, workload)", "{{namespace}} / {{workload}}"
    missing = Words(
        "Pods that an autoscaler would add",
        "Pods wanted at the target, less those that are there; negative: it would take some away. Above 0 for long: a "
        "ceiling holds the workload down, maxReplicas or a quota.",
        "No autoscaler_target is set",
    )
    columns = ("namespace", "workload")
    board.with_panel(
        rows(missing, "short", f"{MISSING}{WORKLOAD}", columns=columns, value="wanted", rule=rule).span(8).height(8)
    )
    replicas = Words(
        "Pods of each workload",
        "Pods that an autoscaler counts, pending ones too. A staircase up: it scales; watch whether the share on the "
        "right falls with it.",
        "No workload is measured",
    )
    query = Query(f"{by} (pod_cpu_workload_replicas{WORKLOAD})", legend)
    board.with_panel(lines(replicas, "short", [query]).span(8).height(8))
    share = Words(
        "CPU share of the workload's requests",
        "What an autoscaler compares with its target, over all ready pods. Above the target while pods are added: "
        "wait. Above it and none is added: see the table on the left.",
        "No workload with CPU requests is measured",
    )
    query = Query(f"{by} (pod_cpu_workload_request_ratio{WORKLOAD})", legend)
    board.with_panel(lines(share, "percentunit", [query]).span(8).height(8))


def _which_pod(board: dashboard.Dashboard) -> None:
    board.with_row(dashboard.Row("Which pod, and does anyone notice?"))
    hottest = Words(
        "Cores used by pod",
        "The twenty pods that use most now. Look first at those whose workload is also slow on the right.",
        "No pod is measured",
    )
    expr = f"topk(20, {_of_pod('pod_cpu_usage_cores')})"
    columns = ("namespace", "workload", "pod")
    board.with_panel(rows(hottest, "short", expr, columns=columns, value="cores").span(12).height(8))
    latency = Words(
        "Slowest twentieth of requests",
        "95th percentile of the services' answer times, by service. It rises with the CPU: users notice, act now. It "
        "does not: there is time.",
        "No service reports http_server_request_duration_seconds",
    )
    of = 'job=~"$job", instance=~"$instance"'
    buckets = f"rate(http_server_request_duration_seconds_bucket{{{of}}}[$__rate_interval])"
    query = Query(f"histogram_quantile(0.95, sum by (le, job, part) ({buckets}))", "{{job}} / {{part}}")
    board.with_panel(lines(latency, "s", [query]).span(12).height(8))
