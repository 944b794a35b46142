"""One ASGI application on one address."""

import socket
import sys
from typing import Any

import uvicorn

GRACE = 5
"""Whole seconds that open requests get to end once the process is told to stop."""


def serve(application: Any, address: str) -> None:
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
    )
    uvicorn.Server(config).run()
