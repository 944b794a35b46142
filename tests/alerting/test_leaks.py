"""No secret of the settings is seen anywhere but where it belongs."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import structlog
from pydantic import BaseModel

from alerting.app import make_app
from alerting.config import RouterSettings
from alerting.pace import Pace
from alerting.store.leases import LeaseLost

MARK = "canary-of-"

UNREACHED = "http://127.0.0.1:1/"
"""Nobody listens there."""


def secrets(model: type[BaseModel], before: str = "") -> Iterator[str]:
    """The dotted place of every secret of the settings."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from secrets(kind, f"{before}{name}.")
        elif "SecretStr" in str(kind):
            yield before + name


PLACES = tuple(secrets(RouterSettings))


async def told(relay) -> bool:
    """Try the fall-back with what Slack refuses, once its router has ended the leases of an earlier life."""
    try:
        return await relay.look()
    except LeaseLost:
        return await relay.look()


def content(place: str, settings: RouterSettings) -> dict:
    """A settings file with a canary in one place and what that needs beside it."""
    made = settings.model_dump(mode="json", exclude_none=True)
    made["slack"]["token"] = "xoxb-test-1"
    for section in (made["webhook"]["auth"], made["alertmanager"]["auth"]):
        section.clear()
    made["fallback"] = {"url": UNREACHED, "after": "1ms"}
    at = made
    *path, last = place.split(".")
    for step in path:
        at = at.setdefault(step, {})
    at[last] = f"{UNREACHED}{MARK}{place}" if last == "url" else MARK + place
    if last == "password":
        at["username"] = "somebody"
    return made


def test_the_settings_hold_secrets():
    """The walk finds them: a new one is tried without a word here."""
    some = {"slack.token", "webhook.auth.token", "webhook.grafana.secret", "fallback.url", "fallback.secret"}
    assert some <= set(PLACES)


@pytest.mark.parametrize("place", PLACES)
async def test_a_secret_is_not_in_logs_reprs_errors_or_pages(place, settings, workspace, webhook_body, alert, caplog):
    """Through a webhook that is refused, one that is taken, a Slack that refuses, and every page."""
    made = RouterSettings.model_validate(content(place, settings))
    workspace.refusals["chat.postMessage"] = "invalid_auth"
    caplog.set_level(logging.DEBUG)
    seen = [repr(made), str(made), made.model_dump_json()]
    app = make_app(made, lambda: datetime.now(UTC), Pace(gap=0.0, settle=0.02, first_wait=0.01))
    transport = httpx.ASGITransport(app)
    with structlog.testing.capture_logs() as logs:
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://r") as router,
        ):
            for headers in ({}, made.webhook.auth.headers(), {"Authorization": "Bearer no"}):
                for path in ("/api/v1/alertmanager", "/api/v1/grafana"):
                    for body in (b"{", webhook_body(alert("a"))):
                        seen.append((await router.post(path, content=body, headers=headers)).text)
            assert not await told(app.state.pipeline.relay)
            seen += [repr(app.state.pipeline), repr(vars(app.state))]
            seen += [(await router.get(path)).text for path in ("/", "/metrics", "/-/ready", "/-/healthy", "/nowhere")]
    assert logs
    for text in [*seen, repr(logs), caplog.text, repr(caplog.records)]:
        assert MARK not in text


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_in_a_bad_file_is_not_in_the_error(place, settings, tmp_path: Path):
    """Another mistake beside it is told without it."""
    with pytest.raises(ValueError, match="wrong") as caught:
        RouterSettings.model_validate(content(place, settings) | {"wrong": 1})
    assert MARK not in str(caught.value)
