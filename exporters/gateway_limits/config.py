"""Settings of the gateway_limits exporter."""

from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from exporters.exporter import ExporterSettings
from process.settings import AtLeastOne, BaseUrl, Settings, once_each

Name = Annotated[str, Field(min_length=1)]
Status = Annotated[int, Field(ge=400, le=599)]
Replicas = Annotated[int, Field(gt=0)]
Named = Annotated[int, Field(ge=1, le=100)]


class Probe(Settings):
    """A request that is made at each reading, for the limit's headers in its answer."""

    url: BaseUrl
    route: Name
    """Value of the label ``route``: what the gateway calls the route that `url` is on."""
    shared: bool = False
    """Whether all callers have one bucket: then the one that the probe meets is that of all."""
    replicas: Replicas = 1
    """Processes that each keep the limit for themselves."""


class Envoy(Settings):
    """An Envoy, read at its admin interface (https://www.envoyproxy.io/docs/envoy/latest/operations/admin)."""

    kind: Literal["envoy"]
    name: Name
    """Value of the label ``gateway``."""
    admin: BaseUrl
    replicas: Replicas = 1
    """Envoys with this configuration, when this one stands for all: each has its own buckets."""
    access_log: Path | None = None
    clients: Named = 10
    """Most clients of a route that are named."""


class RateLimit(Settings):
    """envoyproxy/ratelimit, the service that Envoy's global limits ask (https://github.com/envoyproxy/ratelimit)."""

    kind: Literal["ratelimit"]
    name: Name
    metrics: BaseUrl
    rlconfig: BaseUrl | None = None
    """Its debug server's page of the configured limits."""


class Istio(Settings):
    """A proxy of Istio's: a sidecar or a gateway."""

    kind: Literal["istio"]
    name: Name
    metrics: BaseUrl
    reporter: Literal["destination", "source"] = "destination"
    """Whose view counts: a sidecar's of what it receives, or a gateway's of what it sends."""
    probe: Probe | None = None


class SpringCloudGateway(Settings):
    """A Spring Cloud Gateway, read at its actuator."""

    kind: Literal["spring_cloud_gateway"]
    name: Name
    metrics: BaseUrl
    prefix: Name = "spring.cloud.gateway"
    """The application's ``spring.cloud.gateway.server.webflux.metrics.prefix``."""
    probe: Probe | None = None


class Kong(Settings):
    """A Kong, read at its Status or Admin API."""

    kind: Literal["kong"]
    name: Name
    metrics: BaseUrl
    probe: Probe | None = None


class Traefik(Settings):
    """A Traefik, read at its metrics."""

    kind: Literal["traefik"]
    name: Name
    metrics: BaseUrl


class Apisix(Settings):
    """An APISIX, read at its prometheus plugin."""

    kind: Literal["apisix"]
    name: Name
    metrics: BaseUrl
    rejected_codes: AtLeastOne[Status] = (429, 503)
    """``rejected_code`` of its limit plugins."""
    probe: Probe | None = None


class Nginx(Settings):
    """An NGINX, read at its access log."""

    kind: Literal["nginx"]
    name: Name
    access_log: Path
    clients: Named = 10


class HAProxy(Settings):
    """An HAProxy, read at its own Prometheus exporter."""

    kind: Literal["haproxy"]
    name: Name
    metrics: BaseUrl
    proxies: tuple[Name, ...] = ()
    """Frontends and backends that have a limit; none named means all frontends, which count their backends' too."""
    rules: AtLeastOne[Literal["deny", "return"]] = ("deny",)
    """What the limits are made of: ``http-request deny`` and ``tarpit``, or ``http-request return``."""


Gateway: TypeAlias = Annotated[
    Envoy | RateLimit | Istio | SpringCloudGateway | Kong | Traefik | Apisix | Nginx | HAProxy,
    Field(discriminator="kind"),
]


class GatewayLimitsSettings(ExporterSettings):
    """Settings file of ``python -m exporters gateway_limits``."""

    gateways: AtLeastOne[Gateway]

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        once_each("gateway", (gateway.name for gateway in self.gateways))
        return self
