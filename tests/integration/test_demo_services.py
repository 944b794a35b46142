"""The demo services with a real Kafka: orders become invoices, questions answers, and an outage passes."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from fastapi import FastAPI
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from demo.answers.app import application as answers_application
from demo.answers.settings import AnswersSettings
from demo.billing.app import application as billing_application
from demo.billing.settings import BillingSettings
from demo.orders.app import application as orders_application
from demo.orders.settings import OrdersSettings
from demo.questions.app import application as questions_application
from demo.questions.settings import QuestionsSettings

T = TypeVar("T")

LISTEN = "127.0.0.1:1"  # nothing listens: the applications are asked in this process
SECRET = "a secret of the test"
TRACE = "a" * 32
HEADERS = {"x-client-id": "alice", "traceparent": f"00-{TRACE}-{'b' * 16}-01"}
ORDER = {"item": "tea", "quantity": 2}


class Broker(Protocol):
    """What the fixture `kafka` gives."""

    bootstrap: str

    def stop(self) -> None: ...
    def start(self) -> None: ...


async def eventually(look: Callable[[], Awaitable[T]], good: Callable[[T], bool], seconds: float = 30) -> T:
    """Look again and again until what is seen is good."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not good(seen := await look()):
        assert asyncio.get_running_loop().time() < deadline, f"after {seconds:g} s still {seen!r}"
        await asyncio.sleep(0.1)
    return seen


class InHand(SpanProcessor):
    """Tells when a worker has a record in hand: that is when the span of its work begins."""

    def __init__(self) -> None:
        self._begun = asyncio.Event()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if span.name.startswith("process "):
            self._begun.set()

    async def wait(self) -> None:
        async with asyncio.timeout(30):
            await self._begun.wait()


@dataclass(frozen=True)
class World:
    """A topic of the test's own, and the services around it."""

    kafka: Broker
    topic: str
    tracing: TracerProvider
    spans: InMemorySpanExporter
    in_hand: InHand

    def orders(self) -> FastAPI:
        settings = OrdersSettings(listen=LISTEN, kafka=self.kafka.bootstrap, topic=self.topic)
        return orders_application(settings, self.tracing)

    def billing(self, delay_ms: int = 0) -> FastAPI:
        settings = BillingSettings(
            listen=LISTEN, kafka=self.kafka.bootstrap, topic=self.topic, group=self.topic, delay_ms=delay_ms
        )
        return billing_application(settings, self.tracing)

    def questions(self) -> FastAPI:
        settings = QuestionsSettings(listen=LISTEN, kafka=self.kafka.bootstrap, topic=self.topic, ticket_secret=SECRET)
        return questions_application(settings, self.tracing)

    def answers(self, delay_ms: int = 0) -> FastAPI:
        settings = AnswersSettings(
            listen=LISTEN,
            kafka=self.kafka.bootstrap,
            topic=self.topic,
            group=self.topic,
            delay_ms=delay_ms,
            ticket_secret=SECRET,
        )
        return answers_application(settings, self.tracing)

    async def committed(self) -> int:
        """Records that the group has worked off, by its committed offsets."""
        async with self._admin() as admin:
            offsets = await admin.list_consumer_group_offsets(self.topic)
        return sum(each.offset for each in offsets.values())

    async def members(self) -> int:
        """Members of the group now."""
        async with self._admin() as admin:
            (answer,) = await admin.describe_consumer_groups([self.topic])
        return len(answer.groups[0][5])

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()


@pytest.fixture
def world(kafka: Broker) -> World:
    """Nothing runs yet."""
    spans, in_hand, tracing = InMemorySpanExporter(), InHand(), TracerProvider(shutdown_on_exit=False)
    tracing.add_span_processor(SimpleSpanProcessor(spans))
    tracing.add_span_processor(in_hand)
    return World(kafka, f"demo-{uuid.uuid4()}", tracing, spans, in_hand)


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Run `app` until the end of the block, once it is ready."""
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client,
    ):
        await ready(client)
        yield client


async def ready(client: httpx.AsyncClient) -> None:
    await eventually(lambda: client.get("/-/ready"), lambda answer: answer.status_code == 200)


async def invoiced(billing: httpx.AsyncClient, count: int) -> list[str]:
    """Ids of the invoiced orders, once there are `count`."""
    answer = await eventually(lambda: billing.get("/invoices"), lambda answer: len(answer.json()) >= count)
    return [invoice["order_id"] for invoice in answer.json()]


async def test_an_order_is_invoiced_in_the_trace_of_its_request(world: World) -> None:
    """Whichever service starts first, the topic is there; POST, send and process are one trace."""
    async with running(world.billing()) as billing, running(world.orders()) as orders:
        answer = await orders.post("/orders", json=ORDER, headers=HEADERS)
        assert answer.status_code == 202, answer.text
        assert await invoiced(billing, 1) == [answer.json()["order_id"]]
        await eventually(world.committed, lambda count: count == 1)
    spans = {span.name for span in world.spans.get_finished_spans() if f"{span.context.trace_id:032x}" == TRACE}
    assert {"POST /orders", f"send {world.topic}", f"process {world.topic}"} <= spans


async def test_a_slow_billing_stands_still_until_it_is_freed(world: World) -> None:
    """Nothing is committed before its work is done; a new speed holds for the record in hand."""
    async with running(world.orders()) as orders, running(world.billing(delay_ms=60_000)) as billing:
        for _ in range(3):
            assert (await orders.post("/orders", json=ORDER, headers=HEADERS)).status_code == 202
        await world.in_hand.wait()
        assert (await billing.get("/invoices")).json() == []
        assert await world.committed() <= 0
        await billing.put("/speed", json={"delay_ms": 0})
        assert len(await invoiced(billing, 3)) == 3
        await eventually(world.committed, lambda count: count == 3)


async def test_a_stop_finishes_the_record_in_hand_and_leaves_at_once(world: World) -> None:
    """A minute's work is cut short, committed, and the group has no member when the service has stopped."""
    async with running(world.orders()) as orders:
        async with running(world.billing(delay_ms=60_000)):
            assert (await orders.post("/orders", json=ORDER)).status_code == 202
            await world.in_hand.wait()
            assert await world.members() == 1
            began = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - began < 3
        assert await world.members() == 0
        assert await world.committed() == 1


