"""The door that clicks come in by, signed by Slack: the request URL of the app's interactivity."""

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from alerting.actions import MAX_CLICK
from alerting.body import read_body
from alerting.errors import Refusal, Rejected, StoreError
from alerting.metrics import ACCEPTED, STORE_FAILED, Metrics
from alerting.pipeline import Pipeline

log = structlog.get_logger("alerting.clicks")


def clicks(metrics: Metrics) -> APIRouter:
    """Return the route. Slack shows the person an error for all but 200, and does not send again."""
    routes = APIRouter()

    @routes.post("/api/v1/slack/interactions")
    async def clicked(request: Request) -> Response:
        pipeline = request.app.state.pipeline
        assert isinstance(pipeline, Pipeline)
        try:
            await pipeline.desk.request(request.headers, await read_body(request, MAX_CLICK, _too_large))
        except Rejected as refused:
            metrics.clicks.labels(refused.refusal.value).inc()
            log.warning("click refused", result=refused.refusal, sentence=str(refused))
            return JSONResponse({"error": str(refused)}, refused.status)
        except StoreError as error:
            metrics.clicks.labels(STORE_FAILED).inc()
            log.error("click not kept", error=str(error))
            return JSONResponse({"error": "the store can't keep it now"}, 503)
        metrics.clicks.labels(ACCEPTED).inc()
        return Response(status_code=200)

    return routes


def _too_large() -> Rejected:
    return Rejected(Refusal.TOO_LARGE, 413, f"the body is larger than {MAX_CLICK} bytes")
