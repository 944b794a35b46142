"""API gateways: what their rate limiters decided, by route and limit."""

from exporters.exporter import Exporter
from exporters.gateway_limits.config import GatewayLimitsSettings
from exporters.gateway_limits.doctor import doctor
from exporters.gateway_limits.metrics import families
from exporters.gateway_limits.sources import sources

EXPORTER = Exporter(
    name="gateway_limits",
    settings=GatewayLimitsSettings,
    sources=sources,
    families=families,
    commands={"doctor": doctor},
)
