"""Traces of the demo services (``process.trace``), and the W3C trace context in Kafka's headers.

The trace context travels in the record headers ``traceparent`` and ``tracestate``, as W3C Trace Context
(https://www.w3.org/TR/trace-context/) names them. opentelemetry-instrumentation-aiokafka is not used: 0.66b1
ends the consumer's span before the caller sees the record, so neither the work nor its log lines are inside it,
and a header that is not UTF-8 makes it raise after the record was taken.
"""

from collections.abc import Iterable

from opentelemetry.context import Context

from process.trace import W3C, ids, tracing

__all__ = ["W3C", "from_headers", "ids", "to_headers", "tracing"]


def to_headers() -> list[tuple[str, bytes]]:
    """Write the current span as Kafka record headers."""
    carrier: dict[str, str] = {}
    W3C.inject(carrier)
    return [(name, value.encode()) for name, value in carrier.items()]


def from_headers(headers: Iterable[tuple[str, bytes | None]]) -> Context:
    """Read the sender's span from Kafka record headers; headers that make no sense give a context without a span."""
    carrier = {name: value.decode(errors="replace") for name, value in headers if value is not None}
    return W3C.extract(carrier, context=Context())
