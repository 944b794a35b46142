"""Logins, and tokens that the published key checks."""

import stat
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider

from demo.users.app import application
from demo.users.keys import KeyFileError, load_or_make
from demo.users.settings import UsersSettings

Calling = Callable[[FastAPI], httpx.AsyncClient]

NOW = 1_800_000_000.0


@pytest.fixture
def app(tmp_path: Path, tracing: TracerProvider) -> FastAPI:
    """Users at NOW, with a new key and tokens for 90 seconds."""
    settings = UsersSettings(listen="127.0.0.1:1", key_file=tmp_path / "key.pem", token_lifetime=90)
    return application(settings, load_or_make(settings.key_file), tracing, now=lambda: NOW)


async def test_a_login_gives_a_token_that_the_published_key_checks(calling: Calling, app: FastAPI) -> None:
    """ES256, with the claims that the gateway asks for; the key is found by its id."""
    async with calling(app) as client:
        login = await client.post("/login", json={"user": "alice", "password": "demo"})
        keys = jwt.PyJWKSet.from_dict((await client.get("/.well-known/jwks.json")).json())
    answer = login.json()
    token = answer.pop("access_token")
    assert answer == {"token_type": "Bearer", "expires_in": 90}
    header = jwt.get_unverified_header(token)
    assert header["alg"] == "ES256"
    claims = jwt.decode(
        token,
        keys[header["kid"]],
        algorithms=["ES256"],
        issuer="https://users.bongsu.demo",
        audience="bongsu-demo",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims["sub"] == "alice"
    assert (claims["iat"], claims["exp"]) == (NOW, NOW + 90)


async def test_the_key_set_holds_no_private_part(calling: Calling, app: FastAPI) -> None:
    """`d` of RFC 7518 section 6.2.2 stays in the file."""
    async with calling(app) as client:
        (key,) = (await client.get("/.well-known/jwks.json")).json()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "use", "alg", "kid"}


@pytest.mark.parametrize("password", ["", "Demo", "demo ", "démo", "demo\0"])
async def test_a_wrong_password_is_401(calling: Calling, app: FastAPI, password: str) -> None:
    """Also one that is no ASCII."""
    async with calling(app) as client:
        login = await client.post("/login", json={"user": "alice", "password": password})
    assert login.status_code == 401
    assert login.json() == {"detail": "wrong user or password"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"user": "alice"}',
        b'{"user": "Alice", "password": "demo"}',
        b'{"user": "alice\\n", "password": "demo"}',
        b'{"user": "1alice", "password": "demo"}',
        b'{"user": "a23456789012345678901234567890123", "password": "demo"}',
        b'{"user": "alice", "password": 7}',
        b'{"user": "alice", "password": "demo", "admin": true}',
    ],
)
async def test_an_ill_formed_login_is_422(calling: Calling, app: FastAPI, content: bytes) -> None:
    """No token for what is not a login."""
    async with calling(app) as client:
        login = await client.post("/login", content=content, headers={"content-type": "application/json"})
    assert login.status_code == 422


async def test_me_is_whom_the_gateway_names(calling: Calling, app: FastAPI) -> None:
    """The name comes from x-client-id; without it the answer is 401."""
    async with calling(app) as client:
        assert (await client.get("/users/me", headers={"x-client-id": "alice"})).json() == {"user": "alice"}
        assert (await client.get("/users/me")).status_code == 401


def test_the_key_is_kept_and_private(tmp_path: Path) -> None:
    """The file is made once, with its folder, for its owner only, and nothing else is left beside it."""
    path = tmp_path / "state" / "key.pem"
    assert load_or_make(path).id == load_or_make(path).id
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_services_that_make_a_key_at_once_use_the_same(tmp_path: Path) -> None:
    """Whoever is second takes the first's key."""
    path = tmp_path / "key.pem"
    together = threading.Barrier(4)
    ids: list[str] = []

    def start() -> None:
        together.wait()
        ids.append(load_or_make(path).id)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 4
    assert len(set(ids)) == 1


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a private key in PEM; delete it to get a new one"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "is not a private key in PEM"),
        (_pem(rsa.generate_private_key(65537, 2048)), "holds no P-256 key, which ES256 needs"),
        (_pem(ec.generate_private_key(ec.SECP384R1())), "holds no P-256 key, which ES256 needs"),
    ],
    ids=["empty", "garbage", "RSA", "P-384"],
)
def test_a_file_without_a_usable_key_is_said_so(tmp_path: Path, content: bytes, message: str) -> None:
    """The error names the file and what to do; the file stays as it is."""
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    with pytest.raises(KeyFileError) as caught:
        load_or_make(path)
    assert str(caught.value).startswith(f"key_file: {path} {message}")
    assert path.read_bytes() == content


def test_a_folder_that_is_a_file_is_said_so(tmp_path: Path) -> None:
    """No stack trace where the key can't be made."""
    (tmp_path / "state").write_text("")
    with pytest.raises(KeyFileError, match="can't be read or made"):
        load_or_make(tmp_path / "state" / "key.pem")
