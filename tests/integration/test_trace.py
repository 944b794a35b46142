"""One trace from the gateway through HTTP and Kafka's headers to the worker."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from compose.native.stack import Stack


@dataclass
class Receiver:
    """An OTLP/HTTP receiver: which services took part in which trace."""

    port: int = 0
    services: dict[str, set[str]] = field(default_factory=dict)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: Request) -> Response:
        """POST /v1/traces, protobuf (https://opentelemetry.io/docs/specs/otlp/#otlphttp)."""
        message = ExportTraceServiceRequest.FromString(await request.body())
        for resource in message.resource_spans:
            name = next(a.value.string_value for a in resource.resource.attributes if a.key == "service.name")
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.services.setdefault(span.trace_id.hex(), set()).add(name)
        self.arrived.set()
        return Response(media_type="application/x-protobuf")


@pytest.fixture
async def receiver(serve: Callable[..., AbstractAsyncContextManager[int]]) -> AsyncIterator[Receiver]:
    """A receiver that listens."""
    found = Receiver()
    async with serve(Starlette(routes=[Route("/v1/traces", found.take, methods=["POST"])])) as port:
        found.port = port
        yield found


async def test_one_trace_from_the_gateway_to_the_worker(
    receiver: Receiver, parts: Callable[..., AbstractContextManager[Stack]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trace of an order, and of a question, holds the gateway's spans, the taker's, and the worker's."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{receiver.port}")
    names = ("kafka", "users", "orders", "billing", "questions", "answers", "envoy")
    running = parts(*names, otlp=f"127.0.0.1:{receiver.port}")
    stack = await asyncio.to_thread(running.__enter__)
    try:
        async with httpx.AsyncClient(base_url=f"http://{stack.book['edge']}", timeout=10) as client:
            login = await client.post("/login", json={"user": "alice", "password": "demo"})
            headers = {"authorization": f"Bearer {login.json()['access_token']}"}
            answer = await client.post("/orders", json={"item": "beacon", "quantity": 1}, headers=headers)
            assert answer.status_code == 202, answer.text
            answer = await client.post("/questions", json={"question": "what is a lag?"}, headers=headers)
            assert answer.status_code == 202, answer.text
        async with asyncio.timeout(60):
            for path in ({"edge", "orders", "billing"}, {"edge", "questions", "answers"}):
                while not any(path <= found for found in receiver.services.values()):
                    receiver.arrived.clear()
                    await receiver.arrived.wait()
    except TimeoutError:
        pytest.fail(f"a trace has not all three; seen: {sorted(map(sorted, receiver.services.values()))}")
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)
