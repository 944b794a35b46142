"""Certificates and keys: what can't be used is told at load, with its file."""

from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import ValidationError

from exporters.kafka_lag.security.config import Tls

NOT_PEM = "is not PEM (a Java keystore has to be converted: keytool -importkeystore, then openssl pkcs12)"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory has a certificate, its key, the key of another, an encrypted key, and a text."""
    monkeypatch.chdir(tmp_path)
    authority = trustme.CA()
    certificate, other = authority.issue_cert("exporter"), authority.issue_cert("other")
    authority.cert_pem.write_to_path("ca.pem")
    certificate.cert_chain_pems[0].write_to_path("cert.pem")
    certificate.private_key_pem.write_to_path("key.pem")
    other.private_key_pem.write_to_path("other.pem")
    key = load_pem_private_key(certificate.private_key_pem.bytes(), password=None)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open"))
    Path("encrypted.pem").write_bytes(encrypted)
    Path("text").write_text("open\n", encoding="utf-8")
    Path("empty").touch()


CERT = {"cert_file": "cert.pem"}


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"ca_file": "ca.pem"},
        {**CERT, "key_file": "key.pem"},
        {**CERT, "key_file": "encrypted.pem", "key_password": "open"},
        {**CERT, "key_file": "encrypted.pem", "key_password_file": "text"},
        {**CERT, "key_file": "encrypted.pem", "key_password_env": "KEY_PASSWORD"},
    ],
)
def test_what_can_be_used(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every place for the key's password."""
    monkeypatch.setenv("KEY_PASSWORD", "open")
    Tls.model_validate(settings)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ca_file": "text"}, f"ca_file text {NOT_PEM}"),
        ({"ca_file": "empty"}, f"ca_file empty {NOT_PEM}"),
        ({"ca_file": "."}, "ca_file . can't be read: Is a directory"),
        ({**CERT, "key_file": "none"}, "key_file none can't be read: No such file or directory"),
        ({"cert_file": "text", "key_file": "key.pem"}, f"cert_file text or key_file key.pem {NOT_PEM}"),
        ({**CERT, "key_file": "other.pem"}, "key_file other.pem is not the key of cert_file cert.pem"),
        (
            {**CERT, "key_file": "encrypted.pem"},
            "key_file encrypted.pem is encrypted: set key_password_env or key_password_file",
        ),
        (
            {**CERT, "key_file": "encrypted.pem", "key_password": "wrong"},
            "key_file encrypted.pem is not opened by its key_password",
        ),
        (
            {**CERT, "key_file": "encrypted.pem", "key_password_file": "empty"},
            "no key_password: empty is empty",
        ),
    ],
)
def test_what_can_not(settings: dict[str, Any], message: str) -> None:
    """The file is named, and the password never asked for at a terminal."""
    with pytest.raises(ValidationError) as caught:
        Tls.model_validate(settings)
    assert caught.value.errors()[0]["msg"] == f"Value error, {message}"
