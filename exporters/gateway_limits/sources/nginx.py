"""NGINX: its access log, for no page of the free edition tells of limits.

https://nginx.org/en/docs/http/ngx_http_limit_req_module.html#var_limit_req_status (1.17.6 and later)

    log_format limits escape=json
        '{"route":"$limit_route","client":"$remote_addr","status":"$status",'
        '"upstream_status":"$upstream_status","limit_req_status":"$limit_req_status"}';

``$limit_route`` is a name that the configuration gives each location (``set $limit_route orders;``), not what the
caller asks for. ``limit`` (a name) and ``limit_conn_status`` may be added. A request that no limit looked at has an
empty status and is not counted. The counts begin with the exporter.
"""

import time
from collections import Counter
from collections.abc import Callable

from exporters.gateway_limits.access_log import AccessLog, Entry
from exporters.gateway_limits.clients import LONGEST_NAME, MOST_ROUTES, OTHER, Clients
from exporters.gateway_limits.config import Nginx
from exporters.gateway_limits.snapshot import Check, Decision, Origin, Outcome, Snapshot

OUTCOMES = {
    "PASSED": Outcome.ACCEPTED,
    "DELAYED": Outcome.DELAYED,
    "REJECTED": Outcome.REJECTED,
    "DELAYED_DRY_RUN": Outcome.SHADOW,
    "REJECTED_DRY_RUN": Outcome.SHADOW,
}
STATUSES = ("limit_req_status", "limit_conn_status")
TOO_MANY_REQUESTS = "429"
MOST_LIMITS = 2 * MOST_ROUTES


class NginxSource:
    """One NGINX."""

    def __init__(self, gateway: Nginx, clock: Callable[[], float] = time.monotonic) -> None:
        """Open nothing yet; `clock` gives seconds and never jumps."""
        self._gateway = gateway
        self._log = AccessLog(gateway.access_log, clock)
        self._clients = Clients(gateway.clients, clock)
        self._decisions: Counter[Decision] = Counter()
        self._limits: set[tuple[str, str]] = set()

    async def close(self) -> None:
        """Let go of the log."""
        self._log.close()

    async def read(self) -> Snapshot:
        """Read on in the log; raises SourceError when there is none."""
        problems = await self._log.problems(self._take)
        if not self._log.opened:
            raise problems[0]
        return Snapshot(
            self._gateway.name,
            dict(self._decisions),
            clients=self._clients.counts(),
            checks=checks(self._log.last()),
            problems=tuple(problems),
        )

    def _take(self, entry: Entry) -> None:
        route = _text(entry, "route")[:LONGEST_NAME]
        limit = _text(entry, "limit")[:LONGEST_NAME]
        for status in STATUSES:
            if outcome := OUTCOMES.get(_text(entry, status)):
                self._count(route, limit or status.removesuffix("_status"), outcome, Origin.GATEWAY)
                if outcome is Outcome.REJECTED:
                    self._clients.rejected(route, _text(entry, "client"))
        # with several upstreams tried the last is the one that answered
        if _text(entry, "upstream_status").rpartition(", ")[2] == TOO_MANY_REQUESTS:
            self._count(route, "", Outcome.REJECTED, Origin.UPSTREAM)

    def _count(self, route: str, limit: str, outcome: Outcome, origin: Origin) -> None:
        """Count one; all outcomes of a limit begin together, so that the first rejection is a rise from 0."""
        if (route, limit) not in self._limits:
            if len(self._limits) >= MOST_LIMITS:
                route, limit = OTHER, OTHER if limit else ""
            self._limits.add((route, limit))
            if limit:
                self._decisions.update({Decision(route, limit, each, origin): 0 for each in set(OUTCOMES.values())})
        self._decisions[Decision(route, limit, outcome, origin)] += 1


def checks(last: Entry | None) -> dict[Check, str]:
    """Say which fields the last line lacks; nothing while there is no line."""
    if last is None:
        return {}
    lacking = [f'"{field}"' for field in ("route", "client") if field not in last]
    if not any(status in last for status in STATUSES):
        lacking.append('"limit_req_status":"$limit_req_status"')
    upstream = "upstream_status" in last
    return {
        Check.STATISTICS: f"log_format lacks {', '.join(lacking)}" if lacking else "",
        Check.ORIGIN: "" if upstream else 'log_format lacks "upstream_status":"$upstream_status"',
    }


def _text(entry: Entry, field: str) -> str:
    """Text of a field; NGINX writes ``-`` or nothing for a variable without a value."""
    value = entry.get(field)
    return "" if value is None or value == "-" else str(value)
