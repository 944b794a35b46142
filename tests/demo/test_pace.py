"""Pretended work follows the speed, also while it lasts."""

import asyncio
from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI

from demo.pace import Pace, routes

Calling = Callable[[FastAPI], httpx.AsyncClient]


async def test_no_delay_is_no_wait() -> None:
    """At 0 ms a record is done at once."""
    async with asyncio.timeout(1):
        await Pace(0).work()


async def test_the_delay_is_kept() -> None:
    """Work of 50 ms lasts at least that long."""
    started = asyncio.get_running_loop().time()
    await Pace(50).work()
    assert asyncio.get_running_loop().time() - started >= 0.05


@pytest.mark.parametrize("shorter", [0, 1])
async def test_a_shorter_delay_ends_the_work_in_hand(shorter: int) -> None:
    """A minute's work ends at once when the speed changes, for every record in hand."""
    pace = Pace(60_000)
    works = [asyncio.create_task(pace.work()) for _ in range(2)]
    await asyncio.sleep(0)
    pace.change(shorter)
    async with asyncio.timeout(2):
        await asyncio.gather(*works)


async def test_a_longer_delay_prolongs_the_work_in_hand() -> None:
    """Work that was nearly done goes on when the speed drops, counted from when it began."""
    pace = Pace(20)
    started = asyncio.get_running_loop().time()
    work = asyncio.create_task(pace.work())
    await asyncio.sleep(0)
    pace.change(200)
    await work
    assert asyncio.get_running_loop().time() - started >= 0.2


async def test_the_speed_over_http(calling: Calling) -> None:
    """PUT changes what GET shows."""
    pace = Pace(10)
    app = FastAPI()
    app.include_router(routes(pace))
    async with calling(app) as client:
        assert (await client.get("/speed")).json() == {"delay_ms": 10}
        assert (await client.put("/speed", json={"delay_ms": 60_000})).json() == {"delay_ms": 60_000}
        assert (await client.get("/speed")).json() == {"delay_ms": 60_000}
    assert pace.delay_ms == 60_000


async def test_delete_comes_back_to_the_configured_delay(calling: Calling) -> None:
    """DELETE answers 200 with the delay of the start, ends what is in hand by it, and may come twice."""
    pace = Pace(10)
    app = FastAPI()
    app.include_router(routes(pace))
    async with calling(app) as client:
        for slow in (60_000, 50_000):
            await client.put("/speed", json={"delay_ms": slow})
        work = asyncio.create_task(pace.work())
        await asyncio.sleep(0)
        for _ in range(2):
            answer = await client.delete("/speed")
            assert (answer.status_code, answer.json()) == (200, {"delay_ms": 10})
        async with asyncio.timeout(2):
            await work
        assert (await client.get("/speed")).json() == {"delay_ms": 10}


@pytest.mark.parametrize(
    "body", [{"delay_ms": -1}, {"delay_ms": 60_001}, {"delay_ms": "fast"}, {"delay_ms": None}, {}, {"delay": 5}, []]
)
async def test_a_speed_that_makes_no_sense_changes_nothing(calling: Calling, body: object) -> None:
    """Refused with 422."""
    pace = Pace(10)
    app = FastAPI()
    app.include_router(routes(pace))
    async with calling(app) as client:
        assert (await client.put("/speed", json=body)).status_code == 422
    assert pace.delay_ms == 10
