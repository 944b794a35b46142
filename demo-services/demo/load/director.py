"""Which scenario plays now: the base one for ever, another for its time or until it is replaced."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

import structlog

from demo.load.arrivals import arrivals
from demo.load.faults import Faults
from demo.load.generator import Generator
from demo.load.scenario import Scenario

log = structlog.get_logger()


@dataclass(frozen=True)
class Playing:
    """What plays, since when, and until when on the director's clock (None for ever)."""

    scenario: Scenario
    since: datetime
    until: float | None


class Director:
    """Plays one scenario at a time, the base one when nothing else is asked for."""

    def __init__(
        self,
        scenarios: Mapping[str, Scenario],
        base: str,
        generator: Generator,
        faults: Faults,
        random: Random | None = None,
        announce: Callable[[str], None] = lambda _name: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`announce` is told the name of each scenario that begins."""
        self.scenarios = scenarios
        self._base = scenarios[base]
        self._generator = generator
        self._faults = faults
        self._random = random or Random()
        self._announce = announce
        self._now = now
        self._load: asyncio.Task[None] | None = None
        self.playing = self._begin(self._base)

    @property
    def remaining(self) -> float | None:
        """Seconds until the base scenario plays again, None when what plays has no end."""
        until = self.playing.until
        return None if until is None else max(0.0, until - self._now())

    def play(self, name: str | None) -> None:
        """Play another scenario from now on, or the same one anew; the base one for None.

        Raises KeyError for a name that no scenario has.
        """
        self.playing = self._begin(self.scenarios[name] if name is not None else self._base)
        if self._load:
            self._load.cancel()

    async def run(self) -> None:
        """Play until cancelled. Answers that are open at a switch are waited for by nobody, and still counted."""
        try:
            while True:
                scenario = self.playing.scenario
                due = arrivals(scenario.streams, 1.0, self._random)
                self._load = asyncio.create_task(self._generator.run(due, scenario.duration))
                await asyncio.wait({self._load})
                if not self._load.cancelled():
                    self._load.result()
                    self.playing = self._begin(self._base)
        finally:
            if self._load:
                self._load.cancel()

    def _begin(self, scenario: Scenario) -> Playing:
        self._faults.want(scenario.faults)
        self._announce(scenario.name)
        log.info("scenario begins", scenario=scenario.name, seconds=scenario.duration)
        until = self._now() + scenario.duration if scenario.duration is not None else None
        return Playing(scenario, datetime.now(UTC), until)
