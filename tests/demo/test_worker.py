"""The work on one record: in the sender's trace, counted, and never blocked by a record that is none."""

import asyncio
import socket
from collections.abc import Callable, Sequence

import httpx
import pytest
from aiokafka import ConsumerRecord
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from demo.billing.app import application
from demo.billing.settings import BillingSettings
from demo.events import OrderPlaced
from demo.kafka import Kafka, Position
from demo.pace import Pace
from demo.worker import Worker

ORDER = b'{"order_id": "o-1", "client": "alice", "item": "tea", "quantity": 2, "placed_at": "2026-01-01T00:00:00Z"}'


def record(value: bytes | None, headers: Sequence[tuple[str, bytes]] = ()) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord(
        topic="orders",
        partition=1,
        offset=7,
        timestamp=0,
        timestamp_type=0,
        key=None,
        value=value,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=len(value or b""),
        headers=tuple(headers),
    )


class Desk:
    """A worker without a broker, and what it worked off."""

    def __init__(self, tracing: TracerProvider, delay_ms: int = 0) -> None:
        self.done: list[tuple[Position, OrderPlaced]] = []
        self.registry = CollectorRegistry()
        self.pace = Pace(delay_ms)
        self.worker = Worker(
            Kafka("127.0.0.1:1", "orders"),
            "billing",
            OrderPlaced,
            lambda position, order: self.done.append((position, order)),
            self.pace,
            tracing,
            self.registry,
        )

    def consumed(self, error_type: str) -> float:
        labels = {
            "messaging_destination_name": "orders",
            "messaging_consumer_group_name": "billing",
            "error_type": error_type,
        }
        return self.registry.get_sample_value("messaging_client_consumed_messages_total", labels) or 0


async def test_a_record_is_worked_off_and_counted(tracing: TracerProvider) -> None:
    """The work gets the message and its position; one line tells the outcome."""
    desk = Desk(tracing)
    with capture_logs() as lines:
        await desk.worker.work_off(record(ORDER))
    ((position, order),) = desk.done
    assert (position, order.order_id, order.quantity) == (Position(1, 7), "o-1", 2)
    assert desk.consumed("") == 1
    (line,) = lines
    assert (line["event"], line["topic"], line["offset"], line["status"]) == ("record", "orders", 7, "done")


async def test_the_trace_of_the_sender_goes_on(tracing: TracerProvider, spans: InMemorySpanExporter) -> None:
    """The span of the work is a child of the span in the record's headers."""
    headers = [("traceparent", f"00-{'a' * 32}-{'b' * 16}-01".encode())]
    await Desk(tracing).worker.work_off(record(ORDER, headers))
    (span,) = spans.get_finished_spans()
    assert span.name == "process orders"
    assert f"{span.context.trace_id:032x}" == "a" * 32
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == "b" * 16


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (None, ": Invalid JSON: EOF while parsing a value at line 1 column 0"),
        (b"\xff\xfe", ": Invalid JSON: expected value at line 1 column 1"),
        (b"[]", ": Input should be an object"),
        (b'{"order_id": "o-1", "client": "alice", "item": "tea", "quantity": 2}', "placed_at: Field required"),
        (ORDER.replace(b"2026", b"yesterday "), "placed_at: Input should be a valid datetime"),
    ],
)
async def test_a_record_that_is_no_order_is_told_and_passed_over(
    tracing: TracerProvider, value: bytes | None, error: str
) -> None:
    """It is counted apart, one line says what is wrong, and the next record is worked off."""
    desk = Desk(tracing)
    with capture_logs() as lines:
        await desk.worker.work_off(record(value))
        await desk.worker.work_off(record(ORDER))
    assert (desk.consumed("undecodable"), desk.consumed("")) == (1, 1)
    assert len(desk.done) == 1
    assert lines[0]["event"] == "record can't be decoded"
    assert lines[0]["error"].startswith(error)
    assert [line["status"] for line in lines[1:]] == ["undecodable", "done"]


@given(value=st.none() | st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_stop_the_worker(tracing: TracerProvider, value: bytes | None) -> None:
    """Whatever lies in the topic is counted once, as done or as undecodable."""
    desk = Desk(tracing)
    with capture_logs():
        asyncio.run(desk.worker.work_off(record(value)))
    assert desk.consumed("undecodable") + desk.consumed("") == 1


async def test_work_ends_when_the_speed_changes(tracing: TracerProvider) -> None:
    """A minute's work in hand is done at once when the delay goes to 0."""
    desk = Desk(tracing, delay_ms=60_000)
    work = asyncio.create_task(desk.worker.work_off(record(ORDER)))
    await asyncio.sleep(0)
    assert desk.done == []
    desk.pace.change(0)
    async with asyncio.timeout(2):
        await work
    assert len(desk.done) == 1


async def test_without_kafka_billing_is_up_and_says_so(
    calling: Callable[[FastAPI], httpx.AsyncClient], tracing: TracerProvider
) -> None:
    """Healthy, not ready with the reason, and it stops when asked to."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        nowhere = f"127.0.0.1:{listener.getsockname()[1]}"
    app = application(BillingSettings(listen="127.0.0.1:1", kafka=nowhere), tracing)
    async with asyncio.timeout(10), app.router.lifespan_context(app), calling(app) as client:
        assert (await client.get("/-/healthy")).status_code == 200
        ready = await client.get("/-/ready")
        assert (ready.status_code, ready.text) == (503, f"Kafka at {nowhere} has not answered yet.\n")
        assert (await client.get("/invoices")).json() == []
