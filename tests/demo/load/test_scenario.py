"""Scenario files: what is shipped, and what is refused."""

from pathlib import Path

import pytest
import yaml

from demo.load.scenario import Fault, Scenario, find, names, read, shipped
from process.settings import ConfigError

BAD = Path(__file__).parent / "bad_configs"
RULES = Path(__file__).parents[3] / "alerting" / "rules"

ORDERS_LIMIT = 20
"""Orders a second that the gateway lets through for one client (compose/envoy/envoy.yaml)."""

MISTAKES = {
    "both_faults": "faults[0]: name one of billing_delay and burn",
    "client_name": (
        "streams[0].client: 'Alice Kim' is not a user name: a to z, 0 to 9 and -, a letter first, at most 32"
    ),
    "cores": "faults[0].burn.cores: input should be less than or equal to 1",
    "duration": "duration: '5 minutes' is not a duration such as 500ms, 5s, 2m or 1h",
    "extends_extending": "extends: burst itself extends steady; one level is all there is",
    "extends_nothing": f"extends: no shipped scenario 'calm'; there are {', '.join(names())}",
    "no_fault": "faults[0]: name one of billing_delay and burn",
    "no_streams": "streams: is empty: nothing would be sent",
    "no_title": "title: is required",
    "rate_zero": "streams[0].rate: input should be greater than 0",
    "request": "streams[0].request: input should be 'order', 'question', 'me' or 'answer'",
    "same_fault_twice": "faults[1]: orders has a fault of this kind already",
    "too_slow": "faults[0].billing_delay: input should be less than or equal to 60",
    "unknown_key": "streams[0].burst: unknown key",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_said_with_its_place(mistake: str) -> None:
    """A file that can't be used gives one line: the file, the dotted place, what is wrong."""
    path = BAD / f"{mistake}.yaml"
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert str(caught.value) == f"{path}: {MISTAKES[mistake]}"


def test_every_bad_file_is_tested() -> None:
    """No file in bad_configs is forgotten."""
    assert {path.stem for path in BAD.glob("*.yaml")} == MISTAKES.keys()


def test_an_unknown_name_lists_the_shipped_ones() -> None:
    """A name that is neither shipped nor a file is answered with what there is."""
    with pytest.raises(ConfigError) as caught:
        find("brust")
    assert str(caught.value) == f"brust: is no shipped scenario ({', '.join(names())}) and no file"


def test_a_missing_file_is_said() -> None:
    """A path that leads nowhere says so."""
    with pytest.raises(ConfigError, match=r"away\.yaml: can't be read: No such file or directory"):
        find("away.yaml")


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    """A path is read like a shipped scenario; it may extend one, and its own streams come after."""
    path = tmp_path / "mine.yaml"
    path.write_text(
        "{title: t, description: d, extends: steady, duration: 90, streams: [{client: zoe, request: me, rate: 2}]}"
    )
    mine, steady = find(str(path)), find("steady")
    assert (mine.name, mine.duration) == ("mine", 90.0)
    assert mine.streams[:-1] == steady.streams
    assert mine.streams[-1].client == "zoe"


def rates(scenario: Scenario, request: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for stream in scenario.streams:
        if stream.request == request:
            found[stream.client] = found.get(stream.client, 0.0) + stream.rate
    return found


def test_the_shipped_names() -> None:
    """Six scenarios are shipped."""
    assert names() == ["burst", "cpu-burn", "slow-consumer", "stalled-consumer", "steady", "throttled"]


def test_steady_is_light_and_for_ever() -> None:
    """Steady asks eight times a second over four clients, breaks nothing and has no end."""
    steady = find("steady")
    assert sum(stream.rate for stream in steady.streams) == pytest.approx(8)
    assert len({stream.client for stream in steady.streams}) == 4
    assert (steady.duration, steady.faults) == (None, ())


def test_burst_has_most_orders_rejected() -> None:
    """What mallory sends over the limit is more than half of all orders."""
    orders = rates(find("burst"), "order")
    assert orders["mallory"] - ORDERS_LIMIT > sum(orders.values()) / 2


@pytest.mark.parametrize("name", ["steady", "slow-consumer", "stalled-consumer", "cpu-burn", "throttled"])
def test_other_scenarios_stay_within_the_limits(name: str) -> None:
    """Where the gateway is not the topic every client stays well under its limits (questions: 5 a second)."""
    scenario = find(name)
    assert max(rates(scenario, "order").values()) <= ORDERS_LIMIT / 2
    assert max(rates(scenario, "question").values()) <= 1


def test_slow_consumer_outruns_billing() -> None:
    """Thirty orders a second more than steady meet a consumer of one record a second."""
    scenario, steady = find("slow-consumer"), find("steady")
    assert sum(rates(scenario, "order").values()) - sum(rates(steady, "order").values()) == 30
    assert scenario.faults == (Fault(billing_delay=1),)


def test_every_description_names_an_alert_that_exists() -> None:
    """What a scenario promises to light is a rule."""
    alerts = {
        rule.get("alert")
        for path in RULES.glob("*.yml")
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    }
    promised = {
        name: scenario.description.rpartition("Lights ")[2].rstrip(".")
        for name, scenario in shipped().items()
        if "Lights" in scenario.description
    }
    assert promised.keys() == set(names()) - {"steady"}
    assert set(promised.values()) <= alerts
