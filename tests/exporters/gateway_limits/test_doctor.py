"""What the doctor says of gateways, well and not."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporters.__main__ import main

LIMIT = {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
    "stat_prefix": "orders",
}
ENABLED = {"filter_enabled": {"default_value": {"numerator": 100}}}

PAGES = {
    "/kong": "kong_nginx_requests_total 5\n",
    "/traefik": 'traefik_config_reloads_total 1\ntraefik_entrypoint_requests_total{code="429",entrypoint="web"} 2\n',
    "/istio": 'istio_build 1\nistio_requests_total{reporter="destination",response_code="200"} 2\n',
    "/apisix": 'apisix_http_status{code="200",route="orders",response_source="upstream"} 2\n',
    "/haproxy": "<html>\n",
    "/stats/prometheus": "",
    "/runtime": "{}",
    "/config_dump": json.dumps(
        {
            "configs": [
                {
                    "a": {**LIMIT, "token_bucket": {"max_tokens": 5, "fill_interval": "1s"}, **ENABLED},
                    "b": {**LIMIT, "token_bucket": {"max_tokens": 9, "fill_interval": "1s"}},
                }
            ]
        }
    ),
}


async def test_it_names_the_missing_setting(pages: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line a finding; a gateway that is well says what was looked at; one that is down does not hide the others."""
    log = tmp_path / "nginx.log"
    log.write_text('{"route": "orders", "client": "gold", "status": "200", "upstream_status": "200"}\n')
    (tmp_path / "empty.log").write_text("")
    (tmp_path / "edge.log").write_text('{"route_name": "orders", "flags": "-"}\n')
    async with pages(PAGES) as url:
        gateways = [
            *({"kind": kind, "name": kind, "metrics": f"{url}/{kind}"} for kind in ("kong", "traefik", "istio")),
            {"kind": "apisix", "name": "well", "metrics": f"{url}/apisix"},
            {"kind": "haproxy", "name": "haproxy", "metrics": f"{url}/haproxy"},
            {"kind": "envoy", "name": "envoy", "admin": url, "access_log": str(tmp_path / "edge.log")},
            {"kind": "nginx", "name": "nginx", "access_log": str(log)},
            {"kind": "nginx", "name": "quiet", "access_log": str(tmp_path / "empty.log")},
        ]
        config = tmp_path / "gateways.yaml"
        config.write_text(yaml.safe_dump({"listen": "127.0.0.1:9102", "gateways": gateways}))
        # it has a loop of its own, and the pages are served by this one
        code = await asyncio.to_thread(main, ["gateway_limits", "doctor", "--config", str(config)])
    assert code == 1
    assert capsys.readouterr().out.splitlines() == [
        "envoy (envoy): enforced: limits at 0 %: orders (filter_enabled): "
        "set default_value there, or its runtime key, to 100",
        "envoy (envoy): statistics: several filters have one stat_prefix: orders: Envoy counts them together; give "
        "each its own; json_format of the access log lacks route, client",
        f"haproxy (haproxy): invalid_answer: {url}/haproxy: not a sample: '<html>'",
        "istio (istio): statistics: no http_local_rate_limit statistics: add inclusionRegexps: "
        "['.*http_local_rate_limit.*'] to proxyStatsMatcher in the annotation proxy.istio.io/config, to see what is "
        "not enforced",
        "kong (kong): statistics: no kong_http_requests_total: set status_code_metrics=true on the prometheus plugin "
        "(or no request has come yet)",
        'nginx (nginx): statistics: log_format lacks "limit_req_status":"$limit_req_status"',
        "quiet (nginx): nothing to check yet",
        "traefik (traefik): origin: no traefik_router_requests_total: set metrics.prometheus.addRoutersLabels=true",
        "well (apisix): ok (origin, statistics)",
    ]


def test_all_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code says so."""
    line = {"route": "orders", "client": "gold", "limit_req_status": "PASSED", "upstream_status": "200"}
    (tmp_path / "access.log").write_text(json.dumps(line) + "\n")
    config = tmp_path / "gateways.yaml"
    config.write_text(
        f"listen: 127.0.0.1:9102\ngateways: [{{kind: nginx, name: edge, access_log: {tmp_path}/access.log}}]\n"
    )
    assert main(["gateway_limits", "doctor", "--config", str(config)]) == 0
    assert capsys.readouterr().out == "edge (nginx): ok (origin, statistics)\n"
