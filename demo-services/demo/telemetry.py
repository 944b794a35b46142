"""Traces: a provider for each service, the W3C trace context in Kafka's headers, and the ids in each log line.

The trace context travels in the record headers ``traceparent`` and ``tracestate``, as W3C Trace Context
(https://www.w3.org/TR/trace-context/) names them. opentelemetry-instrumentation-aiokafka is not used: 0.66b1
ends the consumer's span before the caller sees the record, so neither the work nor its log lines are inside it,
and a header that is not UTF-8 makes it raise after the record was taken.
"""

from collections.abc import Iterable, Mapping

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from structlog.typing import EventDict, WrappedLogger

W3C = TraceContextTextMapPropagator()


def tracing(service: str, environment: Mapping[str, str]) -> TracerProvider:
    """Make the provider of `service`: spans leave by OTLP over HTTP only when OTEL_EXPORTER_OTLP_ENDPOINT is set.

    Without an endpoint ids are still made, handed on and logged. OpenTelemetry's other variables hold as always.
    """
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    if environment.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        # Imported only here: the exporter brings protobuf and requests, 20 MB that a service without it saves.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def ids(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put `trace_id` and `span_id` of the current span into a log line (a structlog processor)."""
    current = trace.get_current_span().get_span_context()
    if current.is_valid:
        event["trace_id"] = trace.format_trace_id(current.trace_id)
        event["span_id"] = trace.format_span_id(current.span_id)
    return event


def to_headers() -> list[tuple[str, bytes]]:
    """Write the current span as Kafka record headers."""
    carrier: dict[str, str] = {}
    W3C.inject(carrier)
    return [(name, value.encode()) for name, value in carrier.items()]


def from_headers(headers: Iterable[tuple[str, bytes | None]]) -> Context:
    """Read the sender's span from Kafka record headers; headers that make no sense give a context without a span."""
    carrier = {name: value.decode(errors="replace") for name, value in headers if value is not None}
    return W3C.extract(carrier, context=Context())
