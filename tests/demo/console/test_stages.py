"""The path from load to Slack."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml

from demo.console import stages
from demo.console.prometheus import Alert
from demo.console.series import Series
from demo.console.stages import Facts, StageState

PARTS = {part: True for stage in stages.STAGES for part in stage.parts}
VALUES: dict[str, float | None] = {
    stages.REQUESTS.query: 45.8,
    stages.REJECTED.query: 0.0,
    stages.CPU.query: 0.43,
    stages.LAG.query: 12,
    stages.LATE.query: 1.5,
    stages.SOURCES.query: 1,
    stages.TARGETS.query: 1,
}
READ = {stage.exporter: True for stage in stages.STAGES if stage.exporter}
WELL = Facts(VALUES, PARTS, READ, (), "Steady", slack=True)


def alert(name: str, state: Literal["firing", "pending"] = "firing", **labels: str) -> Alert:
    """An alert with its labels."""
    return Alert(name, state, {"severity": "warning", **labels}, {}, "2026-01-01T00:00:00Z")


def stage(facts: Facts, name: str) -> StageState:
    """One stage's state."""
    return next(state for state in stages.states(facts) if state.name == name)


def test_all_is_well() -> None:
    """Nothing fires, everything is measured; 0 rejected is written as 0."""
    assert {state.condition for state in stages.states(WELL)} == {"ok"}
    assert stages.headline(stages.states(WELL)) == "All is well"
    assert stage(WELL, "Gateway").lines == (("45.8", "requests/s"), ("0", "rejected/s"))


@pytest.mark.parametrize(
    ("change", "name", "condition", "why"),
    [
        ({"alerts": (alert("KafkaConsumerLagHigh", signal="kafka_lag"),)}, "Kafka", "bad", "KafkaConsumerLagHigh"),
        (
            {"alerts": (alert("PodCPUNearLimit", "pending", signal="pod_cpu"),)},
            "Services",
            "warn",
            "PodCPUNearLimit pending",
        ),
        ({"alerts": (alert("Limits", signal="gateway_limits"),)}, "Gateway", "bad", "Limits"),
        ({"alerts": (alert("Limits", signal="gateway_limits"),)}, "Kafka", "ok", ""),
        ({"alerts": (alert("Burning", signal="slo"),)}, "Gateway", "bad", "Burning"),
        ({"read": READ | {"kafka_lag": False}}, "Kafka", "bad", "can't be read by kafka_lag"),
        (
            {"alerts": (alert("ExporterSourceDown", signal="pipeline", part="pod_cpu"),)},
            "Exporters",
            "bad",
            "ExporterSourceDown",
        ),
        ({"alerts": (alert("Watchdog", signal="pipeline"),)}, "Prometheus", "ok", ""),
        ({"up": PARTS | {"users": False}}, "Services", "bad", "users down"),
        ({"up": PARTS | {"router": False}}, "Router", "bad", "down"),
        ({"up": {}}, "Router", "unknown", "not measured"),
        ({"values": dict.fromkeys(VALUES)}, "Kafka", "unknown", "not measured"),
        ({"up": None, "alerts": None}, "Prometheus", "bad", "can't be reached"),
        ({"up": None, "alerts": None}, "Kafka", "unknown", "Prometheus can't be asked"),
        ({"slack": False}, "Slack", "bad", "does not answer"),
        ({"slack": None}, "Slack", "ok", ""),
        ({"scenario": None}, "Load", "ok", ""),
    ],
)
def test_a_stage_turns_red_where_it_hurts(change: dict[str, Any], name: str, condition: str, why: str) -> None:
    """A firing alert or a process that is down is red; what can't be asked is unknown, never well."""
    state = stage(replace(WELL, **change), name)
    assert (state.condition, state.why) == (condition, why)


def test_the_headline_says_the_worst() -> None:
    """What is bad comes before what is only near."""
    alerts = (alert("A", "pending", signal="kafka_lag"), alert("B", signal="pod_cpu"))
    assert stages.headline(stages.states(replace(WELL, alerts=alerts))) == "Services: B"
    assert stages.headline(stages.states(replace(WELL, alerts=alerts[:1]))) == "Kafka: A pending"
    empty = stages.headline(stages.states(replace(WELL, up={})))
    assert empty == "Nothing fires; not measured: Load, Alertmanager, Router"


def test_unknown_numbers_are_no_zeros() -> None:
    """A reading without an answer is a dash."""
    assert stage(replace(WELL, values={}), "Kafka").lines == (("—", "records behind"), ("—", "late, the latest group"))


def test_a_part_is_up_when_all_of_it_is() -> None:
    """Two processes of one part: one down is down."""
    series = [
        Series({"part": "users"}, ((0, 1),)),
        Series({"part": "users"}, ((0, 0),)),
        Series({"part": "x"}, ((0, 1),)),
    ]
    assert stages.part_states(series) == {"users": False, "x": True}


def test_firing_comes_before_pending_and_critical_before_warning() -> None:
    """The list of alerts begins with what matters most, without the Watchdog."""
    alerts = (
        alert("pending", "pending", severity="critical"),
        alert("warning"),
        alert("critical", severity="critical"),
        alert("Watchdog"),
    )
    assert [one.name for one in stages.breaches(alerts)] == ["critical", "warning", "pending"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "running"), (125.4, "2:05 left"), (0, "0:00 left"), (-3, "0:00 left")]
)
def test_the_time_left_is_written(seconds: float | None, text: str) -> None:
    """Minutes and seconds, never less than none."""
    assert stages.remaining(seconds) == text


def test_every_number_is_recorded_by_a_rule() -> None:
    """The path reads recording rules that exist, and ``up``."""
    folder = Path(__file__).parents[3] / "alerting" / "rules"
    groups = [group for file in folder.glob("*.yml") for group in yaml.safe_load(file.read_text())["groups"]]
    recorded = {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}
    read = {reading.query.partition("(")[2].rstrip(")") for stage in stages.STAGES for reading in stage.readings}
    assert read <= recorded | {"up"}
