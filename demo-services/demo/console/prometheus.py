"""Asks Prometheus' HTTP API. Ten open pages cost what one costs: equal questions share one answer.

Source of the paths and shapes: Prometheus documentation, "HTTP API".
"""

import asyncio
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

import httpx

from demo.console.series import Series
from demo.console.shared import Shared
from demo.console.timerange import GRID, Window

DEADLINE = 8.0
"""Seconds that one question may take; Prometheus is told to give up then as well."""

LARGEST_ANSWER = 8_000_000
"""Bytes. A query that matches half of a production Prometheus is refused instead of read."""

AnswerT = TypeVar("AnswerT")

Parameters = tuple[tuple[str, str], ...]

Reason = Literal["unreachable", "slow", "query", "answer"]


class PrometheusError(Exception):
    """Prometheus gave no usable answer; ``str()`` says why in a sentence for the panel.

    `reason`: ``unreachable`` (nothing answers there, or 5xx), ``slow`` (over the deadline), ``query`` (it refused the
    PromQL), ``answer`` (too large, or not what the API promises).
    """

    def __init__(self, reason: Reason, text: str) -> None:
        """Keep the reason beside the sentence."""
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True)
class Alert:
    """One active alert of Prometheus' own list; `since` is ``activeAt``, RFC 3339."""

    name: str
    state: Literal["pending", "firing"]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    since: str


class Prometheus:
    """A client with a memory of GRID seconds. Every method raises PrometheusError."""

    def __init__(self, http: httpx.AsyncClient, clock: Callable[[], float] = time.monotonic) -> None:
        """`http` has Prometheus' address as base_url."""
        self._http = http
        self._answers = Shared[Any](self._fetch, clock, fresh=GRID)

    async def range(self, query: str, window: Window) -> tuple[Series, ...]:
        """Ask for a line per series: ``query_range``."""
        span = {"start": f"{window.start:.3f}", "end": f"{window.end:.3f}", "step": f"{window.step:g}"}
        return await self._ask("/api/v1/query_range", {"query": query} | span, _matrix)

    async def instant(self, query: str, at: float) -> tuple[Series, ...]:
        """Ask for a single point per series: ``query``. A scalar is a series without labels."""
        return await self._ask("/api/v1/query", {"query": query, "time": f"{at:.3f}"}, _vector)

    async def label_values(self, label: str, matching: str | None, window: Window) -> tuple[str, ...]:
        """Values that `label` had in the window, sorted; `matching` is a selector such as ``up{job="demo"}``."""
        # the window's ends move with every refresh, the list hardly ever: a minute's grid is fresh enough
        span = {"start": str(math.floor(window.start / 60) * 60), "end": str(math.ceil(window.end / 60) * 60)}
        parameters = span | ({"match[]": matching} if matching else {})
        return await self._ask(f"/api/v1/label/{label}/values", parameters, _strings)

    async def alerts(self) -> tuple[Alert, ...]:
        """Every pending or firing alert, as Prometheus (not Alertmanager) sees it."""
        return await self._ask("/api/v1/alerts", {}, _alerts)

    async def _ask(self, path: str, parameters: Mapping[str, str], parse: Callable[[Any], AnswerT]) -> AnswerT:
        return cast(AnswerT, await self._answers.get(path, tuple(parameters.items()), parse))

    async def _fetch(self, path: str, parameters: Parameters, parse: Callable[[Any], AnswerT]) -> AnswerT:
        try:
            async with asyncio.timeout(DEADLINE):
                status, body = await self._read(path, dict(parameters))
            return parse(_data(status, body))
        except (TimeoutError, httpx.TimeoutException) as error:
            raise PrometheusError("slow", f"Prometheus did not answer within {DEADLINE:g} s.") from error
        except httpx.HTTPError as error:
            raise PrometheusError(
                "unreachable", f"Prometheus can't be reached at {self._http.base_url}: {_why(error)}."
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PrometheusError("answer", "Prometheus gave an answer that is not its API's JSON.") from error

    async def _read(self, path: str, parameters: Mapping[str, str]) -> tuple[int, bytes]:
        method = "GET" if path.startswith(("/api/v1/label/", "/api/v1/alerts")) else "POST"
        sent: dict[str, Any] = {"params": parameters} if method == "GET" else {"data": parameters}
        body = bytearray()
        async with self._http.stream(method, path, **sent) as response:
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > LARGEST_ANSWER:
                    raise PrometheusError(
                        "answer", f"The answer is larger than {LARGEST_ANSWER // 10**6} MB: narrow the query."
                    )
            return response.status_code, bytes(body)


def _data(status: int, body: bytes) -> Any:
    if status >= 500 and not body.startswith(b"{"):
        raise PrometheusError("unreachable", f"Prometheus answered {status}.")
    answer = json.loads(body)
    if answer["status"] == "success":
        return answer["data"]
    why = str(answer.get("error", "no reason given"))[:400]
    if answer.get("errorType") in ("timeout", "canceled"):
        raise PrometheusError("slow", f"Prometheus did not finish the query in time: {why}")
    raise PrometheusError("query", f"Prometheus refused the query: {why}")


def _matrix(data: Any) -> tuple[Series, ...]:
    return tuple(Series(item["metric"], tuple(_point(pair) for pair in item["values"])) for item in data["result"])


def _vector(data: Any) -> tuple[Series, ...]:
    if data["resultType"] == "scalar":
        return (Series({}, (_point(data["result"]),)),)
    return tuple(Series(item["metric"], (_point(item["value"]),)) for item in data["result"])


def _strings(data: Any) -> tuple[str, ...]:
    return tuple(sorted(data))


def _alerts(data: Any) -> tuple[Alert, ...]:
    return tuple(
        Alert(
            name=item["labels"].get("alertname", "?"),
            state=item["state"],
            labels=item["labels"],
            annotations=item["annotations"],
            since=item.get("activeAt", ""),
        )
        for item in data["alerts"]
    )


def _point(pair: Sequence[Any]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])


def _why(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.ConnectError):
        return "connection refused or no such host"
    return str(error) or type(error).__name__
