"""Local rate limits of an Envoy, from what its admin interface says of its configuration.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/http/local_ratelimit/v3/local_rate_limit.proto

Filters that share a ``stat_prefix`` are counted together: no share in use is told of them, nor limits that are unlike.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from exporters.gateway_limits.snapshot import Bucket, Limit

TYPE = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
OF_HUNDRED = {"HUNDRED": 1.0, "TEN_THOUSAND": 0.01, "MILLION": 0.0001}
"""Percent that a numerator of 1 is, by denominator."""

NAMED = 10
"""Limits that a sentence names."""


@dataclass(frozen=True)
class LocalLimit:
    """One filter's limit."""

    name: str
    """Its ``stat_prefix``."""
    buckets: Mapping[Bucket, Limit]
    """The first is for requests that no descriptor fits. There is none when filters of one name have unlike ones."""
    enabled: float
    """Percent of requests that it looks at."""
    enforced: float
    """Percent of those over the limit that it rejects."""
    filters: int = 1
    """Filters that have this name: each has buckets of its own, and Envoy counts their requests together."""


def local_limits(config_dump: Any, runtime: Mapping[str, str], replicas: int) -> tuple[LocalLimit, ...]:
    """Every local rate limit with a bucket, wherever in the answer to ``/config_dump`` it stands.

    `runtime` has the values that are in force instead of the configured percentages. Raises LookupError,
    TypeError, ValueError or AttributeError when the answer is not Envoy's.
    """
    by_name: defaultdict[str, list[_Found]] = defaultdict(list)
    # a dump says the same several times: as it was read at start, by listeners, by routes
    for place, section in enumerate(config_dump["configs"]):
        for settings in _filters(section):
            if "token_bucket" in settings:
                limit = _limit(settings, runtime, replicas)
                by_name[limit.name].append(_Found(place, limit))
    return tuple(map(_joined, by_name.values()))


class _Found(NamedTuple):
    section: int
    limit: LocalLimit


def _joined(found: Sequence[_Found]) -> LocalLimit:
    """Put together the filters of one name."""
    first = found[0].limit
    alike = all(one.limit.buckets == first.buckets for one in found)
    return replace(
        first,
        buckets=first.buckets if alike else {},
        enabled=min(one.limit.enabled for one in found),
        enforced=min(one.limit.enforced for one in found),
        filters=max(Counter(one.section for one in found).values()) if alike else len(found),
    )


def enforced(limits: Iterable[LocalLimit]) -> str:
    """Say which limits let everything pass, and why; empty when none does."""
    off = [(limit.name, "filter_enabled") for limit in limits if not limit.enabled]
    off += [(limit.name, "filter_enforced") for limit in limits if limit.enabled and not limit.enforced]
    named = ", ".join(f"{name} ({setting})" for name, setting in sorted(off)[:NAMED])
    return f"limits at 0 %: {named}: set default_value there, or its runtime key, to 100" if off else ""


def told_apart(limits: Iterable[LocalLimit]) -> str:
    """Say which limits have one name; empty when each has its own."""
    named = ", ".join(sorted(limit.name for limit in limits if limit.filters > 1)[:NAMED])
    told = f"several filters have one stat_prefix: {named}: Envoy counts them together; give each its own"
    return told if named else ""


def runtime_values(answer: Any) -> dict[str, str]:
    """Values in force, from the answer to ``/runtime``."""
    return {key: str(entry["final_value"]) for key, entry in answer.get("entries", {}).items()}


def _filters(node: Any) -> Iterator[Mapping[str, Any]]:
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if str(node.get("@type", "")).endswith(TYPE):
                yield node
            else:
                waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _limit(settings: Mapping[str, Any], runtime: Mapping[str, str], replicas: int) -> LocalLimit:
    name = str(settings["stat_prefix"])
    if "local_cluster_rate_limit" in settings:  # the Envoys of its own cluster share the bucket
        replicas = 1
    each = "connection" if settings.get("local_rate_limit_per_downstream_connection") else ""
    buckets = {Bucket(name, name, each): _bucket(settings["token_bucket"], replicas)}
    for descriptor in settings.get("descriptors", ()):
        if "token_bucket" in descriptor:
            bucket = Bucket(name, name, _descriptor(descriptor["entries"]))
            buckets[bucket] = _bucket(descriptor["token_bucket"], replicas)
    return LocalLimit(
        name,
        buckets,
        _percent(settings.get("filter_enabled"), runtime),
        _percent(settings.get("filter_enforced"), runtime),
    )


def _bucket(settings: Mapping[str, Any], replicas: int) -> Limit:
    per_fill = int(settings.get("tokens_per_fill", 1))
    interval = float(str(settings["fill_interval"]).removesuffix("s"))
    if not (per_fill > 0 and 0 < interval < math.inf):
        raise ValueError(f"a bucket that gets {per_fill} tokens each {interval} s")
    return Limit(per_fill * replicas, interval, int(settings["max_tokens"]) * replicas)


def _descriptor(entries: list[Mapping[str, str]]) -> str:
    return ",".join(f"{entry['key']}={entry['value']}" if entry.get("value") else entry["key"] for entry in entries)


def _percent(settings: Mapping[str, Any] | None, runtime: Mapping[str, str]) -> float:
    """Envoy reads a missing share as 0 %."""
    if settings is None:
        return 0.0
    default = settings.get("default_value", {})
    share = OF_HUNDRED[default.get("denominator", "HUNDRED")]
    numerator = float(default.get("numerator", 0))
    if (value := runtime.get(settings.get("runtime_key", ""))) is not None:
        # a plain number at run time is of a hundred, whatever the configured denominator
        # (https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/base.proto#config-core-v3-runtimefractionalpercent)
        return float(value)
    return numerator * share
