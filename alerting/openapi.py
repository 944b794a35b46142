"""What the API takes and answers where FastAPI can't see it, for ``/api/v1/openapi.json``: bodies are read by hand.

They are read so because a body is bounded and counted before it is parsed, and refused with one sentence.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


class Problem(BaseModel):
    """Why something was not done."""

    error: str


SENTENCES: Mapping[int, str] = {
    400: "The body is not what it should be, or broke off",
    401: "Who asks is not known, or the signature is wrong",
    413: "The body is too large",
    422: "The body has another shape",
    503: "It can't be kept now: send it again",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the answers of these statuses."""
    return {status: {"model": Problem, "description": SENTENCES[status]} for status in statuses}


def takes(schema: Mapping[str, Any], media: str = JSON) -> dict[str, Any]:
    """Describe a body of this JSON Schema."""
    return {"requestBody": {"required": True, "content": {media: {"schema": _whole(schema)}}}}


def _whole(schema: Mapping[str, Any]) -> Any:
    """Put definitions in the place of references: in an OpenAPI document they would point elsewhere."""
    known = schema.get("$defs", {})

    def put(part: Any) -> Any:
        if isinstance(part, list):
            return [put(each) for each in part]
        if not isinstance(part, Mapping):
            return part
        if "$ref" in part:
            return put(known[part["$ref"].rpartition("/")[2]])
        return {name: put(each) for name, each in part.items() if name != "$defs"}

    return put(schema)
