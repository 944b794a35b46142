"""One file a kind of gateway."""

from collections.abc import Callable, Mapping
from typing import Any

from exporters.exporter import Source
from exporters.gateway_limits.config import GatewayLimitsSettings
from exporters.gateway_limits.snapshot import Snapshot
from exporters.gateway_limits.sources.apisix import ApisixSource
from exporters.gateway_limits.sources.envoy import EnvoySource
from exporters.gateway_limits.sources.haproxy import HAProxySource
from exporters.gateway_limits.sources.istio import IstioSource
from exporters.gateway_limits.sources.kong import KongSource
from exporters.gateway_limits.sources.nginx import NginxSource
from exporters.gateway_limits.sources.ratelimit import RateLimitSource
from exporters.gateway_limits.sources.spring_cloud_gateway import SpringCloudGatewaySource
from exporters.gateway_limits.sources.traefik import TraefikSource

KINDS: Mapping[str, Callable[[Any], Source[Snapshot]]] = {
    "apisix": ApisixSource,
    "envoy": EnvoySource,
    "haproxy": HAProxySource,
    "istio": IstioSource,
    "kong": KongSource,
    "nginx": NginxSource,
    "ratelimit": RateLimitSource,
    "spring_cloud_gateway": SpringCloudGatewaySource,
    "traefik": TraefikSource,
}
"""The settings of a kind are what its source takes; config.py has them under the same name."""


def sources(settings: GatewayLimitsSettings) -> Mapping[str, Source[Snapshot]]:
    """One source a gateway."""
    return {gateway.name: KINDS[gateway.kind](gateway) for gateway in settings.gateways}
