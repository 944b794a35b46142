"""What happens in one run, from its seed alone: alerts that come and go, and everything that goes wrong. Pure."""

import random
from dataclasses import dataclass
from enum import StrEnum

from demo.slack.faults import FaultOrder

SECONDS = 2.5
"""How long alerts change; afterwards everything gets time to settle."""

SIGNALS = ("kafka_lag", "gateway_limits", "pod_cpu")
SEVERITIES = ("critical", "warning", "info")
METHODS = ("chat.postMessage", "chat.postMessage", "chat.update", "conversations.history", "conversations.replies", "*")
FAULTS = (
    "accept_then_drop",
    "accept_then_hang",
    "http_500",
    "hang",
    "ratelimited",
    "message_limit_exceeded",
    "error:fatal_error",
    "error:internal_error",
)


class Mode(StrEnum):
    """What surrounds the router. ALERTMANAGER is a real one; the others have two that are acted."""

    SINGLE = "single"
    ALERTMANAGER = "alertmanager"
    REPLICAS = "replicas"


@dataclass(frozen=True)
class Life:
    """One alert: the spans in which it fires, in seconds of the run; the last may have no end."""

    topic: str
    severity: str
    spans: tuple[tuple[float, float | None], ...]

    def span(self, now: float) -> tuple[float, float | None] | None:
        """The span that is the newest at this time."""
        return next((span for span in reversed(self.spans) if span[0] <= now), None)

    def fires(self, now: float) -> bool:
        """Say whether it fires at this time."""
        span = self.span(now)
        return span is not None and (span[1] is None or span[1] > now)


@dataclass(frozen=True)
class Group:
    """Alerts that Alertmanager tells together."""

    name: str
    signal: str
    lives: tuple[Life, ...]

    @property
    def moments(self) -> list[float]:
        """When something changes."""
        return sorted({moment for life in self.lives for span in life.spans for moment in span if moment is not None})


@dataclass(frozen=True)
class Telling:
    """One notification: what the group was at `moment`, sent at `at`; what resolved since `since` is told too."""

    at: float
    group: Group
    since: float
    moment: float
    last: bool


@dataclass(frozen=True)
class Blow:
    """A router is killed, or stopped, for so long. `call` waits for the n-th call to Slack from `at` on."""

    at: float
    router: int
    seconds: float
    stop: bool
    call: int = 0
    after: bool = False


@dataclass(frozen=True)
class Script:
    """Everything of one run. `full_disk` and `restarts` (of Alertmanager) are times."""

    seed: int
    mode: Mode
    groups: tuple[Group, ...]
    tellings: tuple[Telling, ...]
    blows: tuple[Blow, ...]
    faults: tuple[tuple[float, FaultOrder], ...]
    deletions: frozenset[str]
    full_disk: tuple[float, ...]
    restarts: tuple[float, ...]

    @property
    def routers(self) -> int:
        """How many routers there are."""
        return 2 if self.mode is Mode.REPLICAS else 1


STEADY = Group("Steady", "kafka_lag", (Life("g999a0", "critical", ((0.0, None),)),))
"""What a real Alertmanager holds before anything goes wrong: until the router has seen one alert of it in the list, it
takes absence from the list for nothing, for it may be another's list."""


def write(seed: int, mode: Mode) -> Script:
    """Make up one run."""
    chance = random.Random(f"{seed} {mode}")
    storm = chance.random() < 0.15
    signal = chance.choice(SIGNALS)
    groups = tuple(
        _group(chance, number, signal if storm else chance.choice(SIGNALS))
        for number in range(chance.randint(20, 30) if storm else chance.randint(2, 5))
    )
    single = mode is Mode.SINGLE
    return Script(
        seed,
        mode,
        groups,
        tuple(sorted(_tellings(chance, groups), key=lambda telling: telling.at)),
        tuple(_blow(chance, mode) for _ in range(chance.randint(1, 3))),
        tuple((chance.uniform(0, SECONDS), _fault(chance)) for _ in range(chance.randint(0, 6))),
        frozenset(
            group.name
            for group in groups
            if chance.random() < 0.15 and mode is not Mode.ALERTMANAGER and len(group.moments) > 1
        ),
        (chance.uniform(0, SECONDS),) if single and chance.random() < 0.4 else (),
        (chance.uniform(0.5, SECONDS),) if mode is Mode.ALERTMANAGER and chance.random() < 0.5 else (),
    )


def _group(chance: random.Random, number: int, signal: str) -> Group:
    alone = chance.random() < 0.3
    lives = tuple(
        Life(f"g{number}a{each}", chance.choice(SEVERITIES), _spans(chance, alone))
        for each in range(1 if alone else chance.randint(2, 4))
    )
    return Group(f"Chaos{number}", signal, lives)


def _spans(chance: random.Random, again: bool) -> tuple[tuple[float, float | None], ...]:
    begin = chance.uniform(0, SECONDS / 2)
    if chance.random() < 0.25:
        return ((begin, None),)
    end = chance.uniform(begin + 0.2, SECONDS * 0.7)
    if again and chance.random() < 0.4:
        return ((begin, end), (chance.uniform(end + 0.2, SECONDS), None))
    return ((begin, end),)


def _tellings(chance: random.Random, groups: tuple[Group, ...]) -> list[Telling]:
    """Two Alertmanagers tell each change, each when it gets round to it, now and then twice."""
    tellings = []
    for group in groups:
        before = -1.0
        for moment in group.moments:
            last = moment == group.moments[-1]
            for _ in range(2 + (chance.random() < 0.2)):
                tellings.append(Telling(moment + chance.uniform(0, 0.5), group, before, moment, last))
            before = moment
    return tellings


def _blow(chance: random.Random, mode: Mode) -> Blow:
    stop = chance.random() < (0.5 if mode is Mode.REPLICAS else 0.2)
    return Blow(
        at=chance.uniform(0, SECONDS),
        router=chance.randrange(2) if mode is Mode.REPLICAS else 0,
        seconds=chance.uniform(1.8, 3.0) if stop else chance.uniform(0, 0.5),
        stop=stop,
        call=chance.choice((0, 1, 1, 2, 3)),
        after=chance.random() < 0.7,
    )


def _fault(chance: random.Random) -> FaultOrder:
    return FaultOrder.model_validate(
        {
            "method": chance.choice(METHODS),
            "kind": chance.choice(FAULTS),
            "times": chance.choice((1, 1, 1, 2, 3)),
            "retry_after": 1,
            "seconds": 1.5,
        }
    )
