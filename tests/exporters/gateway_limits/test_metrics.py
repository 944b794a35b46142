"""The text of /metrics."""

from collections.abc import Callable

from exporters.collection import Status
from exporters.errors import Reason, SourceError
from exporters.exposition import Exposition
from exporters.gateway_limits import EXPORTER
from exporters.gateway_limits.config import Envoy, GatewayLimitsSettings
from exporters.gateway_limits.snapshot import (
    Bucket,
    Check,
    Client,
    Decision,
    Limit,
    Origin,
    Outcome,
    Snapshot,
)
from exporters.scrape import all_families

SETTINGS = GatewayLimitsSettings(
    listen="127.0.0.1:9309", gateways=(Envoy(kind="envoy", name="edge", admin="http://127.0.0.1:9901"),)
)


def test_metrics(golden: Callable[[str, str], None]) -> None:
    """The same families for all gateways; one that is down has no series but its own state."""
    decided = {
        Decision("orders", "orders", Outcome.REJECTED, Origin.GATEWAY): 3,
        Decision("orders", "orders", Outcome.ACCEPTED, Origin.GATEWAY): 2_000_000,
        Decision("orders", "orders", Outcome.SHADOW, Origin.GATEWAY): 0,
        Decision("orders", "", Outcome.REJECTED, Origin.UPSTREAM): 1,
        Decision("login", "login", Outcome.ACCEPTED, Origin.GATEWAY): 4,
    }
    limits = {
        Bucket("orders", "orders"): Limit(200, 1, 400),
        Bucket("orders", "orders", "client"): Limit(20, 60),
        Bucket("login", "login"): Limit(5),
    }
    snapshot = Snapshot(
        "edge",
        decided,
        limits,
        used={Bucket("orders", "orders"): 0.25},
        clients={Client("orders", "gold"): 2, Client("orders", "other"): 1},
        checks={Check.ENFORCED: "limits at 0 %: login", Check.STATISTICS: ""},
    )
    up = Status("edge", snapshot, attempts=1, duration=0.002, last_success=1_700_000_000.5)
    error = SourceError(Reason.TIMEOUT, "not read within 4 s")
    down = Status[Snapshot]("inner", None, error, attempts=1, duration=4.0, failures={Reason.TIMEOUT: 1})
    golden("metrics.prom", Exposition().render(all_families(EXPORTER, SETTINGS, [up, down])).decode())
