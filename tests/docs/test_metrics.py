"""docs/metrics.md and what the exporters and the router export say the same."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from alerting.metrics import LOOKS, RESOLUTIONS, RESULTS, Metrics
from alerting.model import Census
from alerting.watchdog import Finding
from exporters.catalog import EXPORTERS
from exporters.errors import Reason
from exporters.kafka_lag.snapshot import GroupState

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")

Described = dict[str, tuple[str, frozenset[str]]]
"""Type and labels by name."""


def documented(program: str) -> Described:
    """What the page says of one exporter, its own metrics included, or of the router."""
    row = re.compile(r"^\| `(\S+)` \| (\w+) \| ([\w, ]*)\| [^|]+ \| [^|]+ \|$", re.MULTILINE)
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    wanted = (f"{program}\n", "Each exporter's own\n") if program in EXPORTERS else (f"{program}\n",)
    text = "".join(section for section in sections if section.startswith(wanted))
    return {
        name.replace("<exporter>", program): (kind, frozenset(re.findall(r"\w+", labels)))
        for name, kind, labels in row.findall(text)
    }


def described(text: str) -> Described:
    """What a /metrics has, without the times at which prometheus_client's counters were made."""
    return {
        family.name + ("_total" if family.type == "counter" else ""): (
            family.type,
            frozenset(label for sample in family.samples for label in sample.labels),
        )
        for family in text_string_to_metric_families(text)
        if not family.name.endswith("_created")
    }


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_each_metric_is_on_the_page_with_its_type_and_labels(exporter: str) -> None:
    """No metric is missing, none is left over, and none has other labels."""
    golden = ROOT / "tests" / "exporters" / exporter / "golden" / "metrics.prom"
    assert documented(exporter) == described(golden.read_text(encoding="utf-8"))


def test_each_name_of_kafka_lag_exporter_is_on_the_page_with_its_labels() -> None:
    """Those that are there by option."""
    golden = ROOT / "tests" / "exporters" / "kafka_lag" / "golden" / "seglo.prom"
    assert documented("kafka_lag with `compat: seglo`") == described(golden.read_text(encoding="utf-8"))


def test_each_state_of_a_group_is_on_the_page() -> None:
    """The closed set is the one that the code has."""
    (section,) = re.findall(r"^`state` is (.*?)\n\n", PAGE, re.MULTILINE | re.DOTALL)
    assert [word for word in re.findall(r"`(\w+)`", section) if word in set(GroupState)] == list(GroupState)


def test_each_metric_of_the_router_is_on_the_page_with_its_type_and_labels() -> None:
    """Of a router that has heard a Watchdog, so that every metric is there."""
    now = datetime(2026, 11, 23, tzinfo=UTC)
    census = Census({"firing": 1}, 1, {}, oldest_undelivered=now, watchdog_at=now, messages=())
    assert documented("router") == described(Metrics().exposition(census, now).decode())


def test_each_label_value_of_the_router_is_on_the_page() -> None:
    """The closed sets of results and resolutions are the ones that the code has."""
    section = PAGE.split("## router\n")[1]
    assert {word for word in (*RESULTS, *RESOLUTIONS, *LOOKS, *Finding) if f"`{word}`" not in section} == set()


def test_each_reason_is_on_the_page() -> None:
    """The closed set of reasons is the one that the code has."""
    assert re.findall(r"^\| `(\w+)` \| [^|]+ \|$", PAGE, re.MULTILINE) == [str(reason) for reason in Reason]
