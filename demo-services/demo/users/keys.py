"""The key that signs tokens: kept in a file, shown to gateways as a JSON Web Key Set (RFC 7517)."""

import base64
import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


class KeyFileError(Exception):
    """The key file can't be read, made or used; ``str()`` says what to do."""


@dataclass(frozen=True)
class SigningKey:
    """A P-256 private key and its public half as a JWK; `id` is the thumbprint of RFC 7638."""

    private: ec.EllipticCurvePrivateKey
    public_jwk: dict[str, str]

    @property
    def id(self) -> str:
        """The ``kid`` of the tokens that this key signs."""
        return self.public_jwk["kid"]


def load_or_make(path: Path) -> SigningKey:
    """Read the key in `path` (PEM, PKCS #8), or make one there that only its owner can read.

    Raises KeyFileError. A key appears whole or not at all; of two services that make one at once, both use the first.
    """
    try:
        if not path.exists():
            _make(path)
        pem = path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"key_file: {path} can't be read or made: {error.strerror}") from error
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise KeyFileError(f"key_file: {path} is not a private key in PEM; delete it to get a new one") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise KeyFileError(f"key_file: {path} holds no P-256 key, which ES256 needs; delete it to get a new one")
    return SigningKey(key, _jwk(key))


def _make(path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(descriptor)
        # A link, not a rename: it fails when another process has put its key there meanwhile.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    point = key.public_key().public_numbers()
    needed: dict[str, Any] = {"crv": "P-256", "kty": "EC", "x": _base64url(point.x), "y": _base64url(point.y)}
    thumbprint = hashlib.sha256(json.dumps(needed, separators=(",", ":"), sort_keys=True).encode()).digest()
    return {**needed, "use": "sig", "alg": "ES256", "kid": _unpadded(thumbprint)}


def _base64url(coordinate: int) -> str:
    return _unpadded(coordinate.to_bytes(32, "big"))


def _unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
