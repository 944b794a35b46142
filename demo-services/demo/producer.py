"""Writes a service's records into its topic, and says in time when Kafka does not take them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind
from prometheus_client import CollectorRegistry, Counter

from demo import telemetry
from demo.kafka import RETRY_EVERY, Kafka, Position

log = structlog.get_logger()

DEADLINE = 3.0
"""Seconds that Kafka has to take a record, before the record is given up and its sender told so."""

RETRY_AFTER = {"Retry-After": "2"}
"""Header of a 503: seconds after which asking again is worth while."""


class NotTaken(Exception):
    """Kafka did not say in time that it has the record; it may have it all the same. Trying again is right."""


class Topic(Protocol):
    """Where a service's HTTP side puts records: Kafka in the stack, a list in tests."""

    async def send(self, value: bytes, key: bytes | None = None) -> Position:
        """Return where the record lies once it is kept; raise NotTaken otherwise."""
        ...


class Producer:
    """A Topic in Kafka: every record is kept by all in-sync replicas before `send` returns."""

    def __init__(self, kafka: Kafka, tracing: TracerProvider, registry: CollectorRegistry) -> None:
        """Connect later, in `running`."""
        self._kafka = kafka
        self._tracer = tracing.get_tracer("demo.producer")
        self._client: AIOKafkaProducer | None = None
        self._failed = asyncio.Event()
        # OpenTelemetry's messaging.client.sent.messages in Prometheus form.
        self._sent = Counter(
            "messaging_client_sent_messages",
            "Records that Kafka was asked to keep; error_type is empty for those that it took.",
            ("messaging_destination_name", "error_type"),
            registry=registry,
        )

    @property
    def problem(self) -> str | None:
        """Why a record can't be sent now, or None."""
        return self._kafka.problem or (None if self._client else f"a connection to {self._kafka.address} is being made")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Sequence[asyncio.Task[None]]]:
        """Connect, and connect anew when a send has failed; on the way out, flush. Gives the tasks that do it."""
        async with asyncio.TaskGroup() as tasks:
            jobs = [tasks.create_task(self._kafka.watch()), tasks.create_task(self._connect())]
            yield jobs
            for job in jobs:
                job.cancel()

    async def send(self, value: bytes, key: bytes | None = None) -> Position:
        """Send one record with the trace of the caller; raise NotTaken at once while Kafka is known to be down."""
        topic = self._kafka.topic
        client = self._client
        if client is None or self.problem:
            self._sent.labels(topic, "unavailable").inc()
            raise NotTaken(self.problem)
        attributes = {"messaging.system": "kafka", "messaging.destination.name": topic}
        with self._tracer.start_as_current_span(f"send {topic}", kind=SpanKind.PRODUCER, attributes=attributes):
            try:
                taken = await client.send_and_wait(topic, value, key, headers=telemetry.to_headers())
            except KafkaError as error:
                self._failed.set()
                self._sent.labels(topic, type(error).__name__).inc()
                raise NotTaken(f"Kafka at {self._kafka.address} did not take the record in {DEADLINE:g} s") from error
        self._sent.labels(topic, "").inc()
        return Position(taken.partition, taken.offset)

    async def _connect(self) -> None:
        while True:
            await self._kafka.answers.wait()
            try:
                await self._stay_connected()
            except KafkaError:
                pass  # `problem` says so meanwhile, and `demo.kafka` logs what is behind it
            except Exception:  # whatever it was, the next connection starts afresh
                log.exception("producer failed")
            await asyncio.sleep(RETRY_EVERY)

    async def _stay_connected(self) -> None:
        self._failed.clear()
        # request_timeout_ms also bounds how long aiokafka keeps a record for a broker that does not answer, so a
        # record that was answered with NotTaken is not sent minutes later.
        client = AIOKafkaProducer(
            bootstrap_servers=self._kafka.address, acks="all", request_timeout_ms=int(DEADLINE * 1000)
        )
        try:
            await client.start()
            self._client = client
            await self._failed.wait()
        finally:
            self._client = None
            await client.stop()
