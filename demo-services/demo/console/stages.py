"""The path from load to Slack as nine stages, each with a live number and a state. Pure.

No threshold is written here: a stage hurts when an alert that speaks of it fires, or when one of its parts can't be
scraped. Pending alerts are a warning.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from demo.console import units
from demo.console.prometheus import Alert
from demo.console.series import Series

ALWAYS_FIRING = "Watchdog"
"""Says that alerting works; it is no breach."""

Condition = Literal["ok", "warn", "bad", "unknown"]


@dataclass(frozen=True)
class Reading:
    """A live number of a stage: its PromQL, which gives one series, its unit and what it counts."""

    query: str
    unit: str
    what: str


@dataclass(frozen=True)
class Stage:
    """One stage: the ``signal`` labels of the alerts that speak of it, the ``part`` labels of its processes.

    `exporter` is the part that reads it.
    """

    name: str
    readings: tuple[Reading, ...] = ()
    signals: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    exporter: str = ""


REQUESTS = Reading("sum(gateway_route:gateway_ratelimit_decisions:rate1m)", "short", "requests/s")
REJECTED = Reading("sum(gateway_route:gateway_ratelimit_rejections:rate1m)", "short", "rejected/s")
CPU = Reading(
    "max(namespace_workload_pod:pod_cpu_limit_ratio:avg30s)", "percentunit", "of its CPU limit, the busiest pod"
)
LAG = Reading("sum(consumergroup_topic:kafka_consumergroup_lag:sum)", "short", "records behind")
LATE = Reading("max(consumergroup_topic:kafka_consumergroup_lag_seconds:max)", "s", "late, the latest group")
SOURCES = Reading("avg(part_source:exporter_up:min)", "percentunit", "of sources read")
TARGETS = Reading("avg(up)", "percentunit", "of targets up")

UP = "up"
READ = "min by (part) (part_source:exporter_up:min)"
"""Of each exporter: 0 when one of its sources can't be read."""

STAGES = (
    Stage("Load", parts=("load",)),
    Stage("Gateway", (REQUESTS, REJECTED), ("gateway_limits", "slo"), ("envoy",), exporter="gateway_limits"),
    Stage("Services", (CPU,), ("pod_cpu",), ("users", "orders", "questions", "billing", "answers"), exporter="pod_cpu"),
    Stage("Kafka", (LAG, LATE), ("kafka_lag",), exporter="kafka_lag"),
    Stage("Exporters", (SOURCES,), parts=("kafka_lag", "gateway_limits", "pod_cpu")),
    Stage("Prometheus", (TARGETS,), parts=("prometheus",)),
    Stage("Alertmanager", parts=("alertmanager",)),
    Stage("Router", parts=("router",)),
    Stage("Slack"),
)


@dataclass(frozen=True)
class Facts:
    """What is known now. None stands for "could not be asked": Prometheus down, Slack down, load down."""

    values: Mapping[str, float | None]
    """PromQL of a reading -> its value; None when it gave no series."""
    up: Mapping[str, bool] | None
    """Whether each part can be scraped."""
    read: Mapping[str, bool] | None
    """Whether each exporter reads all its sources."""
    alerts: tuple[Alert, ...] | None
    scenario: str | None
    slack: bool | None
    """Whether the demo's workspace answers; None when alerts go to a real Slack, which is not asked."""


@dataclass(frozen=True)
class StageState:
    """How a stage is drawn: its condition, why it is so (empty when well), and its lines of numbers."""

    name: str
    condition: Condition
    why: str
    lines: tuple[tuple[str, str], ...]
    """Number and what it counts."""


def states(facts: Facts) -> tuple[StageState, ...]:
    """Work out every stage, in the order of the path."""
    return tuple(_state(stage, facts) for stage in STAGES)


