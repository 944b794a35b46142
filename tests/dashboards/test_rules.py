"""What the panels take from a rule file."""

from pathlib import Path

import pytest

from dashboards import rules

RULE = """
groups:
  - name: made_up
    rules:
      - {{record: 'a:b:sum', expr: sum(b)}}
      - alert: Made
        expr: {expr}
        labels: {{severity: warning, signal: kafka_lag}}
        annotations: {{threshold: '0.5', unit: percentunit}}
"""


@pytest.mark.parametrize(
    ("expr", "below"),
    [
        ("a:b:sum > 0.5", False),
        ("a:b:sum < 0.5", True),
        ("a:b:sum < 0.5 and b > 0", True),
        ("a:b:sum >= 0.5 and b < 3", False),
        ("vector(1)", False),
    ],
)
def test_the_bad_side_is_that_of_the_first_comparison(tmp_path: Path, expr: str, below: bool) -> None:
    """The threshold belongs to the first comparison; what follows it is a condition."""
    (tmp_path / "made_up.yml").write_text(RULE.format(expr=expr), encoding="utf-8")
    assert rules.load(tmp_path) == {"Made": rules.AlertRule("Made", "kafka_lag", "warning", 0.5, "percentunit", below)}


def test_a_rule_without_a_threshold_is_refused(tmp_path: Path) -> None:
    """A page can't be built from a rule that breaks the contract."""
    text = RULE.format(expr="b > 1").replace("threshold: '0.5', ", "")
    (tmp_path / "made_up.yml").write_text(text, encoding="utf-8")
    with pytest.raises(KeyError, match="threshold"):
        rules.load(tmp_path)
