"""Labels choose the channel."""

import pytest

from alerting.config import RouteSettings
from alerting.routes import compiled

ROUTES = compiled(
    [
        RouteSettings(match={"signal": "kafka_lag", "severity": "critical"}, channel="#kafka-now"),
        RouteSettings(match={"signal": "kafka_lag"}, channel="#kafka"),
        RouteSettings(match={"team": "~pay.*|billing"}, channel="#money"),
        RouteSettings(match={"dotted": "a.b"}, channel="#dots"),
        RouteSettings(match={"absent": "", "lone": "yes"}, channel="#lone"),
    ],
    "#alerts",
)


@pytest.mark.parametrize(
    ("labels", "channel"),
    [
        ({}, "#alerts"),
        ({"signal": "kafka_lag"}, "#kafka"),
        ({"signal": "kafka_lag", "severity": "critical"}, "#kafka-now"),
        ({"signal": "kafka_lags"}, "#alerts"),
        ({"team": "payments"}, "#money"),
        ({"team": "billing"}, "#money"),
        ({"team": "billing-old"}, "#alerts"),
        ({"team": "my-pay"}, "#alerts"),
        ({"team": "pay\nroll"}, "#money"),
        ({"dotted": "a.b"}, "#dots"),
        ({"dotted": "axb"}, "#alerts"),
        ({"lone": "yes"}, "#lone"),
        ({"lone": "yes", "absent": "no"}, "#alerts"),
    ],
)
def test_the_first_route_that_matches_gives_the_channel(labels, channel):
    """Whole values; every label of the route; the default for the rest."""
    assert ROUTES.channel(labels) == channel
