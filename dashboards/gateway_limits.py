"""bongsu-gateway-limits: is anyone turned away, of how much, by which limit, and who is it?"""

from collections.abc import Mapping

from dashboards.page import Variable, page
from dashboards.panels import Query, Words, lines, number, rows
from dashboards.rules import AlertRule
from dashboards.sdk import dashboard

SHARE = "gateway_route:gateway_ratelimit_rejections_per_decision:ratio_rate1m"
DECISIONS = "gateway_route:gateway_ratelimit_decisions:rate1m"
LIMITER = "gateway:gateway_ratelimit_limiter_ok:max1m"
USED = "gateway_route_limit:gateway_ratelimit_limit_used_ratio"
ROUTE = 'gateway=~"$gateway", route=~"$route"'


def build(rules: Mapping[str, AlertRule]) -> dashboard.Dashboard:
    """The page behind GatewayRateLimitRejecting and GatewayRateLimiterFailing."""
    board = page(
        "bongsu-gateway-limits",
        "Bongsu / Gateway rate limits",
        "Is anyone turned away, of how much, by which limit, and who is it?",
        variables=(
            Variable("gateway", "gateway_ratelimit_decisions_total"),
            Variable("route", 'gateway_ratelimit_decisions_total{gateway=~"$gateway"}'),
        ),
        signals=("gateway_limits",),
    )
    _is_anyone_turned_away(board, rules)
    _of_how_much(board, rules)
    _by_which_limit(board)
    _who_is_it(board)
    _what_fills_up(board, rules)
    return board


def _decisions(extra: str, by: str) -> str:
    """Decisions a second summed `by` labels; two exporters that read one gateway count once."""
    one = f"rate(gateway_ratelimit_decisions_total{{{ROUTE}{extra}}}[$__rate_interval])"
    return f"sum by ({by}) (max by (gateway, route, limit, outcome, origin) ({one}))"


def _is_anyone_turned_away(board: dashboard.Dashboard, rules: Mapping[str, AlertRule]) -> None:
    board.with_row(dashboard.Row("Is anyone turned away?"))
    rule = rules["GatewayRateLimitRejecting"]
    worst = Words(
        "Worst route",
        "Share of requests that the gateway's limits rejected in the last minute, on the worst route. Above the "
        "threshold: find the limit in the table below, then the client in the gateway's access log.",
        "No route has traffic",
    )
    query = Query(f"max({SHARE}{{{ROUTE}}})", "rejected")
    board.with_panel(number(worst, "percentunit", query, rule=rule).span(6).height(8))
    share = Words(
        "Rejected share by route",
        "Rejected by the gateway, of all its decisions on the route, over one minute. A burst of one client: leave the "
        "limit, tell the client. Lasting, from many clients: the limit is too low for the demand.",
        "No route has traffic",
    )
    query = Query(f"{SHARE}{{{ROUTE}}}", "{{gateway}} / {{route}}")
    board.with_panel(lines(share, "percentunit", [query], rule=rule).span(18).height(8))


def _of_how_much(board: dashboard.Dashboard, rules: Mapping[str, AlertRule]) -> None:
    board.with_row(dashboard.Row("Of how much?"))
    traffic = Words(
        "Decisions by route",
        "Requests a second on which a limit decided. Compare with the share above: a high share of little traffic can "
        "wait; no line where one is expected means that no request arrives or that the limit is off.",
        "No route has traffic",
    )
    query = Query(f"{DECISIONS}{{{ROUTE}}}", "{{gateway}} / {{route}}")
    board.with_panel(lines(traffic, "reqps", [query]).span(9).height(8))
    outcomes = Words(
        "Decisions by outcome",
        "shadow: would have been rejected if the limit were enforced. error_allowed: the limiter failed and let the "
        "request through: mend it, there is no limit meanwhile.",
        "No gateway is measured",
    )
    query = Query(_decisions(', origin="gateway"', "outcome"), "{{outcome}}")
    board.with_panel(lines(outcomes, "reqps", [query]).span(9).height(8))
    limiter = Words(
        "Limiter works",
        "1 while each gateway's limiter reaches its store or service, 0 when one has failed for a minute: requests "
        "then pass unlimited, or none passes. The alert's page says what to do.",
        "No gateway tells",
    )
    query = Query(f'min({LIMITER}{{gateway=~"$gateway"}})', "works")
    rule = rules["GatewayRateLimiterFailing"]
    board.with_panel(number(limiter, "short", query, rule=rule).span(6).height(8))


