"""One trace from the webhook to Slack, through the store."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, format_span_id, format_trace_id

from alerting.app import make_app
from alerting.pace import Pace
from alerting.store import outbox

HOOK = "/api/v1/alertmanager"
FAST = Pace(gap=0.0, settle=0.02, first_wait=0.01, longest_wait=0.05)
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
async def traced(settings):
    """A router over HTTP, and the spans that it ends."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app = make_app(settings, lambda: datetime.now(UTC), FAST, provider.get_tracer("alerting"))
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://r") as client:
        yield client, exporter, app.state.pipeline
    provider.shutdown()


async def settled(pipeline):
    async with asyncio.timeout(10):
        while await pipeline.store.run(outbox.channels):
            await asyncio.sleep(0.01)


async def test_a_delivery_is_in_the_trace_of_the_webhook(traced, webhook_body, alert):
    """And that in the trace of its sender; from the store on, by what was kept there."""
    client, exporter, pipeline = traced
    headers = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
    await client.post(HOOK, content=webhook_body(alert("a")), headers=headers)
    await settled(pipeline)
    spans = {span.name: span for span in exporter.get_finished_spans()}
    received = spans[f"receive {HOOK}"]
    assert format_span_id(received.parent.span_id) == SPAN
    for name in ("deliver post", "deliver reply"):
        assert format_trace_id(spans[name].context.trace_id) == TRACE
        assert spans[name].parent.span_id == received.context.span_id
        assert spans[name].attributes["channel"] == "#kafka"


async def test_a_failure_of_slack_is_seen_in_its_span(traced, workspace, webhook_body, alert, fault):
    """With the reason; the next try is a span of its own."""
    client, exporter, pipeline = traced
    workspace.fail("chat.postMessage", fault(body={"ok": False, "error": "ratelimited"}))
    await client.post(HOOK, content=webhook_body(alert("a")))
    await settled(pipeline)
    posts = [span for span in exporter.get_finished_spans() if span.name == "deliver post"]
    assert (posts[0].status.status_code, posts[0].status.description) == (
        StatusCode.ERROR,
        "rate_limited: ratelimited",
    )
    assert posts[-1].status.status_code is StatusCode.UNSET


async def test_a_refused_body_is_an_error(traced):
    """The sentence is in the span, the body is not."""
    client, exporter, _ = traced
    await client.post(HOOK, content=b"{", headers={"traceparent": "nonsense"})
    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.parent is None
