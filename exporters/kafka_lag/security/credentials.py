"""Certificates and keys, from their files: what was exchanged there holds from the next connection on."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path

PEM = "is not PEM (a Java keystore has to be converted: keytool -importkeystore, then openssl pkcs12)"


@dataclass(frozen=True)
class Identity:
    """The exporter's own certificate with its private key, PEM."""

    cert_file: Path
    key_file: Path
    password: str | None = field(default=None, repr=False)


def tls_context(ca_file: Path | None, identity: Identity | None = None, check_hostname: bool = True) -> ssl.SSLContext:
    """Make a client's TLS context. Without `ca_file` the authorities count that the machine trusts.

    Raises ValueError that names the file which can't be used.
    """
    context = _trusting(ca_file)
    context.check_hostname = check_hostname
    if identity is not None:
        _load(context, identity)
    return context


def version(file: Path | None) -> tuple[int, ...] | None:
    """Tell one content of a file from the next, also when a link was set to another; None when there is no file."""
    try:
        found = file.stat() if file is not None else None
    except OSError:
        return None
    return found and (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    if ca_file is None:
        return ssl.create_default_context()
    _see("ca_file", ca_file)
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as error:
        raise ValueError(f"ca_file {ca_file} {PEM}") from error


def _load(context: ssl.SSLContext, identity: Identity) -> None:
    cert, key = identity.cert_file, identity.key_file
    _see("cert_file", cert)
    _see("key_file", key)
    asked = False

    # without it OpenSSL would ask at the terminal
    def password() -> str:
        nonlocal asked
        asked = True
        return identity.password or ""

    try:
        context.load_cert_chain(cert, key, password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ValueError(f"key_file {key} is not the key of cert_file {cert}") from error
        if asked and identity.password is None:
            raise ValueError(f"key_file {key} is encrypted: set key_password_env or key_password_file") from error
        if asked:
            raise ValueError(f"key_file {key} is not opened by its key_password") from error
        raise ValueError(f"cert_file {cert} or key_file {key} {PEM}") from error


def _see(key: str, file: Path) -> None:
    """Raise ValueError unless the file of `key` can be read; OpenSSL would not tell which one could not."""
    try:
        file.open("rb").close()
    except OSError as error:
        raise ValueError(f"{key} {file} can't be read: {error.strerror}") from error
