"""One ASGI application on one address."""

from typing import Any

import uvicorn

GRACE = 5
"""Whole seconds that open requests get to end once the process is told to stop."""


def serve(application: Any, address: str) -> None:
    """Serve `application` on `address` (``host:port``) until SIGTERM or Ctrl-C; open requests then have GRACE to end.

    Exits with status 3 when the address can't be bound or the application does not start; the log says why.
    """
    host, _, port = address.rpartition(":")
    config = uvicorn.Config(
        application,
        host=host.strip("[]"),
        port=int(port),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=GRACE,
    )
    uvicorn.Server(config).run()
