"""The HTTP API against its own description: whatever is asked is answered as described, never with a 500."""

import asyncio
import hashlib
import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import requests
import schemathesis
import uvicorn
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from alerting.app import make_app
from alerting.config import RouterSettings

SECRET = b"8f742231b10e8888abcd99yyyzzz85a5"

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def router(store: str) -> FastAPI:
    """A router; nobody listens where its Slack should be."""
    made = RouterSettings.model_validate(
        {
            "listen": "127.0.0.1:1",
            "store": store,
            "slack": {"token": "xoxb-test-1", "base_url": "http://127.0.0.1:9", "signing_secret": SECRET.decode()},
            "default_channel": "#alerts",
        }
    )
    return make_app(made, lambda: datetime.now(UTC))


def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Sign the body as Slack does; no other door asks for that."""
    body = request.body or b""
    now = f"{datetime.now(UTC).timestamp():.0f}"
    signed = b"v0:%b:%b" % (now.encode(), body if isinstance(body, bytes) else body.encode())
    signature = hmac.new(SECRET, signed, hashlib.sha256).hexdigest()
    request.headers.update({"X-Slack-Request-Timestamp": now, "X-Slack-Signature": f"v0={signature}"})
    return request


class _Server(uvicorn.Server):
    """Leaves the signals of this process alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """Where one is served."""
    server = _Server(
        uvicorn.Config(router(str(tmp_path_factory.mktemp("api") / "router.db")), "127.0.0.1", 0, log_config=None)
    )
    thread = threading.Thread(target=asyncio.run, args=(server.serve(),))
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


described = schemathesis.openapi.from_dict(router("unused").openapi())


@described.parametrize()
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_whatever_is_asked_is_answered_as_described(case, address):
    """With what the description allows, and with what it does not."""
    case.call_and_validate(base_url=address, checks=CHECKS, auth=sign)
