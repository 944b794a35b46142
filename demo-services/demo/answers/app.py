"""Answers questions one by one, and tells apart an id that waits, one that is answered and one that never was."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Literal

from fastapi import APIRouter, FastAPI, HTTPException
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry
from pydantic import BaseModel

from demo import pace, ticket
from demo.answers.settings import AnswersSettings
from demo.events import QuestionAsked
from demo.kafka import Kafka, Position
from demo.producer import RETRY_AFTER
from demo.service import service
from demo.worker import Worker

KEPT = 1000
"""Answers in memory; the oldest go first."""


class Answer(BaseModel):
    """What became of a question; `question` and `answer` are null while it waits."""

    id: str
    status: Literal["pending", "answered"]
    question: str | None = None
    answer: str | None = None


class Answers:
    """The last KEPT answers, by the position of their question."""

    def __init__(self) -> None:
        """None yet."""
        self._kept: OrderedDict[Position, tuple[str, str]] = OrderedDict()

    def add(self, position: Position, asked: QuestionAsked) -> None:
        """Answer a question; the model is a made-up one that only counts."""
        words = len(asked.question.split())
        self._kept[position] = (asked.question, f"Your question has {words} words. A real model would say more.")
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def get(self, position: Position) -> tuple[str, str] | None:
        """Question and answer, when they are kept."""
        return self._kept.get(position)


def application(settings: AnswersSettings, tracing: TracerProvider) -> FastAPI:
    """Put the service together."""
    registry = CollectorRegistry()
    answers, speed = Answers(), pace.Pace(settings.delay_ms)
    kafka = Kafka(settings.kafka, settings.topic)
    worker = Worker(kafka, settings.group, QuestionAsked, answers.add, speed, tracing, registry)
    app = service("answers", registry, tracing, lambda: worker.problem, worker.running)
    app.include_router(pace.routes(speed))
    app.include_router(routes(answers, worker.next_offset, settings.ticket_secret.get_secret_value().encode()))
    return app


def routes(answers: Answers, next_offset: Callable[[int], Awaitable[int | None]], secret: bytes) -> APIRouter:
    """GET /answers/{id}; `next_offset(partition)` is the first offset not worked off, None when nobody can tell."""
    router = APIRouter()

    @router.get("/answers/{id}")
    async def read(id: str) -> Answer:
        """The answer, or that it is pending; 404 for an id that was never given out or whose answer is forgotten."""
        position = ticket.read(secret, id)
        if position is None:
            raise HTTPException(404, "no question has this id")
        first_waiting = await next_offset(position.partition)
        # Looked up after the await: the question may have been answered meanwhile.
        if kept := answers.get(position):
            return Answer(id=id, status="answered", question=kept[0], answer=kept[1])
        if first_waiting is None:
            raise HTTPException(503, "not known now: this service has no place in its group yet", RETRY_AFTER)
        if position.offset < first_waiting:
            raise HTTPException(404, "answered earlier, but the answer is no longer kept")
        return Answer(id=id, status="pending")

    return router
