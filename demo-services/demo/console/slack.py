"""Whether the page of the demo's workspace answers: an iframe of a server that is down shows the browser's own."""

import time
from collections.abc import Callable

import httpx

from demo.console.shared import Shared


class Slack:
    """Asks ``/-/healthy``."""

    def __init__(self, http: httpx.AsyncClient, clock: Callable[[], float] = time.monotonic) -> None:
        """`http` has the address of Slack's page as base_url."""
        self._http = http
        self._health = Shared(self._ask, clock)

    async def answers(self) -> bool:
        """Whether the page can be shown."""
        return await self._health.get()

    async def _ask(self) -> bool:
        try:
            return (await self._http.get("/-/healthy")).is_success
        except httpx.HTTPError:
            return False
