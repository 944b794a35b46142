"""No secret of the settings shows: not in errors of the settings, not in the log, not on the page, not in /metrics."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
import trustme
import yaml
from pydantic import BaseModel, SecretStr
from structlog.testing import capture_logs

from exporters.app import create
from exporters.kafka_lag import EXPORTER
from exporters.kafka_lag.config import KafkaLagSettings
from process.settings import ConfigError, load

SECRET = "Zx9-very-secret"
NOBODY = "127.0.0.1:1"

PLAIN = {"mechanism": "PLAIN", "username": "exporter"}
ENDPOINT = {"endpoint_url": f"http://{NOBODY}/token", "client_id": "exporter"}
CLUSTERS: dict[str, Callable[[dict[str, str]], dict[str, Any]]] = {
    "sasl.password": lambda secret: {"sasl": {**PLAIN, **secret}},
    "sasl.token.client_secret": lambda secret: {"sasl": {"mechanism": "OAUTHBEARER", "token": {**ENDPOINT, **secret}}},
    "tls.key_password": lambda secret: {"tls": {"cert_file": "cert.pem", "key_file": "key.pem", **secret}},
}
"""Section of a cluster by its secret."""

REFUSAL = bytes.fromhex("003a 0002 6e6f 00000000 0000000000000000")
"""Answer to SaslAuthenticate 1: error 58, "no"."""

PLACES = ["value", "file", "env"]


def secrets(model: type[BaseModel], before: str = "") -> Iterator[str]:
    """Every key of a model that holds a secret."""
    for name, field in model.model_fields.items():
        for piece in flat(field.annotation):
            if piece is SecretStr:
                yield before + name
            elif isinstance(piece, type) and issubclass(piece, BaseModel):
                yield from secrets(piece, f"{before}{name}.")


def flat(annotation: Any) -> Iterator[Any]:
    yield annotation
    for argument in get_args(annotation):
        yield from flat(argument)


def written(key: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broker: str = NOBODY) -> Path:
    """Settings with the secret in one of its places."""
    name = key.rpartition(".")[2]
    (tmp_path / "secret").write_text(f"{SECRET}\n", encoding="utf-8")
    monkeypatch.setenv("THE_SECRET", SECRET)
    monkeypatch.chdir(tmp_path)
    certificate = trustme.CA().issue_cert("exporter")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    given = {"value": {name: SECRET}, "file": {f"{name}_file": "secret"}, "env": {f"{name}_env": "THE_SECRET"}}
    cluster = {"bootstrap_servers": [broker], **CLUSTERS[key](given[place])}
    path = tmp_path / "kafka_lag.yaml"
    path.write_text(
        yaml.safe_dump({"listen": NOBODY, "interval": 1, "timeout": 1, "clusters": [cluster]}), encoding="utf-8"
    )
    return path


@asynccontextmanager
async def tried(settings: KafkaLagSettings) -> AsyncIterator[httpx.AsyncClient]:
    """The exporter, when it has read once."""
    app = create(EXPORTER, settings)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://exporter") as client,
        asyncio.timeout(30),
    ):
        while "not tried yet" in (await client.get("/-/ready")).text:
            await asyncio.sleep(0.05)
        yield client


def test_every_secret_is_tested_here() -> None:
    """A new one in the settings fails this until it is in the list."""
    assert {key.removeprefix("clusters.") for key in secrets(KafkaLagSettings)} == CLUSTERS.keys()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("key", CLUSTERS)
async def test_a_secret_shows_nowhere(
    key: str,
    place: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    doorman: Any,
) -> None:
    """The settings printed, all pages, and both logs, at a broker that lets nobody in."""
    caplog.set_level("DEBUG")
    with capture_logs() as logs:
        async with doorman(REFUSAL) as broker:
            settings = load(written(key, place, tmp_path, monkeypatch, broker), KafkaLagSettings)
            seen = [repr(settings), str(settings), settings.model_dump_json()]
            async with tried(settings) as client:
                seen += [(await client.get(page)).text for page in ("/", "/metrics", "/-/ready", "/-/healthy")]
    assert "source down" in str(logs)
    assert SECRET not in "".join([*seen, json.dumps(logs, default=repr), caplog.text])


@pytest.mark.parametrize("key", CLUSTERS)
def test_a_secret_is_not_in_an_error_of_the_settings(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is wrong beside it or with it."""
    path = written(key, "value", tmp_path, monkeypatch)
    right = path.read_text(encoding="utf-8")
    wrong = [right.replace(SECRET, f"[{SECRET}]"), right.replace("listen:", "listens:"), f"{right}\n{SECRET}"]
    name = key.rpartition(".")[2]
    wrong.append(right.replace(f"{name}:", f"{name}_in_clear:"))
    for text in wrong:
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError) as caught:
            load(path, KafkaLagSettings)
        assert SECRET not in str(caught.value)
