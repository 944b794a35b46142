"""An access log that callers have a hand in: what they choose makes neither many series nor long ones."""

import json
from pathlib import Path
from typing import Any

from exporters.gateway_limits.clients import LONGEST_NAME, MOST_ROUTES
from exporters.gateway_limits.config import Nginx
from exporters.gateway_limits.snapshot import Outcome
from exporters.gateway_limits.sources.nginx import MOST_LIMITS, OUTCOMES, NginxSource


async def test_routes_and_clients_of_callers_choosing(tmp_path: Path, clock: Any) -> None:
    """A log_format with $uri as the route: whatever is asked for, all is counted, in a bounded number of series."""
    log = tmp_path / "access.log"
    log.write_text("")
    source = NginxSource(Nginx(kind="nginx", name="edge", access_log=log, clients=5), clock)
    await source.read()
    many = 100_000
    with log.open("a") as file:
        for number in range(many):
            uri = f"/{number}/{'x' * 200}" if number % 2 else "/orders"
            line = {"route": uri, "client": f"{number}{'y' * 200}", "limit_req_status": "REJECTED"}
            file.write(json.dumps(line) + "\n")
    snapshot = await source.read()
    await source.close()
    rejected = {
        decision: count for decision, count in snapshot.decisions.items() if decision.outcome is Outcome.REJECTED
    }
    assert sum(rejected.values()) == sum(snapshot.clients.values()) == many
    assert len(snapshot.decisions) <= (MOST_LIMITS + 1) * len(set(OUTCOMES.values()))
    assert len(snapshot.clients) <= (MOST_ROUTES + 1) * (5 + 1)
    assert max(len(decision.route) for decision in snapshot.decisions) == LONGEST_NAME
    assert max(len(client.name) for client in snapshot.clients) <= LONGEST_NAME
