"""HTTPS, and callers that need a certificate."""

import socket
import ssl
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PROGRAM = """
import sys
from pathlib import Path
from starlette.applications import Starlette
from process.serve import TlsSettings, serve
folder = Path(sys.argv[2])
ca = folder / "ca.pem" if sys.argv[3] == "mutual" else None
serve(Starlette(), sys.argv[1], TlsSettings(certificate=folder / "server.pem", key=folder / "server.key", client_ca=ca))
"""


def certificate(folder, name, authority=None):
    """Write a key and a certificate, signed by an authority or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signer = authority or (subject, key)
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / f"{name}.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, pem, plain))
    return subject, key


@pytest.fixture
def folder(tmp_path):
    authority = certificate(tmp_path, "ca")
    for name in ("server", "client"):
        certificate(tmp_path, name, authority)
    certificate(tmp_path, "stranger")
    return tmp_path


def asked(folder, port, name):
    """Ask as this client, or as nobody; None when the handshake fails."""
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    if name:
        context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    try:
        with httpx.Client(verify=context, trust_env=False) as client:
            return client.get(f"https://localhost:{port}/").status_code
    except (httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError) as error:
        return None if "refused" not in str(error) else "not up"


@pytest.mark.parametrize(
    ("kind", "answers"),
    [
        ("plain", {"": 404, "client": 404}),
        ("mutual", {"": None, "stranger": None, "client": 404}),
    ],
)
def test_a_caller_needs_a_certificate_where_an_authority_is_named(folder, kind, answers):
    """Without one, or with one that another has signed, the handshake fails."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = (sys.executable, "-c", PROGRAM, f"127.0.0.1:{port}", str(folder), kind)
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + 20
            while asked(folder, port, "client") == "not up" and time.monotonic() < deadline:
                time.sleep(0.05)
            assert {name: asked(folder, port, name) for name in answers} == answers
        finally:
            server.terminate()
