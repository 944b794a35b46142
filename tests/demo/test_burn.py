"""CPU burnt on purpose: about as much as asked, and never more than one burn."""

import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from fastapi import FastAPI

from demo.burn import Burn, Burner, routes

Calling = Callable[[FastAPI], httpx.AsyncClient]


def burning() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "burn"]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in 5 s"
        time.sleep(0.01)


@pytest.fixture
def burner() -> Iterator[Burner]:
    """A burner that is out at the end."""
    burner = Burner()
    yield burner
    burner.stop()
    until(lambda: not burning())


def test_about_the_share_that_was_asked_for_is_burnt(burner: Burner) -> None:
    """A fifth of a core for a second is 0.2 s of CPU; a machine with no time to spare gives less, never much more."""
    before = time.process_time()
    burner.start(Burn(cores=0.2, seconds=1))
    until(lambda: not burning())
    assert 0.05 <= time.process_time() - before <= 0.4


def test_the_share_of_a_window_is_burnt_at_its_beginning(burner: Burner) -> None:
    """A twentieth of ten seconds is half a second, and that is over long before the window is."""
    before, began = time.process_time(), time.monotonic()
    burner.start(Burn(cores=0.05, seconds=600, window=10))
    until(lambda: time.process_time() - before >= 0.45)
    assert time.monotonic() - began < 10


def test_it_ends_by_itself(burner: Burner) -> None:
    """When the seconds are over nothing burns."""
    burner.start(Burn(cores=0.1, seconds=1))
    until(lambda: not burning())
    assert burner.state().model_dump() == {"cores": 0.0, "remaining_seconds": 0.0}


def test_a_second_burn_replaces_the_first(burner: Burner) -> None:
    """There is one thread, and the state is that of the last call."""
    burner.start(Burn(cores=0.3, seconds=600))
    burner.start(Burn(cores=0.1, seconds=300))
    until(lambda: len(burning()) == 1)
    state = burner.state()
    assert state.cores == 0.1
    assert 290 < state.remaining_seconds <= 300


async def test_the_service_answers_while_a_whole_core_burns(calling: Calling, burner: Burner) -> None:
    """GET, POST and DELETE /burn work during a burn, and DELETE ends it."""
    app = FastAPI()
    app.include_router(routes(burner))
    async with calling(app) as client:
        started = (await client.post("/burn", json={"cores": 1.0, "seconds": 600})).json()
        assert started["cores"] == 1.0
        slowest = 0.0
        for _ in range(20):
            asked = time.perf_counter()
            assert (await client.get("/burn")).json()["cores"] == 1.0
            slowest = max(slowest, time.perf_counter() - asked)
        assert slowest < 0.5
        assert (await client.delete("/burn")).json() == {"cores": 0.0, "remaining_seconds": 0.0}
    until(lambda: not burning())


@pytest.mark.parametrize(
    "body",
    [
        {"cores": 1.1, "seconds": 10},
        {"cores": -0.1, "seconds": 10},
        {"cores": 0.5, "seconds": 0},
        {"cores": 0.5, "seconds": 601},
        {"cores": "nan", "seconds": 10},
        {"cores": 0.5},
        {"cores": 0.5, "seconds": 10, "threads": 4},
        {"cores": 0.5, "seconds": 10, "window": 0.05},
        {"cores": 0.5, "seconds": 10, "window": 11},
    ],
)
async def test_a_burn_that_makes_no_sense_burns_nothing(calling: Calling, burner: Burner, body: object) -> None:
    """Refused with 422."""
    app = FastAPI()
    app.include_router(routes(burner))
    async with calling(app) as client:
        assert (await client.post("/burn", json=body)).status_code == 422
    assert burner.state().cores == 0
