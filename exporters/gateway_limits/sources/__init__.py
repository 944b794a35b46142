"""One file a kind of gateway."""

from collections.abc import Mapping

from exporters.exporter import Source
from exporters.gateway_limits.config import GatewayLimitsSettings
from exporters.gateway_limits.snapshot import Snapshot
from exporters.gateway_limits.sources.envoy import EnvoySource

KINDS = {"envoy": EnvoySource}


def sources(settings: GatewayLimitsSettings) -> Mapping[str, Source[Snapshot]]:
    """One source a gateway."""
    return {gateway.name: KINDS[gateway.kind](gateway) for gateway in settings.gateways}
