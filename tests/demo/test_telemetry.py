"""Trace context through Kafka's headers, ids in log lines, spans to a collector."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from demo import telemetry


def test_a_trace_goes_on_at_the_other_end(tracing: TracerProvider) -> None:
    """A span made from the headers is the child of the span that wrote them."""
    tracer = tracing.get_tracer("test")
    with tracer.start_as_current_span("sends") as sender:
        headers = telemetry.to_headers()
    with tracer.start_as_current_span("receives", context=telemetry.from_headers(headers)) as receiver:
        pass
    assert receiver.get_span_context().trace_id == sender.get_span_context().trace_id
    assert receiver.parent == sender.get_span_context() or receiver.parent.span_id == sender.get_span_context().span_id


def test_without_a_span_there_is_no_header() -> None:
    """Outside a span nothing is written."""
    assert telemetry.to_headers() == []


@given(st.lists(st.tuples(st.sampled_from(["traceparent", "tracestate", "x"]), st.none() | st.binary(max_size=80))))
def test_headers_that_make_no_sense_start_a_new_trace(headers: list[tuple[str, bytes | None]]) -> None:
    """Whatever bytes come, there is a context; it has a span only if one was named."""
    context = telemetry.from_headers(headers)
    named = any(name == "traceparent" and value for name, value in headers)
    assert named or not trace.get_current_span(context).get_span_context().is_valid


def test_ids_are_in_log_lines_inside_a_span_only(tracing: TracerProvider) -> None:
    """32 and 16 hexadecimal digits inside, nothing outside."""
    assert telemetry.ids(None, "info", {"event": "x"}) == {"event": "x"}
    with tracing.get_tracer("test").start_as_current_span("work") as span:
        line = telemetry.ids(None, "info", {"event": "x"})
    context = span.get_span_context()
    assert line == {"event": "x", "trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


@pytest.fixture
def collector() -> Iterator[tuple[str, list[str]]]:
    """A collector on loopback: its URL, and the paths that were posted to."""
    posted: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            posted.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", posted
    server.shutdown()
    thread.join()
    server.server_close()


async def test_spans_leave_when_there_is_an_endpoint(
    collector: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """OTLP over HTTP to /v1/traces of OTEL_EXPORTER_OTLP_ENDPOINT; without it nothing is sent."""
    url, posted = collector
    quiet = telemetry.tracing("sample", {})
    quiet.get_tracer("test").start_span("not sent").end()
    quiet.shutdown()
    assert posted == []
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    speaking = telemetry.tracing("sample", {"OTEL_EXPORTER_OTLP_ENDPOINT": url})
    speaking.get_tracer("test").start_span("sent").end()
    await asyncio.to_thread(speaking.shutdown)
    assert posted == ["/v1/traces"]
