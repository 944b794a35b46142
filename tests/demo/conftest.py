"""A client of an application, and a trace that can be read."""

from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

Calling = Callable[[FastAPI], httpx.AsyncClient]


@pytest.fixture(scope="session")
def calling() -> Calling:
    """``async with calling(application) as client`` asks it without a network."""

    def client(application: FastAPI) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(application, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://service")

    return client


@pytest.fixture
def spans() -> InMemorySpanExporter:
    """Where the spans of `tracing` end."""
    return InMemorySpanExporter()


@pytest.fixture
def tracing(spans: InMemorySpanExporter) -> TracerProvider:
    """A provider whose ended spans are in `spans` at once."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return provider
