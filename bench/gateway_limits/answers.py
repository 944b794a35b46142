"""What an Envoy with twenty limited routes answers, as the demo's gateway does."""

import json
from typing import Any

ROUTES = 20
CODES = (("200", "-"), ("429", "RL"), ("429", "-"), ("503", "UF"))
FILTER = "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"


def statistics(envoy: int, round: int) -> bytes:
    """Filtered statistics; they rise with each round."""
    lines = ["# TYPE envoy_gw_requests counter"]
    for route in range(ROUTES):
        count = envoy + 100 * round + route
        lines += [
            f'envoy_gw_requests{{route="route-{route}",code="{code}",flags="{flags}"}} {count}' for code, flags in CODES
        ]
    for counted, factor in (("enforced", 1), ("ok", 20), ("rate_limited", 2)):
        name = f"envoy_http_local_rate_limit_{counted}"
        lines.append(f"# TYPE {name} counter")
        for route in range(ROUTES):
            label = f'envoy_local_http_ratelimit_prefix="route-{route}"'
            lines.append(f"{name}{{{label}}} {factor * (envoy + 100 * round + route)}")
    return ("\n".join(lines) + "\n").encode()


def config_dump() -> bytes:
    """The configuration of the twenty limits: one bucket for all, one for each client."""
    return json.dumps({"configs": [{"routes": [_limit(route) for route in range(ROUTES)]}]}).encode()


def _limit(route: int) -> dict[str, Any]:
    bucket = {"max_tokens": 200, "tokens_per_fill": 200, "fill_interval": "1s"}
    share = {"default_value": {"numerator": 100}}
    return {
        "@type": FILTER,
        "stat_prefix": f"route-{route}",
        "token_bucket": bucket,
        "filter_enabled": share,
        "filter_enforced": share,
        "descriptors": [{"entries": [{"key": "client"}], "token_bucket": bucket}],
    }
