"""Takes a question, puts it into Kafka, and says where its answer will be."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, FastAPI, Header, HTTPException
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, ConfigDict, Field

from demo import ticket
from demo.events import QuestionAsked
from demo.kafka import Kafka
from demo.producer import RETRY_AFTER, NotTaken, Producer, Topic
from demo.questions.settings import QuestionsSettings
from demo.service import service


class Question(BaseModel):
    """The body of POST /questions."""

    model_config = ConfigDict(extra="forbid")

    question: Annotated[str, Field(min_length=1, max_length=2000)]


class Taken(BaseModel):
    """The question is kept; ask `answer_url` until it is answered."""

    id: str
    answer_url: str


def application(settings: QuestionsSettings, tracing: TracerProvider) -> FastAPI:
    """Put the service together."""
    registry = CollectorRegistry()
    producer = Producer(Kafka(settings.kafka, settings.topic), tracing, registry)
    app = service("questions", registry, tracing, lambda: producer.problem, producer.running)
    app.include_router(routes(producer, settings.ticket_secret.get_secret_value().encode()))
    return app


def routes(topic: Topic, secret: bytes) -> APIRouter:
    """POST /questions; ids are signed with `secret`."""
    router = APIRouter()

    @router.post("/questions", status_code=202)
    async def ask(
        question: Question, x_client_id: Annotated[str, Header(min_length=1, max_length=128)] = "anonymous"
    ) -> Taken:
        """Take a question; 503 when Kafka does not take it in time."""
        asked = QuestionAsked(client=x_client_id, question=question.question, asked_at=datetime.now(UTC))
        try:
            position = await topic.send(asked.model_dump_json().encode())
        except NotTaken as error:
            raise HTTPException(503, str(error), RETRY_AFTER) from error
        name = ticket.issue(secret, position)
        return Taken(id=name, answer_url=f"/answers/{name}")

    return router
