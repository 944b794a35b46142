"""An id that waits, one that is answered, one that is forgotten and one that never was."""

from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest
from fastapi import FastAPI

from demo import ticket
from demo.answers.app import KEPT, Answers, routes
from demo.events import QuestionAsked
from demo.kafka import Position

Calling = Callable[[FastAPI], httpx.AsyncClient]

SECRET = b"a secret of the test"


def asked(question: str) -> QuestionAsked:
    return QuestionAsked(client="alice", question=question, asked_at=datetime(2026, 1, 1, tzinfo=UTC))


def serving(answers: Answers, next_offset: int | None) -> FastAPI:
    async def of_partition(partition: int) -> int | None:
        return next_offset

    app = FastAPI()
    app.include_router(routes(answers, of_partition, SECRET))
    return app


@pytest.mark.parametrize(
    ("offset", "next_offset", "status", "word"),
    [
        (5, 7, 200, "answered"),
        (5, None, 200, "answered"),
        (7, 7, 200, "pending"),
        (900, 7, 200, "pending"),
        (4, 7, 404, "answered earlier, but the answer is no longer kept"),
        (7, None, 503, "not known now: this service has no place in its group yet"),
    ],
)
async def test_what_an_issued_id_gets(
    calling: Calling, offset: int, next_offset: int | None, status: int, word: str
) -> None:
    """Offset 5 is answered and kept; what is before `next_offset` was worked off."""
    answers = Answers()
    answers.add(Position(1, 5), asked("what is a lag?"))
    name = ticket.issue(SECRET, Position(1, offset))
    async with calling(serving(answers, next_offset)) as client:
        answer = await client.get(f"/answers/{name}")
    assert answer.status_code == status
    assert answer.json().get("status", answer.json().get("detail")) == word
    if word == "answered":
        assert answer.json()["question"] == "what is a lag?"
        assert "4 words" in answer.json()["answer"]


@pytest.mark.parametrize("name", ["7", "1-7-0123456789abcdef", "1-7-", "x" * 3000, "%00", "무엇"])
async def test_an_id_that_was_never_given_out_is_404(calling: Calling, name: str) -> None:
    """Without asking Kafka."""
    async with calling(serving(Answers(), None)) as client:
        answer = await client.get(f"/answers/{name}")
    assert (answer.status_code, answer.json()) == (404, {"detail": "no question has this id"})


def test_memory_is_bounded() -> None:
    """The oldest go first."""
    answers = Answers()
    for offset in range(KEPT + 1):
        answers.add(Position(0, offset), asked("why?"))
    assert answers.get(Position(0, 0)) is None
    assert answers.get(Position(0, 1)) is not None
