"""One ASGI application on one address."""

import socket
import ssl
import sys
from pathlib import Path
from typing import Any

import uvicorn
from pydantic import model_validator

from process.settings import Settings

GRACE = 5
"""Whole seconds that open requests get to end once the process is told to stop."""


class TlsSettings(Settings):
    """HTTPS with this certificate; with `client_ca` a caller needs one that it has signed."""

    certificate: Path
    key: Path
    client_ca: Path | None = None

    @model_validator(mode="after")
    def _can_be_read(self) -> "TlsSettings":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.certificate, self.key)
            if self.client_ca:
                context.load_verify_locations(self.client_ca)
        except OSError as error:  # ssl.SSLError is one
            raise ValueError(f"the certificates can't be used: {error.strerror or error}") from error
        return self


def serve(application: Any, address: str, tls: TlsSettings | None = None) -> None:
    """Serve `application` on `address` (``host:port``) until SIGTERM or Ctrl-C; open requests then have GRACE to end.

    Exits with a status that is not 0 when the address can't be bound or the application does not start; the log, or for
    a host that does not exist stderr, says why.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        sys.exit(f"listen: {address}: {error.strerror}")
    config = uvicorn.Config(
        application,
        host=host,
        port=int(port),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=GRACE,
        **_ssl(tls),
    )
    uvicorn.Server(config).run()


def _ssl(tls: TlsSettings | None) -> dict[str, Any]:
    if tls is None:
        return {}
    return {
        "ssl_certfile": tls.certificate,
        "ssl_keyfile": tls.key,
        "ssl_ca_certs": tls.client_ca,
        "ssl_cert_reqs": ssl.CERT_REQUIRED if tls.client_ca else ssl.CERT_NONE,
    }
