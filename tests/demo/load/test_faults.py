"""What is broken is mended, whatever the services do meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

import pytest

from demo.load.faults import Faults
from demo.load.scenario import Burn, Fault
from tests.demo.load.stub import Stub, Until

SLOW = Fault(billing_delay=1)
BURN = Fault(burn=Burn(service="orders", cores=0.24, seconds=300))
OTHER_BURN = Fault(burn=Burn(service="orders", cores=0.5, seconds=300))

Make = Callable[..., Faults]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """``make(url, timeout=2.0, owed=[])``: faults whose services are all behind one address."""
    made: list[Faults] = []

    def faults(
        url: str, timeout: float = 2.0, now: Callable[[], float] = lambda: 0.0, owed: Iterable[Fault] = ()
    ) -> Faults:
        made.append(Faults({"billing": url, "orders": url}, now, timeout, owed))
        return made[-1]

    yield faults
    for one in made:
        await one.close()


async def test_faults_are_set_and_undone(stub: Stub, make: Make) -> None:
    """Billing becomes slow and orders burns; afterwards billing is as fast as before and nothing burns."""
    faults = make(stub.url)
    faults.want([SLOW, BURN])
    await faults.settle()
    assert (stub.delay_ms, stub.burning) == (1000, True)
    await faults.release()
    assert (stub.delay_ms, stub.burning) == (10, False)
    assert faults.problems == {}


async def test_the_old_faults_are_undone_before_the_new_ones_are_set(stub: Stub, make: Make) -> None:
    """At a switch nothing is broken twice."""
    faults = make(stub.url)
    for wanted in ([SLOW, BURN], [OTHER_BURN]):
        faults.want(wanted)
        await faults.settle()
    assert stub.orders == ["speed 1000", "burn 0.24", "speed again", "burn ends", "burn 0.5"]


async def test_a_service_that_restarts_is_broken_anew(stub: Stub, make: Make) -> None:
    """What a restart mended is broken again, and mended at the end like the first time."""
    faults = make(stub.url)
    faults.want([SLOW, BURN])
    await faults.settle()
    stub.delay_ms, stub.burning = 10, False
    await faults.settle()
    assert (stub.delay_ms, stub.burning) == (1000, True)
    await faults.release()
    assert stub.delay_ms == 10


async def test_a_burn_ends_with_its_seconds(stub: Stub, make: Make) -> None:
    """A burn is asked for again with what is left of it, and not at all once it is over."""
    clock = [0.0]
    faults = make(stub.url, now=lambda: clock[0])
    faults.want([BURN])
    for second in (0.0, 100.0, 299.8):
        clock[0] = second
        await faults.settle()
    assert stub.orders == ["burn 0.24", "burn 0.24"]


async def test_a_scenario_played_anew_burns_its_whole_time(stub: Stub, make: Make) -> None:
    """The seconds of a burn count from the scenario's start, also when the same one played before."""
    clock = [0.0]
    faults = make(stub.url, now=lambda: clock[0])
    for second in (0.0, 200.0):
        clock[0] = second
        faults.want([BURN])
        await faults.settle()
    assert stub.seconds == [300, 300]


async def test_what_somebody_else_left_is_mended_first(stub: Stub, make: Make) -> None:
    """Faults owed from the start are undone, though nobody knows how the service was before."""
    stub.delay_ms, stub.burning = 1000, True
    faults = make(stub.url, owed=[SLOW, BURN])
    await faults.settle()
    assert (stub.delay_ms, stub.burning, faults.problems) == (10, False, {})
    await faults.settle()
    assert stub.orders == ["speed again", "burn ends"]


async def test_what_one_order_mends_is_mended_by_one(stub: Stub, make: Make) -> None:
    """A service has one speed: however many faults may have changed it, it is told once to take its own."""
    faults = make(stub.url, owed=[SLOW, BURN, Fault(billing_delay="1m")])
    await faults.settle()
    assert sorted(stub.orders) == ["burn ends", "speed again"]


async def test_what_is_wanted_is_not_mended_although_it_is_owed(stub: Stub, make: Make) -> None:
    """A fault left by somebody else that the scenario wants too stays until the scenario ends."""
    stub.delay_ms = 1000
    faults = make(stub.url, owed=[SLOW])
    faults.want([SLOW])
    await faults.settle()
    assert stub.orders == ["speed 1000"]
    await faults.release()
    assert stub.orders == ["speed 1000", "speed again"]


