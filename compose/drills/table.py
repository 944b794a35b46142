"""Every drill: what is broken, and what must come of it. A literal table."""

from collections.abc import Mapping
from dataclasses import dataclass

from compose.drills.breaking import Breakage, Limited, LimiterGone, Scenario, SlackFails, Stopped


@dataclass(frozen=True)
class Told:
    """An alert as people are told of it: its name, the channel, and labels that it must carry.

    `begins` and `ends` are words of the message while it fires and when it is over.
    """

    alert: str
    channel: str
    labels: Mapping[str, str]
    begins: str = "Firing:"
    ends: str = "Resolved:"

    def is_meant(self, text: str) -> bool:
        """Whether a message is about it."""
        return self.alert in text and (self.begins in text or self.ends in text)

    def is_over(self, text: str) -> bool:
        """Whether a message says that it is over."""
        return self.alert in text and self.ends in text


@dataclass(frozen=True)
class Drill:
    """What is broken, and what must come of it.

    `stage` is set before anything breaks and taken away after the message said that it is over. `accepts` are alerts
    that may come too, because whoever is on call would expect them beside `expects`. `within` is the seconds that it
    may take until the alert fires: twice what its rule asks for. `after` says that Slack can only hear of it once the
    cause is gone; `blind`, that Prometheus can't be asked meanwhile, and that it is the router that finds it;
    `watched` is then what a report charts, in seconds.
    """

    expects: Told
    breaks: tuple[Breakage, ...]
    accepts: tuple[Told, ...] = ()
    stage: tuple[Breakage, ...] = ()
    within: float = 240.0
    after: bool = False
    blind: bool = False
    watched: str | None = None

    @property
    def cause(self) -> str:
        """What is so while it is broken, as a sentence for people."""
        return " and ".join(str(breakage) for breakage in self.breaks)


LATE = Told("KafkaConsumerLagHigh", "kafka", {"consumergroup": "billing", "topic": "orders"})
REJECTING = Told("GatewayRateLimitRejecting", "gateway", {"gateway": "edge", "route": "orders"})
NEAR_LIMIT = Told("PodCPUNearLimit", "pods", {"namespace": "demo", "pod": "orders-0"})

DRILLS: Mapping[str, Drill] = {
    "lag": Drill(LATE, (Scenario("slow-consumer"),)),
    "limits": Drill(REJECTING, (Scenario("burst"),)),
    "cpu": Drill(NEAR_LIMIT, (Scenario("cpu-burn"),)),
    "stalled": Drill(
        Told("KafkaConsumerGroupStalled", "kafka", {"consumergroup": "billing", "topic": "orders"}),
        (Scenario("stalled-consumer"),),
        # a group that stands still is late before it is known to stand still; from then on it is inhibited
        accepts=(LATE,),
        within=420.0,
    ),
    "broker": Drill(
        Told("ExporterSourceDown", "pipeline", {"part": "kafka_lag"}),
        (Stopped("kafka"),),
    ),
    "fail-open": Drill(
        Told("GatewayRateLimiterFailing", "gateway", {"gateway": "edge"}),
        (LimiterGone(),),
    ),
    "throttled": Drill(
        Told("PodCPUThrottledAndSlow", "pods", {"namespace": "demo", "pod": "billing-0"}),
        (Scenario("throttled"),),
        stage=(Limited("billing", 0.1),),
        within=600.0,
    ),
    "router": Drill(
        Told("RouterDeliveryStalled", "pipeline", {"job": "pipeline"}),
        # the burst is what there is to tell while Slack takes nothing
        (SlackFails(), Scenario("burst")),
        accepts=(REJECTING,),
        within=420.0,
        after=True,
    ),
    "deadman": Drill(
        Told("Watchdog", "pipeline", {}, begins="is silent: Prometheus does not answer", ends="is back"),
        (Stopped("prometheus"),),
        blind=True,
        watched="time() - router_watchdog_last_received_timestamp_seconds",
    ),
}

QUICK = ("lag", "limits", "cpu")
"""The three signals, in ten minutes."""
