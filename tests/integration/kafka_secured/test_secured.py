"""The exporter at a real broker that asks who is there: let in, refused with what to do about it, and in for long."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.admin import CreateAclsRequest
from pydantic import SecretStr

from exporters.errors import Reason, SourceError
from exporters.kafka_lag.config import Cluster, Filter
from exporters.kafka_lag.snapshot import Snapshot
from exporters.kafka_lag.source import KafkaSource
from tests.integration.clients import until

LOGIN = {"username": "exporter", "password": "a-password-of-exporter"}
SECRET = "a-secret-of-client"
PLAIN = {"mechanism": "PLAIN", **LOGIN}
TOPIC, GROUP, LITERAL, ALLOWED, DESCRIBE = 2, 3, 3, 3, 8
"""Kafka's codes in CreateAcls."""


@pytest.fixture(scope="session")
async def lagging(secured: Any) -> None:
    """A group that is three records behind."""
    await fall_behind(secured, "orders", "billing")


async def fall_behind(secured: Any, topic: str, *groups: str) -> None:
    """Make a topic, and groups that are three records behind in it."""
    bootstrap = secured.address("PLAINTEXT")
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    finally:
        await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for _ in range(5):
            await producer.send_and_wait(topic, b"x", partition=0)
    for group in groups:
        consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False)
        async with consumer:
            consumer.assign([TopicPartition(topic, 0)])
            await consumer.commit({TopicPartition(topic, 0): 2})


async def allow(secured: Any, kind: int, name: str, user: str, operation: int) -> None:
    """Let only `user` do `operation` to the topic or group of this name, and nothing else."""
    client = AIOKafkaClient(bootstrap_servers=secured.address("PLAINTEXT"))
    await client.bootstrap()
    try:
        asked = CreateAclsRequest(kind, name, LITERAL, f"User:{user}", "*", operation, ALLOWED)
        ((code, _words),) = (await client.send(client.get_random_node(), asked)).creation_responses
        assert code == 0
    finally:
        await client.close()


@asynccontextmanager
async def reading(
    address: str, patience: float = 5, names: str = "orders|billing", **settings: Any
) -> AsyncIterator[KafkaSource]:
    """The exporter's view of the topics and groups whose names begin with `names`."""
    named = Filter(include=f"({names}).*")
    source = KafkaSource(Cluster(bootstrap_servers=(address,), topics=named, groups=named, **settings), patience)
    try:
        yield source
    finally:
        await source.close()


async def read(address: str, **settings: Any) -> Snapshot:
    async with reading(address, **settings) as source:
        return await source.read()


async def refused(address: str, **settings: Any) -> SourceError:
    """What a read says that comes to nothing."""
    async with reading(address, **settings) as source:
        with pytest.raises(SourceError) as caught:
            await source.read()
    return caught.value


def sums(snapshot: Snapshot) -> list[dict[str, int]]:
    assert snapshot.problems == ()
    return [snapshot.lag_sums(group) for group in snapshot.groups]


def token(issuer: Any, **settings: Any) -> dict[str, Any]:
    """Section `sasl` for tokens of the issuer."""
    endpoint = {"endpoint_url": issuer.url, "client_id": "exporter", "client_secret": SECRET}
    return {"mechanism": "OAUTHBEARER", "token": {**endpoint, **settings}}


@pytest.fixture
def identity(tmp_path: Path) -> Callable[[trustme.CA], dict[str, Path]]:
    """``identity(authority)`` writes a certificate of the exporter's, over the one before."""

    def written(authority: trustme.CA) -> dict[str, Path]:
        certificate = authority.issue_cert("exporter")
        files = {"cert_file": tmp_path / "identity.pem", "key_file": tmp_path / "identity.key"}
        files["cert_file"].write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
        certificate.private_key_pem.write_to_path(files["key_file"])
        return files

    return written


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.usefixtures("lagging")
async def test_a_user_and_a_password_over_tls(secured: Any, mechanism: str) -> None:
    """The lag is read as without security."""
    snapshot = await read(
        secured.address("SASL_SSL"), tls={"ca_file": secured.ca_file}, sasl={"mechanism": mechanism, **LOGIN}
    )
    assert sums(snapshot) == [{"orders": 3}]


