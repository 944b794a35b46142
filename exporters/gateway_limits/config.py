"""Settings of the gateway_limits exporter."""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from exporters.exporter import ExporterSettings
from process.settings import AtLeastOne, BaseUrl, Settings, once_each


class Envoy(Settings):
    """An Envoy, read at its admin interface (https://www.envoyproxy.io/docs/envoy/latest/operations/admin)."""

    kind: Literal["envoy"]
    name: Annotated[str, Field(min_length=1)]
    """Value of the label ``gateway``."""
    admin: BaseUrl


Gateway: TypeAlias = Envoy
"""One gateway; with a second kind this is their union, told apart by ``kind``."""


class GatewayLimitsSettings(ExporterSettings):
    """Settings file of ``python -m exporters gateway_limits``."""

    gateways: AtLeastOne[Gateway]

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        once_each("gateway", (gateway.name for gateway in self.gateways))
        return self
