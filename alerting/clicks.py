"""The door that clicks come in by, signed by Slack: the request URL of the app's interactivity."""

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from alerting.actions import MAX_CLICK
from alerting.body import read_body
from alerting.errors import Refusal, Rejected, StoreError
from alerting.metrics import ACCEPTED, STORE_FAILED, Metrics
from alerting.openapi import FORM, refusals, takes
from alerting.pipeline import Pipeline

log = structlog.get_logger("alerting.clicks")

CLICK = (
    '{"type": "block_actions", "user": {"id": "U012345", "name": "ann"}, '
    '"container": {"channel_id": "C012345", "message_ts": "1795000000.000100"}, '
    '"actions": [{"action_id": "acknowledge", "action_ts": "1795000001.000200"}]}'
)

BODY = {
    "type": "object",
    "properties": {"payload": {"type": "string", "contentMediaType": "application/json"}},
    "required": ["payload"],
    "example": {"payload": CLICK},
}


def clicks(metrics: Metrics) -> APIRouter:
    """Return the route. Slack shows the person an error for all but 200, and does not send again."""
    routes = APIRouter()

    @routes.post(
        "/api/v1/slack/interactions",
        response_class=Response,
        openapi_extra=takes(BODY, FORM),
        responses=refusals(400, 401, 413, 503),
    )
    async def clicked(request: Request) -> Response:
        """Take what Slack sends, signed, when somebody clicks on a button."""
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
