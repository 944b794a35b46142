"""One real Kafka with every way to let a client in, its certificates, and what hands out its tokens."""

import base64
import json
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from compose.native import kafka, process, tools
from compose.native.stack import free

USER, PASSWORD = "exporter", "a-password-of-exporter"
SECONDS_TO_START = 60
LISTENERS = ("CONTROLLER", "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
PLAIN = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
OAUTHBEARER = (
    "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required "
    'unsecuredLoginStringClaim_sub="broker";'
)
PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
listeners={listeners}
advertised.listeners={advertised}
log.dirs={folder}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=8388608

# who comes in without a name may do everything, and so may all others where no ACL says who may
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
allow.everyone.if.no.acl.found=true

ssl.keystore.type=PEM
ssl.keystore.location={folder}/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location={folder}/ca.pem
listener.name.ssl.ssl.client.auth=required

sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
listener.name.sasl_plaintext.sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config={plain}
listener.name.sasl_ssl.plain.sasl.jaas.config={plain}
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config={scram}
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={scram}
listener.name.sasl_ssl.oauthbearer.sasl.jaas.config={oauthbearer}
# sessions end with their token, and those of SCRAM after two seconds (KIP-368)
listener.name.sasl_ssl.oauthbearer.connections.max.reauth.ms=3600000
listener.name.sasl_ssl.scram-sha-256.connections.max.reauth.ms=2000
"""


@dataclass(frozen=True)
class Secured:
    """A running broker. Its certificate is for ``localhost`` and for no address."""

    folder: Path
    ports: dict[str, int]
    authority: trustme.CA

    def address(self, listener: str, host: str = "localhost") -> str:
        """``host:port`` of a listener."""
        return f"{host}:{self.ports[listener]}"

    @property
    def ca_file(self) -> Path:
        """Who signed the broker's certificate, and whose clients it lets in."""
        return self.folder / "ca.pem"


def pem(certificate: trustme.LeafCert) -> bytes:
    """Key and chain of a certificate as Kafka reads them: PKCS #8."""
    key = load_pem_private_key(certificate.private_key_pem.bytes(), password=None)
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + chain


def java(main: str, *arguments: str) -> list[str]:
    """A program of Kafka's, small."""
    log = f"-Dlog4j2.configurationFile={tools.KAFKA.pom.parent}/log4j2.yaml"
    return kafka.java(tools.KAFKA, *kafka.LIGHT, log, main, *arguments)


def format_storage(folder: Path) -> None:
    """Format it with the user's two SCRAM credentials."""
    users = [f"--add-scram=SCRAM-SHA-{bits}=[name={USER},password={PASSWORD},iterations=4096]" for bits in (256, 512)]
    arguments = ("format", "--cluster-id", "AAAAAAAAAAAAAAAAAAAAAA", "-c", f"{folder}/server.properties", *users)
    command = java("kafka.tools.StorageTool", *arguments)
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def wait_until_open(ports: Sequence[int], running: process.Running, log: Path) -> None:
    """Return when the broker listens everywhere."""
    deadline = time.monotonic() + SECONDS_TO_START
    while any(free(f"127.0.0.1:{port}") for port in ports):
        if time.monotonic() > deadline or running.process() is None:
            pytest.fail(f"the broker did not start:\n{process.tail(log, 40)}")
        time.sleep(0.1)


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory, port_base: Callable[[], int]) -> Iterator[Secured]:
    """The broker, for all tests of this folder."""
    folder, base, authority = tmp_path_factory.mktemp("secured"), port_base(), trustme.CA()
    ports = {name: base + at for at, name in enumerate(LISTENERS)}
    (folder / "broker.pem").write_bytes(pem(authority.issue_cert("localhost")))
    authority.cert_pem.write_to_path(folder / "ca.pem")
    text = PROPERTIES.format(
        folder=folder,
        controller=ports["CONTROLLER"],
        listeners=",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items()),
        advertised=",".join(f"{name}://localhost:{port}" for name, port in ports.items() if name != "CONTROLLER"),
        plain=PLAIN,
        scram=SCRAM,
        oauthbearer=OAUTHBEARER,
    )
    (folder / "server.properties").write_text(text, encoding="utf-8")
    format_storage(folder)
    log = folder / "broker.log"
    command = java("kafka.Kafka", f"{folder}/server.properties")
    running = process.start("secured", command, folder / "run", log, {"PATH": "/usr/bin:/bin"})
    try:
        wait_until_open(list(ports.values()), running, log)
        yield Secured(folder, ports, authority)
    finally:
        process.stop([running], folder / "run")


@dataclass
class Issuer:
    """Hands out tokens for client credentials (RFC 6749, 4.4): unsigned, as Kafka's validator for tests takes them."""

    url: str = ""
    life: float = 3600.0
    skew: float = 0.0
    """Seconds by which its clock is wrong."""
    secret: str = "a-secret-of-client"
    subject: str = "exporter"
    asked: list[dict[str, Any]] = field(default_factory=list)

    def token(self) -> str:
        """An unsecured JWS (RFC 7515, appendix A.5)."""
        now = time.time() + self.skew
        claims = {"sub": self.subject, "iat": now - 1, "exp": now + self.life}
        return f"{_base64({'alg': 'none'})}.{_base64(claims)}."

    async def answer(self, request: Request) -> JSONResponse:
        """Answer one request for a token."""
        form = dict(await request.form())
        scheme, _, basic = request.headers.get("authorization", "").partition(" ")
        given = base64.b64decode(basic).decode() if scheme == "Basic" else ""
        self.asked.append({**form, "basic": given})
        if given != f"exporter:{self.secret}":
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        return JSONResponse({"access_token": self.token(), "token_type": "Bearer", "expires_in": self.life})


def _base64(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


@pytest.fixture
async def issuer(serve: Callable[..., AbstractAsyncContextManager[int]]) -> AsyncIterator[Issuer]:
    """An authorization server of its own for each test."""
    issuer = Issuer()
    async with serve(Starlette(routes=[Route("/token", issuer.answer, methods=["POST"])])) as port:
        issuer.url = f"http://127.0.0.1:{port}/token"
        yield issuer
