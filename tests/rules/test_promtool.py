"""Prometheus' own tool holds the rules: their syntax, and what they do with made-up series."""

import subprocess
from pathlib import Path

import pytest
import yaml

RULES = Path(__file__).resolve().parents[2] / "alerting" / "rules"
FILES = sorted(RULES.glob("*.yml"))
TESTS = sorted((RULES / "tests").glob("*.yml"))


def promtool(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run promtool (Debian: package prometheus)."""
    command = ["promtool", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_rules_are_clean_under_every_lint() -> None:
    """`promtool check rules` finds nothing, not even a warning."""
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", *FILES)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_rules_do_what_their_series_say(path: Path) -> None:
    """Each alert fires, stays quiet just below its threshold, survives a failed scrape and recovers."""
    done = promtool("test", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_alert_is_tested_to_fire_and_to_be_quiet(path: Path) -> None:
    """The test file of the same name expects each alert of a rule file at one time and its absence at another."""
    rules = [rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]
    alerts = {rule["alert"] for rule in rules if "alert" in rule}
    cases = [
        case
        for test in yaml.safe_load((RULES / "tests" / path.name).read_text())["tests"]
        for case in test.get("alert_rule_test", [])
    ]
    assert {case["alertname"] for case in cases if case.get("exp_alerts")} == alerts
    assert {case["alertname"] for case in cases if not case.get("exp_alerts")} >= alerts - {"Watchdog"}
