"""docs/drills.md says what each drill breaks, and what fires each alert."""

import re
from pathlib import Path

import yaml

from compose.drills.table import DRILLS, Drill, Told

PROJECT = Path(__file__).resolve().parents[2]
RULES = PROJECT / "alerting" / "rules"
PAGE = (PROJECT / "docs" / "drills.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a line of headings, without its quotes and links."""
    _, _, below = PAGE.partition(f"{heading}\n")
    lines = [line for line in below.split("\n\n")[0].splitlines() if line.startswith("| ")]
    return [[re.sub(r"`|\[|\]\(.*?\)", "", cell).strip() for cell in line.strip("|").split("|")] for line in lines]


def fired_by_tests() -> dict[str, str]:
    """The test that expects each alert to fire, by the alert's name."""
    found = {}
    for path in sorted((RULES / "tests").glob("*.yml")):
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for case in test.get("alert_rule_test", []):
                if case.get("exp_alerts") and (RULES / path.name).exists():
                    found[case["alertname"]] = f"alerting/rules/tests/{path.name}"
    return found


def test_every_drill_is_told_with_what_must_come_of_it() -> None:
    """The alert, the channel, and what may come too."""
    told = {
        name: (alert, channel, beside)
        for name, _, alert, channel, beside in rows(
            "| drill | what is broken | alert | channel | what may come too, and why |"
        )
    }
    assert told.keys() == DRILLS.keys()
    for name, drill in DRILLS.items():
        alert, channel, beside = told[name]
        assert (alert, channel) == (drill.expects.alert, f"#{drill.expects.channel}")
        assert beside.partition(":")[0] == ", ".join(accepted.alert for accepted in drill.accepts)


def test_every_alert_is_fired_by_something_and_the_page_says_by_what() -> None:
    """Each rule that alerts has a test that fires it, and the drill that does, where there is one."""
    alerts = {
        rule["alert"]
        for path in RULES.glob("*.yml")
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    drills = {drill.expects.alert: name for name, drill in DRILLS.items()}
    tests = fired_by_tests()
    assert {alert: (drill, test) for alert, drill, test in rows("| alert | drill | test |")} == {
        alert: (drills.get(alert, ""), tests[alert]) for alert in alerts
    }


def test_every_drill_names_labels_that_its_alert_has() -> None:
    """A drill that asks for a label which the rule never gives could not pass."""
    seen: dict[str, set[str]] = {}
    for path in (RULES / "tests").glob("*.yml"):
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for case in test.get("alert_rule_test", []):
                for expected in case.get("exp_alerts", []):
                    seen.setdefault(case["alertname"], set()).update(expected["exp_labels"])
    for told in (told for drill in DRILLS.values() for told in _told(drill)):
        assert told.labels.keys() <= seen[told.alert], told


def _told(drill: Drill) -> tuple[Told, ...]:
    return (drill.expects, *drill.accepts)
