"""Labels choose the channel, whom an alert calls, how it escalates."""

from typing import Any

import pytest

from alerting.config import RouterSettings
from alerting.routes import Routes, compiled


def routes(**fields: Any) -> Routes:
    made = {"listen": "127.0.0.1:1", "store": "r.db", "slack": {"token": "x"}, "default_channel": "#alerts", **fields}
    return compiled(RouterSettings.model_validate(made))


ROUTES = routes(
    routes=[
        {"match": {"signal": "kafka_lag", "severity": "critical"}, "channel": "#kafka-now"},
        {"match": {"signal": "kafka_lag"}, "channel": "#kafka"},
        {"match": {"team": "~pay.*|billing"}, "channel": "#money"},
        {"match": {"dotted": "a.b"}, "channel": "#dots"},
        {"match": {"absent": "", "lone": "yes"}, "channel": "#lone"},
    ],
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


TREE = routes(
    mention={"critical": ["@here"]},
    escalation=[{"after": "30m", "channel": "#incidents"}, {"after": "10m", "mention": ["S0123456"]}],
    routes=[
        {
            "match": {"team": "money"},
            "channel": "#money",
            "escalation": [],
            "routes": [
                {"match": {"severity": "critical"}, "mention": {"critical": ["U0123456"]}},
                {
                    "match": {"severity": "info"},
                    "channel": "#money-later",
                },
            ],
        },
        {"match": {"team": "~.+"}, "channel": "#teams"},
    ],
)


@pytest.mark.parametrize(
    ("labels", "channel", "mention", "steps"),
    [
        ({}, "#alerts", ("@here",), [600.0, 1800.0]),
        ({"team": "money"}, "#money", ("@here",), []),
        ({"team": "money", "severity": "critical"}, "#money", ("U0123456",), []),
        ({"team": "money", "severity": "info"}, "#money-later", ("@here",), []),
        ({"team": "other", "severity": "info"}, "#teams", ("@here",), [600.0, 1800.0]),
    ],
)
def test_a_route_within_another_says_only_what_is_different(labels, channel, mention, steps):
    """The innermost that matches decides; what it does not say comes from around it."""
    policy = TREE.policy(labels)
    assert policy.channel == channel
    assert policy.mention["critical"] == mention
    assert [step.after for step in policy.escalation] == steps
