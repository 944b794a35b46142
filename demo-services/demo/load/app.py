"""The load generator as a process of the stack: the base scenario for ever, and HTTP to play another."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Self

import structlog
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import PlainTextResponse, Response
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client.exposition import choose_encoder
from pydantic import BaseModel, ConfigDict, model_validator

from demo.access import BodyLimit
from demo.load.director import Director
from demo.load.faults import Faults
from demo.load.gateway import Gateway
from demo.load.generator import Generator, Result
from demo.load.metrics import Metrics
from demo.load.scenario import Scenario, shipped
from demo.load.watch import Watch
from demo.telemetry import tracing
from process import log
from process.command import run
from process.serve import serve
from process.settings import Address, BaseUrl, Settings

logger = structlog.get_logger()

TAKEOVER_SECONDS = 3.0
"""How long a switch waits for the old faults to be undone and the new ones set before it answers."""


class LoadSettings(Settings):
    """Where the control listens, what gateway is asked, and where faults are ordered (service name -> base URL)."""

    listen: Address
    gateway: BaseUrl
    services: dict[str, BaseUrl]
    base: str = "steady"

    @model_validator(mode="after")
    def _playable(self) -> Self:
        scenarios = shipped()
        if self.base not in scenarios:
            raise ValueError(f"base: no scenario {self.base!r}; there are {', '.join(scenarios)}")
        needed = {fault.service for scenario in scenarios.values() for fault in scenario.faults}
        if missing := sorted(needed - self.services.keys()):
            raise ValueError(f"services: {', '.join(missing)} missing; scenarios break it, so its URL is needed")
        return self


class Wanted(BaseModel):
    """The body of PUT /scenario."""

    model_config = ConfigDict(extra="forbid")

    name: str


class Listed(BaseModel):
    """A scenario as a person chooses it."""

    name: str
    title: str
    description: str


class State(BaseModel):
    """What plays; `remaining_seconds` is null for ever. `fault_errors`: what could not be broken or mended, and why."""

    current: str
    since: datetime
    remaining_seconds: float | None
    scenarios: list[Listed]
    fault_errors: list[str]


def application(settings: LoadSettings, provider: TracerProvider) -> FastAPI:
    """Put the process together."""
    scenarios = shipped()
    metrics, watch = Metrics(lambda: generator.in_flight, scenarios), Watch()

    def record(result: Result) -> None:
        metrics.record(result)
        watch.record(result)

    gateway = Gateway(settings.gateway, record, provider.get_tracer("demo.load"))
    generator = Generator(gateway.send, record)
    # a process that was killed in the middle of a scenario could not undo it: this one begins with that
    faults = Faults(settings.services, owed=[fault for scenario in scenarios.values() for fault in scenario.faults])
    director = Director(scenarios, settings.base, generator, faults, announce=metrics.playing)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.tasks = [asyncio.create_task(director.run()), asyncio.create_task(faults.keep())]
        yield
        for task in app.state.tasks:
            task.cancel()
        await asyncio.gather(*app.state.tasks, return_exceptions=True)
        await faults.release()
        for fault, problem in faults.problems.items():
            logger.warning("fault not undone", fault=str(fault), problem=problem)
        await generator.drain(0)
        await faults.close()
        await gateway.close()
        provider.shutdown()

    app = FastAPI(title="Bongsu demo: load", lifespan=lifespan)
    app.add_middleware(BodyLimit)
    _control(app, director, faults, scenarios)
    _observe(app, gateway, metrics)
    return app


def _control(app: FastAPI, director: Director, faults: Faults, scenarios: Mapping[str, Scenario]) -> None:
    listed = [Listed(name=one.name, title=one.title, description=one.description) for one in scenarios.values()]

    def state() -> State:
        playing = director.playing
        problems = [f"{fault}: {problem}" for fault, problem in faults.problems.items()]
        return State(
            current=playing.scenario.name,
            since=playing.since,
            remaining_seconds=director.remaining,
            scenarios=listed,
            fault_errors=problems,
        )

    @app.get("/scenario")
    async def read() -> State:
        """What plays now, and what could."""
        return state()

    @app.put("/scenario")
    async def play(wanted: Wanted) -> State:
        """Play a scenario from now on, or the same one anew; 404 lists the names."""
        if wanted.name not in scenarios:
            raise HTTPException(404, f"no scenario {wanted.name!r}; there are {', '.join(scenarios)}")
        director.play(wanted.name)
        await faults.settled(TAKEOVER_SECONDS)
        return state()

    @app.delete("/scenario")
    async def stop() -> State:
        """Back to the base scenario."""
        director.play(None)
        await faults.settled(TAKEOVER_SECONDS)
        return state()


def _observe(app: FastAPI, gateway: Gateway, metrics: Metrics) -> None:
    @app.get("/metrics")
    async def exposition(request: Request) -> Response:
        """The generator's counters, for Prometheus."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(metrics.registry), media_type=content_type)

    @app.get("/-/healthy")
    async def healthy() -> PlainTextResponse:
        """200 while arrivals are made and faults are kept."""
        ended = [task for task in app.state.tasks if task.done()]
        return PlainTextResponse(
            "the load has ended by a mistake; see the log\n" if ended else "load is running.\n", 503 if ended else 200
        )

    @app.get("/-/ready")
    async def ready() -> PlainTextResponse:
        """200 when the gateway answered last, whatever it answered; else 503 and why it did not."""
        if gateway.problem:
            return PlainTextResponse(f"no answer from {gateway.url}: {gateway.problem}\n", 503)
        return PlainTextResponse("load is ready.\n")


def start(settings: LoadSettings) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    log.configure("load")
    serve(application(settings, tracing("load", os.environ)), settings.listen)


def main(argv: Sequence[str]) -> int:
    """Run the command line of the process and return its exit code."""
    return run("demo.load", LoadSettings, start, argv)
