"""Invoices: one for each order, the last ones kept."""

from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest
from fastapi import FastAPI

from demo.billing.app import KEPT, Invoices, routes
from demo.events import OrderPlaced
from demo.kafka import Position

Calling = Callable[[FastAPI], httpx.AsyncClient]


def order(number: int) -> OrderPlaced:
    return OrderPlaced(
        order_id=f"order-{number}",
        client="alice",
        item="tea",
        quantity=number,
        placed_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def serving(invoices: Invoices) -> FastAPI:
    app = FastAPI()
    app.include_router(routes(invoices))
    return app


async def test_an_invoice_holds_its_order_and_the_amount(calling: Calling) -> None:
    """Quantity times the one price, in won."""
    invoices = Invoices()
    invoices.add(Position(0, 0), order(3))
    async with calling(serving(invoices)) as client:
        (invoice,) = (await client.get("/invoices")).json()
    assert datetime.fromisoformat(invoice.pop("invoiced_at")).tzinfo is not None
    assert invoice == {"order_id": "order-3", "client": "alice", "item": "tea", "quantity": 3, "amount": 36_000}


async def test_the_newest_come_first(calling: Calling) -> None:
    """`limit` of them, 20 when not said."""
    invoices = Invoices()
    for number in range(1, 31):
        invoices.add(Position(0, number), order(number))
    async with calling(serving(invoices)) as client:
        assert [each["quantity"] for each in (await client.get("/invoices?limit=3")).json()] == [30, 29, 28]
        assert len((await client.get("/invoices")).json()) == 20


def test_an_order_that_comes_again_is_invoiced_once() -> None:
    """Delivery is at least once; the first invoice stays."""
    invoices = Invoices()
    invoices.add(Position(0, 0), order(1))
    (first,) = invoices.last(KEPT)
    invoices.add(Position(0, 0), order(1))
    assert invoices.last(KEPT) == [first]


def test_memory_is_bounded() -> None:
    """The oldest go first."""
    invoices = Invoices()
    for number in range(1, KEPT + 11):
        invoices.add(Position(0, number), order(number))
    kept = invoices.last(KEPT + 10)
    assert len(kept) == KEPT
    assert kept[-1].order_id == "order-11"


@pytest.mark.parametrize("limit", ["0", str(KEPT + 1), "-1", "all"])
async def test_a_limit_that_makes_no_sense_is_422(calling: Calling, limit: str) -> None:
    """Between 1 and what is kept."""
    async with calling(serving(Invoices())) as client:
        assert (await client.get(f"/invoices?limit={limit}")).status_code == 422
