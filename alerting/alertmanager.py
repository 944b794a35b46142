"""The one door to Alertmanager's API v2 (github.com/prometheus/alertmanager, api/v2/openapi.yaml).

The webhook tells of changes, and not of all: an alert that resolves while it is silenced, inhibited or muted is never
told, and neither is one that Alertmanager lost in a restart. The list of alerts is the whole present state.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from alerting.config import AlertmanagerSettings
from alerting.model import Alert, Listing, Status, Suppression
from alerting.receive import storable

log = structlog.get_logger("alerting.alertmanager")


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class _State(_Part):
    state: str
    silenced_by: list[str] = Field([], alias="silencedBy")
    inhibited_by: list[str] = Field([], alias="inhibitedBy")

    @property
    def suppression(self) -> Suppression | None:
        """What holds it back; Alertmanager says `suppressed` for all three, `mutedBy` since 0.28."""
        if self.state != "suppressed":
            return None
        if self.silenced_by:
            return Suppression.SILENCED
        return Suppression.INHIBITED if self.inhibited_by else Suppression.MUTED


class _Alert(_Part):
    fingerprint: str
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: AwareDatetime = Field(alias="startsAt")
    generator_url: str = Field("", alias="generatorURL")
    status: _State


class _Status(_Part):
    uptime: AwareDatetime


_ALERTS = TypeAdapter(list[_Alert])


@dataclass(frozen=True)
class Alertmanager:
    """The replicas of one cluster, or several Alertmanagers. Make it with ``open_alertmanager``."""

    clients: Sequence[httpx.AsyncClient]
    warm_up: timedelta

    async def list(self, now: datetime) -> Listing | None:
        """Read what is firing; None when nobody answered.

        What one replica lacks another may have: the alert is there. One that any of them does not hold back is active.
        """
        answers = await asyncio.gather(*(self._listed(client, now) for client in self.clients))
        found = [answer for answer in answers if answer is not None]
        if not found:
            return None
        alerts: dict[str, Alert] = {}
        for listed in found:
            alerts |= {
                name: alert for name, alert in listed.alerts.items() if name not in alerts or not alert.suppressed
            }
        return Listing(now, alerts, len(found) == len(answers) and all(listed.whole for listed in found))

    async def _listed(self, client: httpx.AsyncClient, now: datetime) -> Listing | None:
        try:
            status, alerts = await asyncio.gather(client.get("/api/v2/status"), client.get("/api/v2/alerts"))
            uptime = _Status.model_validate_json(status.raise_for_status().content).uptime
            found = _ALERTS.validate_json(storable(alerts.raise_for_status().content))
        except (httpx.HTTPError, ValidationError) as error:
            log.warning("Alertmanager can't be asked", url=str(client.base_url), error=_said(error))
            return None
        return Listing(now, {one.fingerprint: _alert(one) for one in found}, now - uptime >= self.warm_up)


@asynccontextmanager
async def open_alertmanager(settings: AlertmanagerSettings) -> AsyncIterator[Alertmanager]:
    """Keep one HTTP client to each address; none of them uses a proxy of the environment."""
    clients = [
        httpx.AsyncClient(base_url=url, timeout=settings.timeout, headers=settings.auth.headers(), trust_env=False)
        for url in settings.urls
    ]
    try:
        yield Alertmanager(clients, timedelta(seconds=settings.warm_up))
    finally:
        for client in clients:
            await client.aclose()


def _alert(part: _Alert) -> Alert:
    return Alert(
        fingerprint=part.fingerprint,
        status=Status.FIRING,
        starts_at=part.starts_at.astimezone(UTC),
        ends_at=None,
        labels=part.labels,
        annotations=part.annotations,
        source_url=part.generator_url,
        suppressed=part.status.suppression,
    )


def _said(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"HTTP {error.response.status_code}"
    return "an answer of another shape" if isinstance(error, ValidationError) else type(error).__name__
