"""The one door to Alertmanager's API v2 (github.com/prometheus/alertmanager, api/v2/openapi.yaml).

The webhook tells of changes, and not of all: an alert that resolves while it is silenced, inhibited or muted is never
told, and neither is one that Alertmanager lost in a restart. The list of alerts is the whole present state.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx
import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from alerting.config import AlertmanagerSettings
from alerting.errors import AlertmanagerError
from alerting.model import WATCHDOG, Alert, Listing, Sight, Standing, Status, Suppression
from alerting.receive import start, storable
from alerting.silences import Silence

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


class _SilenceState(_Part):
    state: str


class _Silence(_Part):
    id: str
    comment: str = ""
    status: _SilenceState

    @property
    def lives(self) -> bool:
        """Not over yet."""
        return self.status.state != "expired"


class _Made(_Part):
    silence_id: str = Field(alias="silenceID")


_ALERTS = TypeAdapter(list[_Alert])
_SILENCES = TypeAdapter(list[_Silence])


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

    async def watchdog(self) -> Sight:
        """Ask whether the Watchdog is there; the replica that has it and tells of it counts."""
        if not self.clients:
            return Sight(Standing.UNASKED)
        answers = await asyncio.gather(*(_watchdog(client) for client in self.clients))
        standing = max(answers, key=list(Standing).index)
        lost = answers.count(Standing.SILENT)
        return Sight(standing, f"{lost} of {len(answers)} do not answer" if 0 < lost < len(answers) else "")

    async def silence(self, wanted: Sequence[Silence], now: datetime) -> tuple[str, ...]:
        """Make the silences wherever they are not, and return their ids. Raises AlertmanagerError.

        Asked again after an unknown outcome, it finds by their mark those that were made. The replicas of a cluster
        tell each other: one that answers is enough.
        """
        ids: dict[str, None] = {}
        for client in await self._reached():
            there = await self._silences(client)
            for silence in wanted:
                found = [one.id for one in there if silence.mark in one.comment and one.lives]
                ids |= dict.fromkeys(found or [await _make(client, silence, now)])
        return tuple(ids)

    async def expire(self, ids: Collection[str]) -> None:
        """End the silences of these ids; those that have ended already are no error. Raises AlertmanagerError."""
        for client in await self._reached():
            for one in await self._silences(client):
                if one.id in ids and one.lives:
                    await _ask(client, "DELETE", f"/api/v2/silence/{one.id}")

    async def _reached(self) -> Sequence[httpx.AsyncClient]:
        """Return those that answer at all."""
        answers = await asyncio.gather(*(_answers(client) for client in self.clients))
        found = [client for client, answer in zip(self.clients, answers, strict=True) if answer]
        if not found:
            raise AlertmanagerError("can't be reached", retryable=True)
        return found

    async def _silences(self, client: httpx.AsyncClient) -> Sequence[_Silence]:
        answer = await _ask(client, "GET", "/api/v2/silences")
        try:
            return _SILENCES.validate_json(answer)
        except ValidationError as error:
            raise AlertmanagerError("lists its silences in another shape", retryable=False) from error

    async def _listed(self, client: httpx.AsyncClient, now: datetime) -> Listing | None:
        try:
            status, alerts = await asyncio.gather(client.get("/api/v2/status"), client.get("/api/v2/alerts"))
            uptime = _Status.model_validate_json(status.raise_for_status().content).uptime
            found = await asyncio.to_thread(_read, alerts.raise_for_status().content)
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


def _read(content: bytes) -> list[_Alert]:
    """Some ten milliseconds for a thousand alerts: call it in a thread."""
    return _ALERTS.validate_json(storable(content))


def _alert(part: _Alert) -> Alert:
    return Alert(
        fingerprint=part.fingerprint,
        status=Status.FIRING,
        starts_at=start(part.starts_at),
        ends_at=None,
        labels=part.labels,
        annotations=part.annotations,
        source_url=part.generator_url,
        suppressed=part.status.suppression,
    )


async def _make(client: httpx.AsyncClient, silence: Silence, now: datetime) -> str:
    matchers = [{"name": name, "value": value, "isRegex": False, "isEqual": True} for name, value in silence.matchers]
    body = {
        "matchers": matchers,
        "startsAt": now.isoformat(),
        "endsAt": silence.ends_at.isoformat(),
        "createdBy": silence.created_by,
        "comment": silence.comment,
    }
    answer = await _ask(client, "POST", "/api/v2/silences", body)
    try:
        return _Made.model_validate_json(answer).silence_id
    except ValidationError as error:
        raise AlertmanagerError("answers in another shape", retryable=False) from error


async def _ask(client: httpx.AsyncClient, method: str, path: str, body: object = None) -> bytes:
    """Call the API; an answer of 4xx is one for good."""
    try:
        answer = await client.request(method, path, json=body)
    except httpx.HTTPError as error:
        raise AlertmanagerError(f"can't be reached ({type(error).__name__})", retryable=True) from error
    if answer.is_success:
        return answer.content
    said = answer.text.strip()[:200]
    raise AlertmanagerError(f"answers {answer.status_code}: {said}", retryable=answer.status_code >= 500)


async def _watchdog(client: httpx.AsyncClient) -> Standing:
    try:
        answer = await client.get("/api/v2/alerts", params={"filter": f'alertname="{WATCHDOG}"'})
        found = _read(answer.raise_for_status().content)
    except (httpx.HTTPError, ValidationError) as error:
        log.warning("Alertmanager can't be asked for the Watchdog", url=str(client.base_url), error=_said(error))
        return Standing.SILENT
    if not found:
        return Standing.LACKS
    return Standing.FIRES if any(not one.status.suppression for one in found) else Standing.HOLDS_BACK


async def _answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/api/v2/status")).is_success
    except httpx.HTTPError:
        return False


def _said(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"HTTP {error.response.status_code}"
    return "an answer of another shape" if isinstance(error, ValidationError) else type(error).__name__
