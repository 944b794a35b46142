"""orders and questions say "taken" once Kafka has the record, and 503 when it has not."""

import json
import socket
from collections.abc import Callable
from datetime import datetime

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider

from demo import orders, questions, ticket
from demo.kafka import Position
from demo.orders.app import application as orders_application
from demo.orders.app import routes as orders_routes
from demo.orders.settings import OrdersSettings
from demo.producer import NotTaken
from demo.questions.app import application as questions_application
from demo.questions.app import routes as questions_routes
from demo.questions.settings import QuestionsSettings

Calling = Callable[[FastAPI], httpx.AsyncClient]

SECRET = b"a secret of the test"


class Kept:
    """A topic in memory: every record lies in partition 1, from offset 7 on."""

    def __init__(self) -> None:
        self.records: list[tuple[bytes | None, bytes]] = []

    async def send(self, value: bytes, key: bytes | None = None) -> Position:
        self.records.append((key, value))
        return Position(1, 6 + len(self.records))


class Refusing:
    """A topic that keeps nothing."""

    async def send(self, value: bytes, key: bytes | None = None) -> Position:
        raise NotTaken("Kafka is away")


def serving(router: object) -> FastAPI:
    app = FastAPI()
    app.include_router(router)
    return app


@pytest.mark.parametrize(("headers", "client_id"), [({"x-client-id": "alice"}, "alice"), ({}, "anonymous")])
async def test_an_order_is_a_record_of_its_client(calling: Calling, headers: dict[str, str], client_id: str) -> None:
    """The key is the client, so that one client's orders keep their order; the record holds the whole order."""
    topic = Kept()
    async with calling(serving(orders_routes(topic))) as client:
        answer = await client.post("/orders", json={"item": "tea", "quantity": 2}, headers=headers)
    assert answer.status_code == 202
    ((key, value),) = topic.records
    record = json.loads(value)
    assert key == client_id.encode()
    assert datetime.fromisoformat(record.pop("placed_at")).tzinfo is not None
    assert record == {"order_id": answer.json()["order_id"], "client": client_id, "item": "tea", "quantity": 2}


async def test_two_orders_have_two_ids(calling: Calling) -> None:
    """Also when they are the same."""
    async with calling(serving(orders_routes(Kept()))) as client:
        ids = {(await client.post("/orders", json={"item": "tea", "quantity": 2})).json()["order_id"] for _ in "12"}
    assert len(ids) == 2


async def test_the_id_of_a_question_says_where_it_lies(calling: Calling) -> None:
    """The answer's URL holds the id, which is the signed position of the record."""
    topic = Kept()
    async with calling(serving(questions_routes(topic, SECRET))) as client:
        answer = await client.post("/questions", json={"question": "무엇이 늦나?"})
    assert answer.status_code == 202
    name = answer.json()["id"]
    assert ticket.read(SECRET, name) == Position(1, 7)
    assert answer.json()["answer_url"] == f"/answers/{name}"
    assert json.loads(topic.records[0][1])["question"] == "무엇이 늦나?"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/orders", {"item": "tea", "quantity": 0}),
        ("/orders", {"item": "tea", "quantity": 1001}),
        ("/orders", {"item": "tea", "quantity": "many"}),
        ("/orders", {"item": "", "quantity": 1}),
        ("/orders", {"item": "t" * 101, "quantity": 1}),
        ("/orders", {"quantity": 1}),
        ("/orders", {"item": "tea", "quantity": 1, "price": 0}),
        ("/orders", []),
        ("/questions", {"question": ""}),
        ("/questions", {"question": "w" * 2001}),
        ("/questions", {"question": None}),
        ("/questions", {}),
    ],
)
async def test_what_is_no_order_or_question_never_reaches_kafka(calling: Calling, path: str, body: object) -> None:
    """422, and no record."""
    topic = Kept()
    app = serving(orders_routes(topic))
    app.include_router(questions_routes(topic, SECRET))
    async with calling(app) as client:
        assert (await client.post(path, json=body)).status_code == 422
    assert topic.records == []


@pytest.mark.parametrize(
    ("path", "body"), [("/orders", {"item": "tea", "quantity": 2}), ("/questions", {"question": "why?"})]
)
async def test_what_kafka_does_not_take_is_503(calling: Calling, path: str, body: object) -> None:
    """The answer says why, and when to try again."""
    app = serving(orders_routes(Refusing()))
    app.include_router(questions_routes(Refusing(), SECRET))
    async with calling(app) as client:
        answer = await client.post(path, json=body)
    assert (answer.status_code, answer.json()) == (503, {"detail": "Kafka is away"})
    assert int(answer.headers["retry-after"]) > 0


@pytest.fixture
def nowhere() -> str:
    """An address on loopback where nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("service", [orders, questions])
async def test_without_kafka_the_service_is_up_and_says_so(
    calling: Calling, tracing: TracerProvider, nowhere: str, service: object
) -> None:
    """Healthy, not ready, every POST 503 at once; it stops when asked to."""
    if service is orders:
        app, path, body = (
            orders_application(OrdersSettings(listen="127.0.0.1:1", kafka=nowhere), tracing),
            "/orders",
            {"item": "tea", "quantity": 2},
        )
    else:
        settings = QuestionsSettings(listen="127.0.0.1:1", kafka=nowhere, ticket_secret="a secret of the test")
        app, path, body = questions_application(settings, tracing), "/questions", {"question": "why?"}
    async with app.router.lifespan_context(app), calling(app) as client:
        assert (await client.get("/-/healthy")).status_code == 200
        ready = await client.get("/-/ready")
        assert (ready.status_code, ready.text) == (503, f"Kafka at {nowhere} has not answered yet.\n")
        answer = await client.post(path, json=body)
        assert answer.status_code == 503
        metrics = (await client.get("/metrics")).text
    topic = path.removeprefix("/")
    labels = f'{{error_type="unavailable",messaging_destination_name="{topic}"}}'
    assert f"messaging_client_sent_messages_total{labels} 1.0" in metrics
