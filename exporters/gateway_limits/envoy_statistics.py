"""Rate limit statistics of an Envoy in Prometheus' text, as its admin interface or Istio's agent writes them.

Local limits:
https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/local_rate_limit_filter#statistics Global
limits: https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/rate_limit_filter#statistics

A local limit is named by the filter's ``stat_prefix``. When each route has a filter of its own, as Envoy counts neither
by route nor by descriptor, that is the route's name too. Two spellings exist: with Envoy's own tag rules the prefix is
a label, without them (Istio's proxies) it is part of the name. A global limit is counted by the cluster that the route
leads to, and ``over_limit`` also counts when the filter does not enforce.
"""

import functools
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from exporters.gateway_limits.snapshot import Check, Decision, Origin, Outcome
from exporters.prometheus_text import Sample

LOCAL = re.compile(r"envoy_(?:(?P<prefix>.+)_)?http_local_rate_limit_(?P<count>ok|rate_limited|enforced)")
LOCAL_LABEL = "envoy_local_http_ratelimit_prefix"
GLOBAL = re.compile(
    r"envoy_cluster_(?:(?P<cluster>.+)_)?ratelimit_(?:(?P<prefix>.+)_)?(?P<count>ok|over_limit|error|failure_mode_allowed)"
)
GLOBAL_LABELS = ("envoy_cluster_name", "cluster_name")
"""Envoy's own, and Istio's."""

LIMITER_FAILS = (
    "the rate limit service fails: failure_mode_deny says whether requests then pass unlimited or not at all"
)

REQUESTS_NAME = "envoy_gw_requests"
TAGS = ("route", "code", "flags")
RATE_LIMITED_FLAG = "RL"
TOO_MANY_REQUESTS = "429"


def counts_a_limit(name: str) -> bool:
    """Whether a metric is one of a local or of a global limit."""
    return bool(_local(name) or _global(name))


@functools.lru_cache(maxsize=4096)
def _local(name: str) -> tuple[str, str] | None:
    """Prefix in the name, and what is counted, of a statistic of a local limit."""
    match = LOCAL.fullmatch(name)
    return (match["prefix"] or "", match["count"]) if match else None


@functools.lru_cache(maxsize=4096)
def _global(name: str) -> tuple[str, str, str] | None:
    """Cluster in the name, name of the limit, and what is counted, of a statistic of a global limit."""
    match = GLOBAL.fullmatch(name)
    return (match["cluster"] or "", match["prefix"] or "global", match["count"]) if match else None


def local_counts(samples: Iterable[Sample]) -> dict[str, dict[str, int]]:
    """Counts ``ok``, ``rate_limited`` and ``enforced`` by name of the limit."""
    counts: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for name, labels, value in samples:
        if found := _local(name):
            prefix, counted = found
            counts[labels.get(LOCAL_LABEL) or prefix][counted] = int(value)
    return dict(counts)


def failures(service: Mapping[tuple[str, str], Mapping[str, int]]) -> dict[tuple[str, str], tuple[int, int]]:
    """All that the rate limit service could not decide, and those of them that passed; the rest was denied."""
    return {key: (count["error"], count["failure_mode_allowed"]) for key, count in service.items()}


def over_the_limit(local: Mapping[str, Mapping[str, int]]) -> dict[str, tuple[int, int]]:
    """All that were over each limit, and those of them that were rejected; the rest was let through."""
    return {name: (count.get("rate_limited", 0), count.get("enforced", 0)) for name, count in local.items()}


def local_decisions(local: Mapping[str, Mapping[str, int]], shadow: Mapping[str, int]) -> dict[Decision, int]:
    """What Envoy decided by its local limits; the route is the limit's name."""
    found = {}
    for name, count in local.items():
        found[Decision(name, name, Outcome.ACCEPTED, Origin.GATEWAY)] = count.get("ok", 0)
        found[Decision(name, name, Outcome.REJECTED, Origin.GATEWAY)] = count.get("enforced", 0)
        found[Decision(name, name, Outcome.SHADOW, Origin.GATEWAY)] = shadow[name]
    return found


def global_counts(samples: Iterable[Sample]) -> dict[tuple[str, str], dict[str, int]]:
    """Counts of the global filter by cluster and limit, which is named by the filter's ``stat_prefix``."""
    counts: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(
        lambda: dict.fromkeys(("ok", "over_limit", "error", "failure_mode_allowed"), 0)
    )
    for name, labels, value in samples:
        if found := _global(name):
            cluster, limit, counted = found
            named = [labels[label] for label in GLOBAL_LABELS if labels.get(label)]
            counts[named[0] if named else cluster, limit][counted] += int(value)
    return dict(counts)


def global_decisions(
    counts: Mapping[tuple[str, str], Mapping[str, int]], denied: Mapping[tuple[str, str], int]
) -> dict[Decision, int]:
    """What the rate limit service decided, or Envoy in its stead; the route is the cluster."""
    found = {}
    for key, count in counts.items():
        outcomes = {
            Outcome.ACCEPTED: count["ok"],
            Outcome.REJECTED: count["over_limit"],
            Outcome.ERROR_ALLOWED: count["failure_mode_allowed"],
            Outcome.ERROR_DENIED: denied[key],
        }
        found.update({Decision(*key, outcome, Origin.GATEWAY): number for outcome, number in outcomes.items()})
    return found


def upstream_rejections(samples: Iterable[Sample]) -> dict[Decision, int]:
    """429s that came from upstreams, for each route that had a request: without the flag RL they are not Envoy's."""
    found: defaultdict[str, int] = defaultdict(int)
    for name, labels, value in samples:
        if name != REQUESTS_NAME or not (route := labels.get("route")) or _untold(labels):
            continue
        theirs = labels["code"] == TOO_MANY_REQUESTS and RATE_LIMITED_FLAG not in labels["flags"].split(",")
        found[route] += int(value) if theirs else 0
    return {Decision(route, "", Outcome.REJECTED, Origin.UPSTREAM): count for route, count in found.items()}


def _untold(labels: Mapping[str, str]) -> list[str]:
    return [tag for tag in TAGS if tag not in labels]


def origin(samples: Iterable[Sample]) -> dict[Check, str]:
    """Say which tags the access logger's counter lacks; nothing where it has not counted yet, or there is none."""
    missing = [_untold(labels) for name, labels, _ in samples if name == REQUESTS_NAME]
    if not missing:
        return {}
    named = ", ".join(dict.fromkeys(tag for tags in missing for tag in tags))
    return {Check.ORIGIN: f"the counter requests of the stats access logger lacks the tags {named}" if named else ""}
