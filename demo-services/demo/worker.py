"""Works off a topic as a member of a consumer group, one record at a time.

Delivery is at least once: a record's offset is committed after its work is done. Whoever stops in between, or loses
the partition to another member, leaves the record to be worked off again, so the work must bear a second time.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind
from prometheus_client import CollectorRegistry, Counter, Histogram
from pydantic import BaseModel, ValidationError

from demo import telemetry
from demo.kafka import RETRY_EVERY, Kafka, Position
from demo.pace import Pace

log = structlog.get_logger()

MessageT = TypeVar("MessageT", bound=BaseModel)

LABELS = ("messaging_destination_name", "messaging_consumer_group_name")
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
STOP_WITHIN = 3.0
"""Seconds for the record in hand at a stop, and again for leaving the group: Kafka may be down just then."""
POSITION_WITHIN = 1.0
"""Seconds to learn where a partition, just assigned, goes on."""


class Worker(Generic[MessageT]):
    """Hands each record of `kafka.topic` to `work(position, message)`, `pace` after it came.

    A record that is not a `message` is counted, logged and passed over: it never blocks those behind it.
    """

    def __init__(
        self,
        kafka: Kafka,
        group: str,
        message: type[MessageT],
        work: Callable[[Position, MessageT], None],
        pace: Pace,
        tracing: TracerProvider,
        registry: CollectorRegistry,
    ) -> None:
        """Connect later, in `running`."""
        self.group = group
        self._kafka = kafka
        self._message = message
        self._work = work
        self._pace = pace
        self._tracer = tracing.get_tracer("demo.worker")
        self._consumer: AIOKafkaConsumer | None = None
        self._membership = Membership()
        self._in_hand: ConsumerRecord[bytes, bytes] | None = None
        self._stopping = False
        self._error = ""
        # OpenTelemetry's messaging.client.consumed.messages and messaging.process.duration in Prometheus form.
        self._consumed = Counter(
            "messaging_client_consumed_messages",
            "Records taken from Kafka; error_type is empty for those that were worked off.",
            (*LABELS, "error_type"),
            registry=registry,
        )
        self._duration = Histogram(
            "messaging_process_duration_seconds",
            "Duration of the work on one record.",
            LABELS,
            buckets=BUCKETS,
            registry=registry,
        ).labels(kafka.topic, group)

    @property
    def problem(self) -> str | None:
        """Why no record is worked off now, or None."""
        if self._kafka.problem or self._membership.joined:
            return self._kafka.problem
        return f"has not joined group {self.group} yet{f': {self._error}' if self._error else ''}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Sequence[asyncio.Task[None]]]:
        """Work until the end of the block; then finish the record in hand, commit it and leave the group.

        Gives the tasks that do it.
        """
        async with asyncio.TaskGroup() as tasks:
            watching, working = tasks.create_task(self._kafka.watch()), tasks.create_task(self._run())
            yield watching, working
            self._stopping = True
            self._pace.change(0)
            if self._in_hand:
                await asyncio.wait({working}, timeout=STOP_WITHIN)
            working.cancel()
            watching.cancel()

    async def next_offset(self, partition: int) -> int | None:
        """Offset of the first record of `partition` that is not worked off, or None when this member can't tell."""
        place = TopicPartition(self._kafka.topic, partition)
        if self._consumer is None or place not in self._consumer.assignment():
            return None
        if self._in_hand and self._in_hand.partition == partition:
            return int(self._in_hand.offset)
        try:
            async with asyncio.timeout(POSITION_WITHIN):
                return int(await self._consumer.position(place))
        except (TimeoutError, KafkaError):
            return None

    async def work_off(self, record: ConsumerRecord[bytes, bytes]) -> None:
        """Do the work of one record, inside a span that continues its sender's trace."""
        now = asyncio.get_running_loop().time
        started = now()
        with self._tracer.start_as_current_span(
            f"process {record.topic}",
            context=telemetry.from_headers(record.headers),
            kind=SpanKind.CONSUMER,
            attributes={
                "messaging.system": "kafka",
                "messaging.destination.name": record.topic,
                "messaging.consumer.group.name": self.group,
                "messaging.destination.partition.id": str(record.partition),
                "messaging.kafka.offset": record.offset,
            },
        ):
            error_type = await self._handle(record)
            seconds = now() - started
            log.info(
                "record",
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                status=error_type or "done",
                seconds=round(seconds, 4),
            )
        self._consumed.labels(record.topic, self.group, error_type).inc()
        self._duration.observe(seconds)

    async def _handle(self, record: ConsumerRecord[bytes, bytes]) -> str:
        try:
            message = self._message.model_validate_json(record.value or b"")
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in problem["loc"])
            log.warning("record can't be decoded", offset=record.offset, error=f"{place}: {problem['msg']}")
            return "undecodable"
        await self._pace.work()
        self._work(Position(record.partition, record.offset), message)
        return ""

    async def _run(self) -> None:
        while not self._stopping:
            await self._kafka.answers.wait()
            try:
                await self._be_a_member()
            except KafkaError as error:
                self._failed(str(error) or type(error).__name__)
            except Exception:  # whatever it was, the next membership starts from what is committed
                log.exception("worker failed", group=self.group)
            await asyncio.sleep(RETRY_EVERY)

    def _failed(self, error: str) -> None:
        if error != self._error:
            log.warning("no place in the group", group=self.group, error=error)
        self._error = error

    async def _be_a_member(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._kafka.address,
            group_id=self.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            # Heartbeats go on while a record is worked on. Kafka waits `session` for a member that died without a
            # word, and `max_poll` for one that hangs: one record takes 60 s at most, and records are taken singly.
            session_timeout_ms=10_000,
            heartbeat_interval_ms=3_000,
            max_poll_interval_ms=120_000,
            # An idle consumer asks twice a second. Longer would save little and cost latency: while one such
            # request waits at the broker, aiokafka asks that broker for no other partition.
            fetch_max_wait_ms=500,
            # New partitions of the topic are found within half a minute.
            metadata_max_age_ms=30_000,
        )
        consumer.subscribe([self._kafka.topic], listener=self._membership)
        self._consumer = consumer
        try:
            await consumer.start()
            self._error = ""
            while not self._stopping:
                await self._take_one(consumer)
        finally:
            self._consumer = None
            self._membership.joined = False
            async with asyncio.timeout(STOP_WITHIN):
                await consumer.stop()

    async def _take_one(self, consumer: AIOKafkaConsumer) -> None:
        record = await consumer.getone()
        self._in_hand = record
        try:
            await self.work_off(record)
            await consumer.commit({TopicPartition(record.topic, record.partition): record.offset + 1})
        except (CommitFailedError, IllegalStateError):
            log.info("record went to another member", partition=record.partition, offset=record.offset)
        finally:
            self._in_hand = None


class Membership(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Whether the group has given this member its partitions."""

    def __init__(self) -> None:
        """Not a member yet."""
        self.joined = False

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """The group shares out anew."""
        self.joined = False

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """The group has shared out; `assigned` is empty for a member too many."""
        self.joined = True
        log.info("partitions", assigned=sorted(place.partition for place in assigned))
