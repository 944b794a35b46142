"""One answer for all pages."""

import asyncio

import pytest

from demo.console.shared import FRESH, Shared


class Question:
    """Counts how often it is put; the answer comes when the test lets it."""

    def __init__(self) -> None:
        self.asked = 0
        self.let = asyncio.Event()
        self.now = 0.0

    async def ask(self) -> int:
        self.asked += 1
        await self.let.wait()
        return self.asked


async def test_pages_that_ask_at_once_share_one_answer() -> None:
    """The question is put once while it is under way, and not again while its answer is fresh."""
    question = Question()
    shared = Shared(question.ask, lambda: question.now)
    pages = [asyncio.create_task(shared.get()) for _ in range(5)]
    await asyncio.sleep(0)
    question.let.set()
    assert await asyncio.gather(*pages) == [1] * 5
    question.now = FRESH - 0.1
    assert await shared.get() == 1
    question.now = FRESH
    assert await shared.get() == 2


async def test_a_page_that_closes_takes_nothing_away() -> None:
    """The one that asked goes before the answer is there: the next one gets it all the same."""
    question = Question()
    shared = Shared(question.ask, lambda: question.now)
    first, second = (asyncio.create_task(shared.get()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    question.let.set()
    assert await second == 1


async def test_what_was_changed_is_asked_anew() -> None:
    """A button was pressed: the answer of a moment ago is wrong."""
    question = Question()
    question.let.set()
    shared = Shared(question.ask, lambda: question.now)
    assert await shared.get() == 1
    shared.forget()
    assert await shared.get() == 2


async def test_an_answer_from_before_the_change_is_not_kept() -> None:
    """A button was pressed while the question was under way: who waits gets its answer, the next one asks."""
    question = Question()
    shared = Shared(question.ask, lambda: question.now)
    waiting = asyncio.create_task(shared.get())
    await asyncio.sleep(0)
    shared.forget()
    question.let.set()
    assert await waiting == 1
    assert await shared.get() == 2


async def test_each_question_has_its_own_answer() -> None:
    """And what goes wrong with one of them is shared by those who asked it, as long as an answer."""
    asked = []

    async def ask(number: int) -> float:
        asked.append(number)
        return 1 / number

    shared = Shared(ask, lambda: 0.0)
    for _ in range(2):
        assert await shared.get(2) == 0.5
        with pytest.raises(ZeroDivisionError):
            await shared.get(0)
    assert asked == [2, 0]