@pytest.mark.usefixtures("lagging")
async def test_a_token_of_client_credentials(secured: Any, issuer: Any) -> None:
    """One token serves all connections and reads."""
    async with reading(
        secured.address("SASL_SSL"), tls={"ca_file": secured.ca_file}, sasl=token(issuer, scope="kafka")
    ) as source:
        assert sums(await source.read()) == sums(await source.read()) == [{"orders": 3}]
    assert issuer.asked == [{"grant_type": "client_credentials", "scope": "kafka", "basic": f"exporter:{SECRET}"}]


@pytest.mark.usefixtures("lagging")
async def test_a_token_of_a_command(secured: Any, issuer: Any, tmp_path: Path) -> None:
    """What it prints is the token."""
    printed = tmp_path / "token"
    printed.write_text(issuer.token(), encoding="utf-8")
    sasl = {"mechanism": "OAUTHBEARER", "token": {"command": ("cat", str(printed))}}
    snapshot = await read(secured.address("SASL_SSL"), tls={"ca_file": secured.ca_file}, sasl=sasl)
    assert sums(snapshot) == [{"orders": 3}]


@pytest.mark.usefixtures("lagging")
async def test_a_certificate_of_the_exporter(secured: Any, identity: Any) -> None:
    """Mutual TLS; then the broker needs no SASL."""
    files = identity(secured.authority)
    assert sums(await read(secured.address("SSL"), tls={"ca_file": secured.ca_file, **files})) == [{"orders": 3}]


@pytest.mark.usefixtures("lagging")
async def test_another_host_name_when_it_is_not_checked(secured: Any) -> None:
    """The certificate is for localhost."""
    tls = {"ca_file": secured.ca_file, "check_hostname": False}
    address = secured.address("SASL_SSL", host="127.0.0.1")
    assert sums(await read(address, tls=tls, sasl={"mechanism": "PLAIN", **LOGIN})) == [{"orders": 3}]


PLAIN = {"mechanism": "PLAIN", **LOGIN}
TRUSTING, TRUSTING_OTHERS = {"ca_file": "ca.pem"}, {"ca_file": "other.pem"}