def part_states(series: Sequence[Series]) -> dict[str, bool]:
    """Read ``up`` by the label ``part``: False when any process of that part can't be scraped."""
    found: dict[str, bool] = {}
    for one in series:
        part = one.labels.get("part", "")
        found[part] = found.get(part, True) and one.points[-1][1] >= 1
    return found


def headline(states: Sequence[StageState]) -> str:
    """Say in a few words how the whole path is."""
    bad = [state for state in states if state.condition == "bad"]
    if bad:
        return "; ".join(f"{state.name}: {state.why}" for state in bad)
    if warned := [state for state in states if state.condition == "warn"]:
        return "; ".join(f"{state.name}: {state.why}" for state in warned)
    if unknown := [state.name for state in states if state.condition == "unknown"]:
        return f"Nothing fires; not measured: {', '.join(unknown)}"
    return "All is well"


def remaining(seconds: float | None) -> str:
    """Write what is left of a scenario: ``1:25 left``, or that it goes on."""
    if seconds is None:
        return "running"
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes}:{rest:02d} left"


def breaches(alerts: Sequence[Alert]) -> tuple[Alert, ...]:
    """Give the alerts that say that something is wrong: firing first, then by severity and age."""
    order = {"critical": 0, "warning": 1, "info": 2}
    wrong = [alert for alert in alerts if alert.name != ALWAYS_FIRING]
    return tuple(
        sorted(wrong, key=lambda one: (one.state != "firing", order.get(one.labels.get("severity", ""), 3), one.since))
    )


def _state(stage: Stage, facts: Facts) -> StageState:
    condition, why = _condition(stage, facts)
    return StageState(stage.name, condition, why, _lines(stage, facts))


def _condition(stage: Stage, facts: Facts) -> tuple[Condition, str]:
    if stage.name == "Slack":
        return ("bad", "does not answer") if facts.slack is False else ("ok", "")
    if facts.up is None or facts.alerts is None:
        return ("bad", "can't be reached") if stage.name == "Prometheus" else ("unknown", "Prometheus can't be asked")
    if down := [part for part in stage.parts if facts.up.get(part) is False]:
        return "bad", f"{', '.join(down)} down" if len(stage.parts) > 1 else "down"
    if (facts.read or {}).get(stage.exporter) is False:
        return "bad", f"can't be read by {stage.exporter}"
    about = [alert for alert in breaches(facts.alerts) if _speaks_of(alert, stage)]
    if about and about[0].state == "firing":
        return "bad", about[0].name
    if about:
        return "warn", f"{about[0].name} pending"
    return ("ok", "") if _is_measured(stage, facts) else ("unknown", "not measured")


def _speaks_of(alert: Alert, stage: Stage) -> bool:
    if alert.labels.get("signal") in stage.signals:
        return True
    return alert.labels.get("signal") == "pipeline" and alert.labels.get("part") in stage.parts


def _is_measured(stage: Stage, facts: Facts) -> bool:
    if stage.readings:
        return any(facts.values.get(reading.query) is not None for reading in stage.readings)
    return any(part in (facts.up or {}) for part in stage.parts)


def _lines(stage: Stage, facts: Facts) -> tuple[tuple[str, str], ...]:
    match stage.name:
        case "Load":
            return ((facts.scenario or "—", "scenario" if facts.scenario else "load can't be asked"),)
        case "Alertmanager":
            if facts.alerts is None:
                return (("—", "alerts"),)
            firing = sum(alert.state == "firing" for alert in breaches(facts.alerts))
            return ((str(firing), "firing"),)
        case "Slack":
            if facts.slack is None:
                return (("yours", "workspace"),)
            return (("up" if facts.slack else "down", "workspace"),)
    if stage.readings:
        return tuple(
            (units.text(facts.values.get(reading.query), reading.unit), reading.what) for reading in stage.readings
        )
    seen = [(facts.up or {}).get(part) for part in stage.parts]
    return (("—" if None in seen else "up" if all(seen) else "down", "process"),)
