"""The control API of the load: which scenario runs, and another one at a click."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
from pydantic import Field, TypeAdapter, ValidationError

from demo.console.shared import Shared


@dataclass(frozen=True)
class Scenario:
    """One way to load the system."""

    name: str
    title: str
    description: str


@dataclass(frozen=True)
class LoadState:
    """What runs now; `remaining` seconds are left of it, None when it runs until another one is chosen."""

    current: str
    scenarios: tuple[Scenario, ...]
    remaining: Annotated[float | None, Field(validation_alias="remaining_seconds")] = None
    fault_errors: tuple[str, ...] = ()
    """What could not be broken as the scenario wants it."""


class LoadError(Exception):
    """The load did not do what it was asked; ``str()`` is the sentence for the page."""


_STATE = TypeAdapter(LoadState)


class Load:
    """A client of ``/scenario``. Every method raises LoadError."""

    def __init__(self, http: httpx.AsyncClient, clock: Callable[[], float] = time.monotonic) -> None:
        """`http` has the load's address as base_url."""
        self._http = http
        self._state = Shared(self._ask, clock)

    async def state(self) -> LoadState:
        """Ask what runs."""
        return await self._state.get()

    async def start(self, name: str) -> None:
        """Switch to another scenario."""
        await self._send("PUT", json={"name": name})
        self._state.forget()

    async def stop(self) -> None:
        """Go back to the base scenario."""
        await self._send("DELETE")
        self._state.forget()

    async def _ask(self) -> LoadState:
        return _read(await self._send("GET"))

    async def _send(self, method: str, **content: Any) -> httpx.Response:
        try:
            response = await self._http.request(method, "/scenario", **content)
        except httpx.TimeoutException as error:
            raise LoadError("The load does not answer in time.") from error
        except httpx.HTTPError as error:
            raise LoadError(f"The load can't be reached at {self._http.base_url}.") from error
        if response.is_error:
            raise LoadError(f"The load refused ({response.status_code}): {_detail(response)}")
        return response


def _read(response: httpx.Response) -> LoadState:
    try:
        return _STATE.validate_json(response.content)
    except ValidationError as error:
        raise LoadError("The load gave an answer that is not its API's JSON.") from error


def _detail(response: httpx.Response) -> str:
    try:
        return str(response.json()["detail"])[:300]
    except (ValueError, KeyError, TypeError):
        return response.text[:300]