async def test_keep_mends_a_service_once_it_is_there(stub: Stub, make: Make, until: Until) -> None:
    """What somebody else left in a service that is down now is undone when it answers again."""
    stub.delay_ms, stub.answers["speed"] = 1000, 503
    faults = make(stub.url, owed=[SLOW])
    keeping = asyncio.create_task(faults.keep(again=0.02))
    await until(lambda: SLOW in faults.problems)
    assert faults.problems[SLOW] == f"DELETE {stub.url}/speed answered 503"
    stub.answers.clear()
    await until(lambda: not faults.problems)
    keeping.cancel()
    assert stub.delay_ms == 10


async def test_a_service_that_is_down_is_said_and_tried_again(stub: Stub, nobody: str, make: Make) -> None:
    """A fault that can't be set is a problem with its reason, no more; the others are set."""
    faults = Faults({"billing": nobody, "orders": stub.url})
    faults.want([SLOW, BURN])
    await faults.settle()
    assert faults.problems == {SLOW: f"PUT {nobody}/speed: Connection refused"}
    assert stub.burning
    await faults.release(pause=0.01)
    assert (faults.problems, stub.burning) == ({SLOW: f"DELETE {nobody}/speed: Connection refused"}, False)
    await faults.close()


async def test_keep_sets_a_fault_once_its_service_is_there(stub: Stub, make: Make, until: Until) -> None:
    """`keep` tries again by itself until the service does as it is told, then says no more of it."""
    stub.answers["speed"] = 503
    faults = make(stub.url)
    faults.want([SLOW])
    keeping = asyncio.create_task(faults.keep(again=0.02))
    await until(lambda: SLOW in faults.problems)
    assert faults.problems[SLOW] == f"PUT {stub.url}/speed answered 503"
    stub.answers.clear()
    await until(lambda: stub.delay_ms == 1000)
    await until(lambda: not faults.problems)
    keeping.cancel()
    await faults.release()
    assert stub.delay_ms == 10


async def test_an_order_of_unknown_outcome_is_undone(stub: Stub, make: Make) -> None:
    """A service that took the order and never answered is told to undo it all the same."""
    faults = make(stub.url, timeout=0.2)
    faults.want([SLOW])
    stub.stalled.add("PUT speed")
    await faults.settle()
    assert stub.delay_ms == 1000
    assert "PUT" in faults.problems[SLOW]
    stub.stalled.clear()
    await faults.release()
    assert (stub.delay_ms, faults.problems) == (10, {})


async def test_an_order_under_way_is_finished_before_it_is_undone(stub: Stub, make: Make, until: Until) -> None:
    """Ending `keep` in the middle of an order leaves the undoing to come second, or the order would win."""
    faults = make(stub.url)
    faults.want([BURN, SLOW])
    gate = stub.gate = asyncio.Event()
    keeping = asyncio.create_task(faults.keep())
    await until(lambda: stub.gate is None)
    keeping.cancel()
    releasing = asyncio.create_task(faults.release())
    await asyncio.wait({releasing}, timeout=0.2)
    gate.set()
    await releasing
    assert stub.orders == ["burn 0.24", "speed 1000", "burn ends", "speed again"]
    assert faults.problems == {}


async def test_what_could_not_be_undone_stays_said_and_owed(stub: Stub, make: Make) -> None:
    """When the undoing fails it is a problem, and the next look tries it again."""
    faults = make(stub.url)
    faults.want([BURN])
    await faults.settle()
    stub.answers["burn"] = 500
    await faults.release(tries=2, pause=0.01)
    assert faults.problems == {BURN: f"DELETE {stub.url}/burn answered 500"}
    assert stub.orders == ["burn 0.24", "burn ends", "burn ends"]
    stub.answers.clear()
    await faults.settle()
    assert faults.problems == {}


async def test_a_service_without_an_address_is_said() -> None:
    """A fault in a service that nobody gave the address of is a problem with a plain reason."""
    faults = Faults({})
    faults.want([BURN])
    await faults.settle()
    assert faults.problems == {BURN: "the address of orders is not known"}
    await faults.close()


async def test_waiting_for_a_switch_has_an_end(stub: Stub, make: Make) -> None:
    """`settled` comes back when nobody sees to the faults."""
    faults = make(stub.url)
    faults.want([SLOW])
    await faults.settled(0.01)
    assert stub.delay_ms == 10
