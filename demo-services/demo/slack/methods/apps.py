"""apps.connections.open: the address of a new socket (https://docs.slack.dev/reference/methods/apps.connections.open)."""

from typing import Any

from demo.slack.methods.call import Call


def connections_open(call: Call) -> dict[str, Any]:
    """Give out an address that opens one socket."""
    base = call.base_url.replace("http", "ws", 1)
    return {"url": f"{base}link/?ticket={call.sockets.ticket(call.app)}&app_id={call.app.id}"}