def _by_which_limit(board: dashboard.Dashboard) -> None:
    board.with_row(dashboard.Row("By which limit?"))
    limits = Words(
        "Rejected by limit",
        "The twenty limits that reject most now. The name is the limit's in the gateway's configuration: that is where "
        "to raise it.",
        "No gateway is measured",
    )
    rejected = _decisions(', origin="gateway", outcome="rejected"', "gateway, route, limit")
    columns = ("gateway", "route", "limit")
    board.with_panel(
        rows(limits, "reqps", f"topk(20, {rejected})", columns=columns, value="rejected").span(12).height(8)
    )
    others = Words(
        "Rejected, but not by the gateway",
        "429 answers of the services behind the gateway (upstream), and those whose origin the gateway does not tell "
        "(unknown). Upstreams' raise no alert: look at the service's own limits.",
        "No gateway tells of other origins",
    )
    query = Query(
        _decisions(', origin!="gateway", outcome="rejected"', "gateway, route, origin"), "{{route}} / {{origin}}"
    )
    board.with_panel(lines(others, "reqps", [query]).span(12).height(8))


def _who_is_it(board: dashboard.Dashboard) -> None:
    board.with_row(dashboard.Row("Who is it, and who is next?"))
    clients = Words(
        "Turned away by client",
        "The twenty clients that the gateway rejects most now, and all others together. One client: tell it to slow "
        "down. Many: the limit is too low, or something retries.",
        "No gateway's access log is read",
    )
    rate = f"rate(gateway_ratelimit_client_rejections_total{{{ROUTE}}}[$__rate_interval])"
    rejected = f"topk(20, max by (gateway, route, client) ({rate}) > 0)"
    columns = ("gateway", "route", "client")
    board.with_panel(rows(clients, "reqps", rejected, columns=columns, value="rejected").span(12).height(8))
    used = Words(
        "Limits in use",
        "Share of each limit that is in use; where each client has a bucket, of the fullest. Near 1 for long: raise "
        "the limit before someone is turned away, if the services have room.",
        "No gateway tells what is left",
    )
    query = Query(
        f"max by (gateway, route, limit) (gateway_ratelimit_limit_used_ratio{{{ROUTE}}})", "{{gateway}} / {{limit}}"
    )
    board.with_panel(lines(used, "percentunit", [query]).span(12).height(8))


def _what_fills_up(board: dashboard.Dashboard, rules: Mapping[str, AlertRule]) -> None:
    board.with_row(dashboard.Row("What fills up?"))
    rule = rules["GatewayRateLimitFillingUp"]
    mean = Words(
        "Limits in use, mean of five minutes",
        "Share of each limit that is in use; where each client has a bucket, of the fullest. Above a half and "
        "growing: see on the right where it will be in half an hour.",
        "No gateway tells what is left",
    )
    legend = "{{gateway}} / {{route}} / {{limit}}"
    board.with_panel(lines(mean, "percentunit", [Query(f"{USED}:avg5m{{{ROUTE}}}", legend)]).span(12).height(8))
    forecast = Words(
        "Limits in use, in half an hour",
        "Where the line through the last twenty minutes leads in thirty more. Above the threshold: raise the limit if "
        "the services have room, before somebody is turned away.",
        "No gateway has told for twenty minutes what is left",
    )
    query = Query(f"{USED}:predict30m{{{ROUTE}}}", legend)
    board.with_panel(lines(forecast, rule.unit, [query], rule=rule).span(12).height(8))
    by = "max by (gateway, route, limit, descriptor)"
    columns = ("gateway", "route", "limit", "descriptor")
    allowed = Words(
        "What each limit lets through",
        "Requests a second by the gateway's configuration; with a descriptor, each value of it has so many. Compare "
        "with the decisions above before changing it: the services must bear it.",
        "No gateway tells its limits",
    )
    window = f"{by} (gateway_ratelimit_limit_window_seconds{{{ROUTE}}})"
    speed = f"{by} (gateway_ratelimit_limit_requests{{{ROUTE}}}) / {window}"
    board.with_panel(rows(allowed, "reqps", speed, columns=columns, value="allowed").span(12).height(8))
    burst = Words(
        "What each limit lets through at once",
        "Requests that pass together after a pause. Clients that come in bursts are turned away although their mean is "
        "low: raise this, and leave the speed.",
        "No limit has such a number",
    )
    once = f"{by} (gateway_ratelimit_limit_burst_requests{{{ROUTE}}})"
    board.with_panel(rows(burst, "short", once, columns=columns, value="at once").span(12).height(8))
