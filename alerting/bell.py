"""Wakes a loop before its time: what has come while it was busy is not forgotten."""

import asyncio
from dataclasses import dataclass, field


@dataclass
class Bell:
    """Rung by whoever has something to do for the one loop that waits for it."""

    _rung: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self) -> None:
        """Say that there may be something to do."""
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Return when it rings, at once if it rang since the last wait, or after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return
        finally:
            self._rung.clear()