async def test_a_record_that_is_no_order_blocks_nothing(world: World) -> None:
    """What stands behind it in the same partition is invoiced, and the offsets pass both."""
    async with running(world.orders()) as orders, running(world.billing()) as billing:
        producer = AIOKafkaProducer(bootstrap_servers=world.kafka.bootstrap)
        await producer.start()
        try:
            for value in (b"\xff\x00 no order", None):
                await producer.send_and_wait(world.topic, value, key=b"alice", headers=[("traceparent", b"\xff")])
        finally:
            await producer.stop()
        await orders.post("/orders", json=ORDER, headers=HEADERS)
        assert len(await invoiced(billing, 1)) == 1
        await eventually(world.committed, lambda count: count == 3)


async def test_a_question_waits_is_answered_and_is_forgotten_at_a_restart(world: World) -> None:
    """200 pending, 200 answered, and 404 from a service that has never seen the answer."""
    async with running(world.questions()) as questions:
        async with running(world.answers(delay_ms=60_000)) as answers:
            urls = []
            for question in ("what is a lag?", "and a limit?"):
                taken = await questions.post("/questions", json={"question": question}, headers=HEADERS)
                urls.append(taken.json()["answer_url"])
            for url in urls:
                assert (await answers.get(url)).json()["status"] == "pending"
            await answers.put("/speed", json={"delay_ms": 0})
            for url in urls:
                await eventually(lambda url=url: answers.get(url), lambda answer: answer.json()["status"] == "answered")
            await eventually(world.committed, lambda count: count == 2)
        async with running(world.answers()) as answers:
            assert (await answers.get(urls[0])).status_code == 404


async def test_an_outage_of_kafka_passes(world: World) -> None:
    """503 while it lasts, with the reason; then everything goes on by itself and nothing that was taken is lost."""
    async with running(world.orders()) as orders, running(world.billing()) as billing:
        before = (await orders.post("/orders", json=ORDER)).json()["order_id"]
        await invoiced(billing, 1)
        await asyncio.to_thread(world.kafka.stop)
        try:
            refused = await orders.post("/orders", json=ORDER)
            assert refused.status_code == 503
            assert int(refused.headers["retry-after"]) > 0
            away = f"Kafka at {world.kafka.bootstrap} does not answer any more.\n"
            for client in (orders, billing):
                await eventually(lambda client=client: client.get("/-/ready"), lambda answer: answer.text == away)
            assert len((await billing.get("/invoices")).json()) == 1
        finally:
            await asyncio.to_thread(world.kafka.start)
        await ready(orders)
        await ready(billing)
        taken = await eventually(lambda: orders.post("/orders", json=ORDER), lambda answer: answer.status_code == 202)
        await eventually(
            lambda: billing.get("/invoices"), lambda it: it.json()[0]["order_id"] == taken.json()["order_id"]
        )
        assert before in await invoiced(billing, 2)


async def test_services_stop_while_kafka_is_away(world: World) -> None:
    """Also with a record in hand that can't be committed: in a few seconds, and it is worked off again later."""
    async with running(world.orders()) as orders:
        async with running(world.billing(delay_ms=60_000)):
            assert (await orders.post("/orders", json=ORDER)).status_code == 202
            await world.in_hand.wait()
            await asyncio.to_thread(world.kafka.stop)
            began = asyncio.get_running_loop().time()
        stopped = asyncio.get_running_loop().time() - began
        await asyncio.to_thread(world.kafka.start)
        await ready(orders)
        assert stopped < 8
    async with running(world.billing()) as billing:
        assert len(await invoiced(billing, 1)) == 1
