"""What a panel needs of an alerting rule: its threshold, and which side of it is bad.

The rules are Prometheus rule files (prometheus.io, "Alerting rules") whose annotations follow the contract in
docs/architecture.md: ``threshold`` is the number that ``expr`` compares with, a test holds the two together.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

FOLDER = Path(__file__).resolve().parent.parent / "alerting" / "rules"


@dataclass(frozen=True)
class AlertRule:
    """One alerting rule, as far as it is drawn."""

    name: str
    signal: str
    severity: str
    threshold: float
    unit: str
    below: bool
    """True when the alert fires below its threshold, False when above."""


def load(folder: Path = FOLDER) -> dict[str, AlertRule]:
    """Read every alerting rule of the ``*.yml`` files in `folder`, by its name.

    Raises KeyError or ValueError when a rule breaks the contract: `promtool check rules` does not look there.
    """
    return {
        rule["alert"]: _alert_rule(rule)
        for path in sorted(folder.glob("*.yml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }


def _alert_rule(rule: Mapping[str, Mapping[str, str]]) -> AlertRule:
    return AlertRule(
        name=str(rule["alert"]),
        signal=rule["labels"]["signal"],
        severity=rule["labels"]["severity"],
        threshold=float(rule["annotations"]["threshold"]),
        unit=rule["annotations"]["unit"],
        below=_first_comparison(str(rule["expr"])) == "<",
    )


def _first_comparison(expr: str) -> str:
    """The operator that the threshold belongs to; none for an alert that always fires."""
    found = re.search(r" ([<>])=? ", expr)
    return found[1] if found else ""
