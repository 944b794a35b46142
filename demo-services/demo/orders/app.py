"""Takes an order, puts it into Kafka, and only then says that it is taken."""

import uuid
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, FastAPI, Header, HTTPException
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, ConfigDict, Field

from demo.events import OrderPlaced
from demo.kafka import Kafka
from demo.orders.settings import OrdersSettings
from demo.producer import RETRY_AFTER, NotTaken, Producer, Topic
from demo.service import service


class Order(BaseModel):
    """The body of POST /orders."""

    model_config = ConfigDict(extra="forbid")

    item: Annotated[str, Field(min_length=1, max_length=100)]
    quantity: Annotated[int, Field(ge=1, le=1000)]


class Taken(BaseModel):
    """The order is kept and will be invoiced."""

    order_id: str


def application(settings: OrdersSettings, tracing: TracerProvider) -> FastAPI:
    """Put the service together."""
    registry = CollectorRegistry()
    producer = Producer(Kafka(settings.kafka, settings.topic), tracing, registry)
    app = service("orders", registry, tracing, lambda: producer.problem, producer.running)
    app.include_router(routes(producer))
    return app


def routes(topic: Topic) -> APIRouter:
    """POST /orders."""
    router = APIRouter()

    @router.post("/orders", status_code=202)
    async def place(
        order: Order, x_client_id: Annotated[str, Header(min_length=1, max_length=128)] = "anonymous"
    ) -> Taken:
        """Take an order of the client that the gateway names; 503 when Kafka does not take it in time."""
        placed = OrderPlaced(
            order_id=str(uuid.uuid4()),
            client=x_client_id,
            item=order.item,
            quantity=order.quantity,
            placed_at=datetime.now(UTC),
        )
        try:
            await topic.send(placed.model_dump_json().encode(), key=x_client_id.encode())
        except NotTaken as error:
            raise HTTPException(503, str(error), RETRY_AFTER) from error
        return Taken(order_id=placed.order_id)

    return router
