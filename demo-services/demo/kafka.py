"""Whether Kafka answers, and the topic that a service needs there."""

import asyncio
from dataclasses import dataclass

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

log = structlog.get_logger()

PARTITIONS = 3
LOOK_EVERY = 5.0
"""Seconds between two looks at a Kafka that answers: one small metadata request."""
RETRY_EVERY = 1.0
"""Seconds between two tries while it does not."""
TIMEOUT = 3.0
"""Seconds that Kafka has for one answer."""


@dataclass(frozen=True)
class Position:
    """Where a record lies in its topic."""

    partition: int
    offset: int


class Kafka:
    """Asks Kafka at `address` (``host:port``) for ever whether it answers, and makes `topic` when it is missing.

    The brokers of this stack make no topic by themselves, and no service needs to be started before another: each
    makes the topic that it needs. `problem` is one line for people, None while all is well; `answers` is set then.
    A change of that state is logged once; a retry is not.
    """

    def __init__(self, address: str, topic: str) -> None:
        """Know nothing yet."""
        self.address = address
        self.topic = topic
        self.problem: str | None = f"Kafka at {address} has not answered yet"
        self.answers = asyncio.Event()
        self._told = False

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self._look_while_it_answers()
            # aiokafka's admin client also raises AttributeError, while no controller is known
            except Exception as error:
                self._lost(error)
            await asyncio.sleep(RETRY_EVERY)

    async def _look_while_it_answers(self) -> None:
        # A new client for each spell: after an outage the name in the address may stand for another machine.
        admin = AIOKafkaAdminClient(bootstrap_servers=self.address, request_timeout_ms=int(TIMEOUT * 1000))
        try:
            await admin.start()
            while True:
                async with asyncio.timeout(TIMEOUT):
                    await self._ensure_topic(admin)
                self._found()
                await asyncio.sleep(LOOK_EVERY)
        finally:
            await admin.close()

    async def _ensure_topic(self, admin: AIOKafkaAdminClient) -> None:
        if self.topic in await admin.list_topics():
            return
        answer = await admin.create_topics([NewTopic(self.topic, num_partitions=PARTITIONS, replication_factor=1)])
        error = for_code(answer.topic_errors[0][1])
        if error.errno not in (0, TopicAlreadyExistsError.errno):
            raise error(f"topic {self.topic} could not be made: {error.description}")

    def _found(self) -> None:
        if self.problem is not None:
            log.info("Kafka answers", kafka=self.address, topic=self.topic)
        self.problem = None
        self._told = False
        self.answers.set()

    def _lost(self, error: Exception) -> None:
        if self.problem is None:
            self.problem = f"Kafka at {self.address} does not answer any more"
        if not self._told:
            log.warning("Kafka does not answer", kafka=self.address, error=str(error) or type(error).__name__)
        self._told = True
        self.answers.clear()
