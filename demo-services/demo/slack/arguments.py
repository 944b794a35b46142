"""The arguments of one call, from where slack-sdk and others put them: query string, form or JSON object."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from demo.slack.errors import SlackError

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


class Arguments:
    """Named values of one call; reads are typed, and a value that can't be read so is ``invalid_arguments``."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        """Keep `values`; null and absent mean the same."""
        self._values = {name: value for name, value in values.items() if value is not None}

    def __contains__(self, name: str) -> bool:
        """Tell whether the argument was given, be it empty."""
        return name in self._values

    def text(self, name: str) -> str:
        """Return a string, empty when not given; numbers are written out, as a form would carry them."""
        value = self._values.get(name, "")
        if isinstance(value, bool | list | dict):
            raise SlackError("invalid_arguments", [f"must provide a string [json-pointer:/{name}]"])
        return str(value)

    def required(self, name: str) -> str:
        """Return a string that is not empty, or fail."""
        value = self.text(name)
        if not value:
            raise SlackError("invalid_arguments", [f"missing required field: {name}"])
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean: JSON ``true``, or ``1`` and ``true`` of a form."""
        return str(self._values.get(name, "")).lower() in ("1", "true")

    def whole(self, name: str, default: int, error: str = "invalid_arguments") -> int:
        """Return a whole number, `default` when not given or zero (as Slack treats ``limit=0``); fail with `error`."""
        value = self.text(name)
        if not value:
            return default
        if not value.isascii() or not value.isdigit() or len(value) > 12:
            raise SlackError(error, [f"must be a whole number [json-pointer:/{name}]"])
        return int(value) or default

    def parsed(self, name: str, error: str) -> Any:
        """Return a JSON value, which a form or query string carries as text; `error` when the text is not JSON."""
        value = self._values.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        return _load(value, error)


def read(query: str, content_type: str, body: bytes, *, takes_json: bool) -> Arguments:
    """Merge the query string with the body; the body wins.

    A JSON body is an object, else ``json_not_object`` or ``invalid_json``
    (https://docs.slack.dev/apis/web-api, "POST bodies"); methods that do not take JSON ignore it.
    """
    values: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True))
    kind = content_type.partition(";")[0].strip().lower()
    if not body:
        return Arguments(values)
    if kind == FORM:
        values |= parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    elif kind == JSON and takes_json:
        values |= _object(body)
    elif kind not in (JSON, "text/plain"):
        raise SlackError("invalid_post_type" if kind else "missing_post_type")
    return Arguments(values)


def _object(body: bytes) -> dict[str, Any]:
    value = _load(body, "invalid_json")
    if not isinstance(value, dict):
        raise SlackError("json_not_object")
    return value


def _load(text: str | bytes, error: str) -> Any:
    """Read JSON that can also be written again: no NaN, no infinity, no half of a surrogate pair."""
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as problem:
        raise SlackError(error) from problem
    return value
