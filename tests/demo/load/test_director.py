"""Which scenario plays: the base one, another for its time, the base one again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from demo.load.director import Director
from demo.load.faults import Faults
from demo.load.generator import Clock, Generator, Result
from demo.load.scenario import Burn, Fault, Scenario, Stream
from tests.demo.load.stub import Stub, Until

BURN = Fault(burn=Burn(service="orders", cores=0.24, seconds=60))
CALM = Scenario("calm", "Calm", "Little.", None, (Stream(client="alice", request="me", rate=1),), ())
STORM = Scenario("storm", "Storm", "Much.", 60.0, (Stream(client="bob", request="order", rate=10),), (BURN,))


class Minutes:
    """Time that runs a hundred times as fast, so that the storm's minute is 0.6 s."""

    def __init__(self) -> None:
        self.clock = Clock(self.now, self.sleep)

    def now(self) -> float:
        return 100 * asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 100)


class Play:
    """A director at work, what it announced and what came of the load."""

    def __init__(self, services: str) -> None:
        self.announced: list[str] = []
        self.results: list[Result] = []
        time = Minutes()
        self.faults = Faults({"orders": services}, time.now)
        generator = Generator(self._send, self.results.append, time.clock)
        self.director = Director(
            {"calm": CALM, "storm": STORM}, "calm", generator, self.faults, announce=self.announced.append, now=time.now
        )

    async def _send(self, _stream: Stream) -> str:
        return "200"

    def sent(self, kind: str) -> int:
        return sum(result.kind == kind for result in self.results)


@asynccontextmanager
async def playing(services: str) -> AsyncIterator[Play]:
    """Have a director at work, and its faults kept."""
    play = Play(services)
    tasks = [asyncio.create_task(play.director.run()), asyncio.create_task(play.faults.keep())]
    yield play
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await play.faults.close()


async def test_a_scenario_ends_by_itself(stub: Stub, until: Until) -> None:
    """When its time is over the base scenario plays again, and what it broke is mended."""
    async with playing(stub.url) as play:
        play.director.play("storm")
        assert 0 < (play.director.remaining or 0) <= 60
        await until(lambda: stub.burning)
        await until(lambda: play.announced == ["calm", "storm", "calm"])
        await until(lambda: stub.orders == ["burn 0.24", "burn ends"])
        assert play.director.remaining is None
        before = play.sent("order")
        await until(lambda: play.sent("me") > 5)
        assert play.sent("order") == before


async def test_a_switch_replaces_the_load_at_once(stub: Stub, until: Until) -> None:
    """The streams of what played before stop where the new ones start."""
    async with playing(stub.url) as play:
        await until(lambda: play.sent("me") > 0)
        play.director.play("storm")
        before = play.sent("me")
        await until(lambda: play.sent("order") > 20)
        assert play.sent("me") <= before + 1


async def test_the_same_scenario_can_be_played_anew(stub: Stub, until: Until) -> None:
    """Asking for what plays already gives it its whole time again."""
    async with playing(stub.url) as play:
        play.director.play("storm")
        await until(lambda: (play.director.remaining or 60) < 40)
        play.director.play("storm")
        assert (play.director.remaining or 0) > 50
        assert play.announced == ["calm", "storm", "storm"]


async def test_an_unknown_name_changes_nothing(stub: Stub) -> None:
    """A name that no scenario has is refused, and what plays goes on."""
    async with playing(stub.url) as play:
        with pytest.raises(KeyError):
            play.director.play("gale")
        assert play.announced == ["calm"]
