"""The one door to Prometheus' HTTP API: the series of an alert, for its chart and its value now, and its Watchdog.

(prometheus.io/docs/prometheus/latest/querying/api, "Range queries", "Instant queries", "Alertmanagers".) A message
never waits long for a series: when it can't be asked, nobody asks again for REST seconds, and messages go out without.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import httpx
import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alerting.config import PrometheusSettings
from alerting.model import WATCHDOG, Point, Sight, Standing
from alerting.units import number

log = structlog.get_logger("alerting.prometheus")

REST = 30.0
"""Seconds."""

MAX_ANSWER = 1024 * 1024
"""Bytes. One series of a chart has a few hundred; a query that finds very many is none for a chart."""

EVALUATED = f'min(time() - timestamp(ALERTS{{alertname="{WATCHDOG}",alertstate="firing"}}))'
"""Seconds since the rule that always fires was evaluated; a series is found for five minutes after its last sample."""

LATELY = 150.0
"""Seconds. Two evaluations of Prometheus' default interval, and a little more."""

Time = Annotated[float, Field(ge=0, lt=datetime(9999, 1, 1, tzinfo=UTC).timestamp())]
"""Seconds since 1970, within the calendar."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class _Series(_Part):
    values: list[tuple[Time, str]]


class _Data(_Part):
    resultType: Literal["matrix"]  # Prometheus' name
    result: list[_Series]


class _Answer(_Part):
    status: Literal["success"]
    data: _Data


class _Sample(_Part):
    value: tuple[float, float]


class _Vector(_Part):
    resultType: Literal["vector"]  # Prometheus' name
    result: list[_Sample]


class _Instant(_Part):
    status: Literal["success"]
    data: _Vector


class _Receiver(_Part):
    url: str


class _Receivers(_Part):
    active: list[_Receiver] = Field(alias="activeAlertmanagers")


class _Known(_Part):
    data: _Receivers


@dataclass
class Prometheus:
    """Make it with ``open_prometheus``; without a client nobody is asked."""

    client: httpx.AsyncClient | None
    _rests_until: float = field(default=-math.inf)

    async def series(self, query: str, start: datetime, end: datetime, step: timedelta) -> tuple[Point, ...]:
        """Ask for the first series of a query; empty when there is none or it can't be asked."""
        if self.client is None or not query or _clock() < self._rests_until:
            return ()
        asked = {"query": query, "start": start.timestamp(), "end": end.timestamp(), "step": step.total_seconds()}
        try:
            found = _Answer.model_validate_json(await _ask(self.client, "POST", "/api/v1/query_range", asked))
        except (httpx.HTTPError, ValidationError) as error:
            if isinstance(error, httpx.HTTPStatusError) and error.response.status_code == 400:
                log.warning("an alert's query can't be charted", query=query[:200])  # it is at fault, not Prometheus
                return ()
            self._rests_until = _clock() + REST
            log.warning("Prometheus can't be asked", error=type(error).__name__, seconds=REST)
            return ()
        return _points(found.data.result[0]) if found.data.result else ()

    async def watchdog(self) -> Sight:
        """Ask whether the rule of the Watchdog is evaluated, and which Alertmanagers its alert is sent to."""
        if self.client is None:
            return Sight(Standing.UNASKED)
        try:
            found = _Instant.model_validate_json(await _ask(self.client, "POST", "/api/v1/query", {"query": EVALUATED}))
        except (httpx.HTTPError, ValidationError) as error:
            said = f"HTTP {error.response.status_code}" if isinstance(error, httpx.HTTPStatusError) else ""
            log.warning("Prometheus can't be asked for the Watchdog", error=type(error).__name__, said=said)
            return Sight(Standing.SILENT, said)
        lately = any(sample.value[1] <= LATELY for sample in found.data.result)
        return Sight(Standing.FIRES if lately else Standing.LACKS, await self._receivers(self.client))

    async def _receivers(self, client: httpx.AsyncClient) -> str:
        """Say where it sends alerts; nothing of what answers like Prometheus and sends none."""
        try:
            found = _Known.model_validate_json(await _ask(client, "GET", "/api/v1/alertmanagers"))
        except (httpx.HTTPError, ValidationError):
            return ""
        urls = sorted(one.url.removesuffix("/api/v2/alerts") for one in found.data.active)
        return f"it sends to {', '.join(urls)}" if urls else "it knows no Alertmanager"


@asynccontextmanager
async def open_prometheus(settings: PrometheusSettings) -> AsyncIterator[Prometheus]:
    """Keep one HTTP client, if there is an address; it does not use a proxy of the environment."""
    if settings.url is None:
        yield Prometheus(None)
        return
    headers: dict[str, Any] = settings.auth.headers()
    async with httpx.AsyncClient(
        base_url=settings.url, timeout=settings.timeout, headers=headers, trust_env=False
    ) as client:
        yield Prometheus(client)


async def _ask(client: httpx.AsyncClient, method: str, path: str, asked: Mapping[str, Any] | None = None) -> bytes:
    """Return the answer, unpacked. Raises HTTPError, also as soon as it is too large."""
    async with client.stream(method, path, data=asked) as answer:
        body = bytearray()
        async for chunk in answer.raise_for_status().aiter_bytes():
            body += chunk
            if len(body) > MAX_ANSWER:
                raise httpx.DecodingError("the answer is too large")
        return bytes(body)


def _points(series: _Series) -> tuple[Point, ...]:
    pairs = ((at, number(text)) for at, text in series.values)
    return tuple(Point(datetime.fromtimestamp(at, UTC), value) for at, value in pairs if value is not None)


def _clock() -> float:
    return asyncio.get_running_loop().time()
