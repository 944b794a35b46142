"""Makes an invoice of each order; how long one takes can be changed while it works."""

from collections import OrderedDict
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry
from pydantic import AwareDatetime, BaseModel

from demo import pace
from demo.billing.settings import BillingSettings
from demo.events import OrderPlaced
from demo.kafka import Kafka, Position
from demo.service import service
from demo.worker import Worker

KEPT = 200
"""Invoices in memory; the oldest go first."""

PRICE = 12_000
"""Won for one of anything: every item of the demo costs the same."""


class Invoice(BaseModel):
    """What a client owes for an order; `amount` is in won."""

    order_id: str
    client: str
    item: str
    quantity: int
    amount: int
    invoiced_at: AwareDatetime


class Invoices:
    """The last KEPT invoices, one for each order: an order that comes twice is invoiced once."""

    def __init__(self) -> None:
        """None yet."""
        self._kept: OrderedDict[str, Invoice] = OrderedDict()

    def add(self, _: Position, order: OrderPlaced) -> None:
        """Invoice `order` unless its invoice is here."""
        if order.order_id in self._kept:
            return
        self._kept[order.order_id] = Invoice(
            order_id=order.order_id,
            client=order.client,
            item=order.item,
            quantity=order.quantity,
            amount=order.quantity * PRICE,
            invoiced_at=datetime.now(UTC),
        )
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def last(self, limit: int) -> list[Invoice]:
        """Up to `limit` invoices, newest first."""
        return [invoice for invoice, _ in zip(reversed(self._kept.values()), range(limit), strict=False)]


def application(settings: BillingSettings, tracing: TracerProvider) -> FastAPI:
    """Put the service together."""
    registry = CollectorRegistry()
    invoices, speed = Invoices(), pace.Pace(settings.delay_ms)
    kafka = Kafka(settings.kafka, settings.topic)
    worker = Worker(kafka, settings.group, OrderPlaced, invoices.add, speed, tracing, registry)
    app = service("billing", registry, tracing, lambda: worker.problem, worker.running)
    app.include_router(pace.routes(speed))
    app.include_router(routes(invoices))
    return app


def routes(invoices: Invoices) -> APIRouter:
    """GET /invoices."""
    router = APIRouter()

    @router.get("/invoices")
    async def last(limit: Annotated[int, Query(ge=1, le=KEPT)] = 20) -> list[Invoice]:
        """The last invoices, newest first."""
        return invoices.last(limit)

    return router
