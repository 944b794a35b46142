"""No secret of the settings is seen anywhere but where it belongs."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args, get_origin

import httpx
import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import BaseModel, SecretStr

from alerting.app import OPENAPI, make_app
from alerting.config import RouterSettings
from alerting.errors import StoreError
from alerting.pace import Pace
from alerting.store import open_store
from tests.alerting.life import look

MARK = "xapp-canary-of-"
"""The settings ask for the beginning of an app-level token, and for no form of another secret."""

FILE = "_file"
"""How the name of a setting ends that names a file with a secret."""

STEPS = {tuple: ("[]",), dict: ("*",)}
"""What stands in a place for any item of a list, and for any key of a map."""

BESIDE = {"password": {"username": "somebody"}, "password_file": {"username": "somebody"}}
"""What a secret needs beside it."""

UNREACHED = "http://127.0.0.1:1/"
"""Nobody listens there."""

ENVIRONMENT = ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN", "PGPASSWORD")


def secrets(kind: object, place: tuple[str, ...] = (), within: tuple[object, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where the settings hold secrets, or name files that do: whatever they are in, a list, a map, a choice."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items() if kind not in within else ():
            yield from secrets(field.annotation, (*place, name), (*within, kind))
    elif kind is SecretStr or (kind is Path and place[-1].endswith(FILE)):
        yield place
    elif inner := get_args(kind):
        step = STEPS.get(get_origin(kind), ())
        for each in inner:
            yield from secrets(each, (*place, *step), within)


PLACES = tuple(dict.fromkeys(secrets(RouterSettings)))
NAMES = tuple(".".join(place) for place in PLACES)


def nested(place: tuple[str, ...], value: object) -> dict:
    for step in reversed(place):
        value = [value] if step == "[]" else {step: value, **BESIDE.get(step, {})}
    return value


def merged(one: dict, other: dict) -> dict:
    inner = {name: merged(one[name], other[name]) for name in one.keys() & other if isinstance(one[name], dict)}
    return {**one, **other, **inner}


@pytest.fixture
def content(settings, tmp_path):
    """``content(place)``: a settings file with a canary in one place, and what that needs beside it."""

    def write(place: tuple[str, ...], value: object = None) -> dict:
        made = settings.model_dump(mode="json", exclude_none=True)
        made["slack"]["token"] = "xoxb-test-1"
        made["webhook"]["auth"].clear()
        made["alertmanager"]["auth"].clear()
        made["fallback"] = {"after": "1ms", **({} if place[-1].startswith("url") else {"url": UNREACHED})}
        canary = value or MARK + "-".join(place)
        if place[-1].startswith("url") and isinstance(canary, str):
            canary = UNREACHED + canary
        if place[-1].endswith(FILE):
            file = tmp_path / "secret"
            file.write_text(str(canary))
            canary = str(file)
        return merged(made, nested(place, canary))

    return write


def test_the_walk_finds_secrets_wherever_they_are():
    """A new one is tried without a word here; what it needs beside it, BESIDE has to say."""

    class Inner(BaseModel):
        token: SecretStr | None = None

    class Outer(BaseModel):
        one: Inner | None = None
        many: tuple[Inner, ...] = ()
        named: dict[str, Inner] = {}
        key_file: Path | None = None
        certificate: Path | None = None

    places = [".".join(place) for place in secrets(Outer)]
    assert places == ["one.token", "many.[].token", "named.*.token", "key_file"]
    assert {"slack.token", "slack.token_file", "webhook.auth.token", "webhook.grafana.secret", "fallback.url"} <= set(
        NAMES
    )


async def everything(made: RouterSettings, webhook_body, alert, caplog) -> list[str]:
    """All that is said and shown: webhooks refused and taken, a Slack that refuses, every page, logs, spans, reprs."""
    caplog.set_level(logging.DEBUG)
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    seen = [repr(made), str(made), made.model_dump_json()]
    pace = Pace(gap=0.0, settle=0.02, first_wait=0.01)
    app = make_app(made, lambda: datetime.now(UTC), pace, provider.get_tracer("alerting"))
    with structlog.testing.capture_logs() as logs:
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://r") as router,
        ):
            for headers in ({}, made.webhook.auth.headers(), {"Authorization": "Bearer no"}):
                for path in ("alertmanager", "grafana", "test", "slack/interactions", "messages/1/resend"):
                    for body in (b"{", webhook_body(alert("a"))):
                        seen.append((await router.post(f"/api/v1/{path}", content=body, headers=headers)).text)
            assert await look(app.state.pipeline.relay) is (made.fallback.address() is None)
            seen += [repr(app.state.pipeline), repr(vars(app.state))]
            pages = (
                "",
                "metrics",
                "-/ready",
                "-/healthy",
                "nowhere",
                *("api/v1/messages", "api/v1/noise", "api/v1/audit", OPENAPI[1:]),
            )
            answers = [await router.get(f"/{path}") for path in pages]
            seen += [f"{answer.text} {answer.headers}" for answer in answers]
    provider.shutdown()
    assert logs
    assert spans.get_finished_spans()
    return [*seen, *(span.to_json() for span in spans.get_finished_spans()), repr(logs), caplog.text]


@pytest.mark.parametrize("place", PLACES, ids=NAMES)
async def test_a_secret_is_not_in_what_is_said_or_shown(place, content, workspace, webhook_body, alert, caplog):
    """Wherever it is written, in the settings or in a file of its own."""
    workspace.refusals["chat.postMessage"] = "invalid_auth"
    made = RouterSettings.model_validate(content(place))
    assert not [text for text in await everything(made, webhook_body, alert, caplog) if MARK in text]


@pytest.mark.parametrize("variable", ENVIRONMENT)
async def test_nor_one_of_the_environment(variable, settings, workspace, webhook_body, alert, caplog, monkeypatch):
    """They win over what is written."""
    workspace.refusals["chat.postMessage"] = "invalid_auth"
    monkeypatch.setenv(variable, MARK + variable)
    made = RouterSettings.model_validate(settings.model_dump())
    assert not [text for text in await everything(made, webhook_body, alert, caplog) if MARK in text]


@pytest.mark.parametrize("place", PLACES, ids=NAMES)
@pytest.mark.parametrize("value", [MARK, f"{MARK} with spaces", [MARK], {"a": MARK}, f"{MARK}\x00é"])
def test_a_secret_in_a_bad_file_is_not_in_the_error(place, value, content):
    """Nor when the secret itself is the mistake."""
    with pytest.raises(ValueError, match="wrong") as caught:
        RouterSettings.model_validate(content(place, value) | {"wrong": 1})
    assert MARK not in str(caught.value)
    assert MARK not in repr(caught.value)


async def test_a_database_that_cannot_be_reached_is_named_without_its_password():
    """What the driver says is passed on."""
    with pytest.raises(StoreError) as caught:
        await open_store("postgresql://bongsu@127.0.0.1:9/router", SecretStr(MARK))
    assert "127.0.0.1" in str(caught.value)
    assert MARK not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