REFUSED: dict[str, tuple[str, dict[str, Any], Reason, str]] = {
    "wrong password": (
        "SASL_SSL",
        {"tls": TRUSTING, "sasl": {**PLAIN, "password": "wrong"}},
        Reason.REFUSED,
        "the broker does not let 'exporter' in: Authentication failed: Invalid username or password; "
        "see to sasl.username and its password",
    ),
    "wrong password of SCRAM": (
        "SASL_SSL",
        {"tls": TRUSTING, "sasl": {**PLAIN, "mechanism": "SCRAM-SHA-512", "password": "wrong"}},
        Reason.REFUSED,
        "the broker does not let 'exporter' in: Authentication failed during authentication due to invalid credentials "
        "with SASL mechanism SCRAM-SHA-512; see to sasl.username and its password",
    ),
    "mechanism that is not there": (
        "SASL_PLAINTEXT",
        {"sasl": {**PLAIN, "mechanism": "SCRAM-SHA-256"}},
        Reason.REFUSED,
        "the broker does not take SCRAM-SHA-256 here, but PLAIN: set sasl.mechanism",
    ),
    "another authority": (
        "SASL_SSL",
        {"tls": TRUSTING_OTHERS, "sasl": PLAIN},
        Reason.REFUSED,
        "the broker's certificate is not trusted: unable to get local issuer certificate; see to it or to tls.ca_file",
    ),
    "the machine's authorities": (
        "SASL_SSL",
        {"tls": {}, "sasl": PLAIN},
        Reason.REFUSED,
        "the broker's certificate is not trusted: unable to get local issuer certificate; see to it or to tls.ca_file",
    ),
    "no certificate": (
        "SSL",
        {"tls": TRUSTING},
        Reason.REFUSED,
        "the broker wants to see a certificate: set tls.cert_file and tls.key_file (sslv3 alert bad certificate)",
    ),
    "plaintext to TLS": (
        "SSL",
        {},
        Reason.INVALID_ANSWER,
        "it answers in TLS: set tls, or name its plaintext port",
    ),
    "plaintext to TLS and SASL": (
        "SASL_SSL",
        {"sasl": PLAIN},
        Reason.INVALID_ANSWER,
        "it answers in TLS: set tls, or name its plaintext port",
    ),
    "TLS to plaintext": (
        "PLAINTEXT",
        {"tls": TRUSTING},
        Reason.INVALID_ANSWER,
        "it closed the connection instead of a TLS handshake: is this its TLS port? Without TLS leave out tls",
    ),
    "no SASL": (
        "SASL_PLAINTEXT",
        {},
        Reason.REFUSED,
        "it closed the connection at the first request, as brokers do that want SASL: set sasl",
    ),
    "no SASL over TLS": (
        "SASL_SSL",
        {"tls": TRUSTING},
        Reason.REFUSED,
        "it closed the connection at the first request, as brokers do that want SASL: set sasl",
    ),
    "SASL where there is none": (
        "PLAINTEXT",
        {"sasl": PLAIN},
        Reason.REFUSED,
        "the broker takes no SASL at this port: name its SASL port, or leave out sasl",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_mistake_says_what_to_do(
    secured: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """Each is a reason and a sentence; the exporter goes on and asks again."""
    listener, settings, reason, message = REFUSED[case]
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    (tmp_path / "ca.pem").write_bytes(secured.ca_file.read_bytes())
    monkeypatch.chdir(tmp_path)
    address = secured.address(listener)
    error = await refused(address, **settings)
    assert (error.reason, error.message) == (reason, f"{address}: {message}")


async def test_a_certificate_for_another_host_is_refused(secured: Any) -> None:
    """The name is checked unless it is said not to be."""
    address = secured.address("SASL_SSL", host="127.0.0.1")
    error = await refused(address, tls={"ca_file": secured.ca_file}, sasl=PLAIN)
    assert error.reason == Reason.REFUSED
    assert error.message == (
        f"{address}: the broker's certificate is for another host: IP address mismatch, certificate is not valid for "
        "'127.0.0.1'; connect by a name that the certificate has, or set tls.check_hostname to false"
    )


async def test_a_refused_token_is_told_and_not_kept(secured: Any, issuer: Any) -> None:
    """The broker says no, the next read asks for another, and it says yes."""
    address = secured.address("SASL_SSL")
    issuer.skew = -7200
    async with reading(address, tls={"ca_file": secured.ca_file}, sasl=token(issuer)) as source:
        with pytest.raises(SourceError) as caught:
            await source.read()
        assert caught.value.reason == Reason.REFUSED
        assert caught.value.message == (
            f'{address}: the broker refuses the token: {{"status":"invalid_token"}}; '
            "is it expired, of another issuer, without the scope it needs?"
        )
        issuer.skew = 0
        assert (await source.read()).problems == ()


async def test_an_exchanged_certificate_holds_from_the_next_connection_on(secured: Any, identity: Any) -> None:
    """The files keep their names, as when a secret of Kubernetes is renewed."""
    address, files = secured.address("SSL"), identity(trustme.CA())
    async with reading(address, tls={"ca_file": secured.ca_file, **files}) as source:
        with pytest.raises(SourceError) as caught:
            await source.read()
        assert caught.value.reason == Reason.REFUSED
        assert re.fullmatch(
            rf"{address}: the broker does not take the certificate \S+/identity.pem; "
            r"is it expired, or of another authority\? \(.+\)",
            caught.value.message,
        )
        identity(secured.authority)
        assert (await source.read()).problems == ()


async def test_an_exchanged_password_holds_from_the_next_connection_on(secured: Any, tmp_path: Path) -> None:
    """Without a restart, and a file that went away is a sentence."""
    password = tmp_path / "password"
    password.write_text("the one before", encoding="utf-8")
    sasl = {"mechanism": "SCRAM-SHA-512", "username": "exporter", "password_file": password}
    address = secured.address("SASL_SSL")
    async with reading(address, tls={"ca_file": secured.ca_file}, sasl=sasl) as source:
        with pytest.raises(SourceError, match="does not let 'exporter' in"):
            await source.read()
        password.unlink()
        with pytest.raises(SourceError) as caught:
            await source.read()
        assert caught.value.message == (
            f"{address}: not connected: {password} can't be read: No such file or directory"
        )
        password.write_text(f"{LOGIN['password']}\n", encoding="utf-8")
        assert (await source.read()).problems == ()


async def test_settings_of_a_topic_that_an_acl_hides(secured: Any) -> None:
    """DESCRIBE is enough for lag; that retention is not known is told once."""
    await fall_behind(secured, "sealed", "sealed-billing")
    await allow(secured, TOPIC, "sealed", "exporter", DESCRIBE)
    view: dict[str, Any] = {"address": secured.address("SASL_PLAINTEXT"), "names": "sealed", "sasl": PLAIN}
    await until(lambda: read(**view), lambda found: found.problems)
    async with reading(**view) as source:
        snapshot = await source.read()
        assert [problem.reason for problem in snapshot.problems] == [Reason.REFUSED]
        assert snapshot.problems[0].message.endswith("settings of topics: TopicAuthorizationFailedError")
        assert snapshot.limits == {}
        again = await source.read()
        assert sums(again) == [{"sealed": 3}]
        assert again.limits == {}


async def test_groups_and_topics_that_an_acl_hides(secured: Any) -> None:
    """A group of others is listed and costs only itself; a topic of others is not there."""
    await fall_behind(secured, "shared", "shared-billing", "shared-audit")
    await fall_behind(secured, "shared-not", "shared-billing")
    await allow(secured, GROUP, "shared-audit", "auditor", DESCRIBE)
    await allow(secured, TOPIC, "shared-not", "auditor", DESCRIBE)
    view: dict[str, Any] = {"address": secured.address("SASL_PLAINTEXT"), "names": "shared", "sasl": PLAIN}
    snapshot = await until(lambda: read(**view), lambda found: found.problems and "shared-not" not in found.topics)
    assert [problem.reason for problem in snapshot.problems] == [Reason.REFUSED]
    assert "commits of group shared-audit: GroupAuthorizationFailedError" in snapshot.problems[0].message
    assert snapshot.topics == {"shared": 1}
    lag = {group.name: snapshot.lag_sums(group) for group in snapshot.groups}
    assert lag == {"shared-audit": {}, "shared-billing": {"shared": 3}}


async def test_a_session_that_ends_costs_nothing(secured: Any) -> None:
    """The broker closes what is used after two seconds; another connection is opened before."""
    async with reading(
        secured.address("SASL_SSL"),
        tls={"ca_file": secured.ca_file},
        sasl={"mechanism": "SCRAM-SHA-256", "username": "exporter", "password": SecretStr(LOGIN["password"])},
    ) as source:
        until = time.monotonic() + 3
        while time.monotonic() < until:
            assert (await source.read()).problems == ()
            await asyncio.sleep(0.1)


async def test_a_token_is_renewed_before_it_ends(secured: Any, issuer: Any) -> None:
    """A life of two seconds is over twice meanwhile; no read sees anything of it."""
    issuer.life = 2.0
    async with reading(secured.address("SASL_SSL"), tls={"ca_file": secured.ca_file}, sasl=token(issuer)) as source:
        async with asyncio.timeout(30):
            while len(issuer.asked) < 3:
                assert (await source.read()).problems == ()
                await asyncio.sleep(0.1)
