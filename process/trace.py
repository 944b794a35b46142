"""Traces: a provider for a service, the W3C trace context as text, and the ids in each log line.

(https://www.w3.org/TR/trace-context/.) Spans leave by OTLP over HTTP when OTEL_EXPORTER_OTLP_ENDPOINT is set.
"""

from collections.abc import Mapping

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from structlog.typing import EventDict, WrappedLogger

W3C = TraceContextTextMapPropagator()

PARENT = "traceparent"
"""The header, and the name in every carrier."""


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


def parent() -> str | None:
    """Return the current span as a ``traceparent``; None when there is none."""
    carrier: dict[str, str] = {}
    W3C.inject(carrier)
    return carrier.get(PARENT)


def child_of(traceparent: str | None) -> Context:
    """Return the context of a ``traceparent``; one without a span for None and for what makes no sense."""
    return W3C.extract({PARENT: traceparent} if traceparent else {}, context=Context())
