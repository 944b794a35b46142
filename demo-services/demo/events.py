"""What travels through Kafka: one JSON object a record, made by one service and read by another.

A reader ignores keys that it does not know, so a newer writer does not stop an older reader.
"""

from pydantic import AwareDatetime, BaseModel, ConfigDict


class OrderPlaced(BaseModel):
    """A record of topic ``orders``; its key is the client, so one client's orders keep their order."""

    model_config = ConfigDict(frozen=True)

    order_id: str
    client: str
    item: str
    quantity: int
    placed_at: AwareDatetime


class QuestionAsked(BaseModel):
    """A record of topic ``questions``; it has no key, so questions spread over the partitions."""

    model_config = ConfigDict(frozen=True)

    client: str
    question: str
    asked_at: AwareDatetime
