"""Settings of the console: the template fits, a mistake is named."""

from pathlib import Path
from string import Template

import pytest
import yaml

from compose import addresses
from demo.console.settings import ConsoleSettings
from process.settings import ConfigError, load

ROOT = Path(__file__).parents[3]
TEMPLATE = ROOT / "compose" / "demo" / "console.yaml"

MESSAGES = {
    "unknown_key": "grafana: unknown key",
    "no_channels": "channels: tuple should have at least 1 item after validation, not 0",
    "page_without_scheme": "pages.slack: 'slack.test' is not an http:// or https:// URL",
    "listen_without_port": "listen: '127.0.0.1' is not host:port with a port from 1 to 65535",
}


@pytest.mark.parametrize(
    "book",
    [
        addresses.native(Path("/x")),
        addresses.containers(Path("/x")),
        addresses.native(Path("/x"), real_slack=True),
    ],
    ids=["native", "containers", "real Slack"],
)
def test_the_template_fits(book: addresses.AddressBook, tmp_path: Path) -> None:
    """Rendered for loopback and for containers, the template is good settings."""
    file = tmp_path / "console.yaml"
    file.write_text(Template(TEMPLATE.read_text()).substitute(book.values))
    settings = load(file, ConsoleSettings)
    assert settings.listen == book["listen_console"]
    assert settings.pages.slack == book["slack_url"]
    assert (settings.slack is None) == book.real_slack
    assert (settings.dashboards.name, settings.runbooks.name) == ("json", "runbooks")


def test_the_scrape_interval_is_prometheus_own() -> None:
    """One number in two files: they must not drift apart."""
    prometheus = yaml.safe_load((ROOT / "compose" / "prometheus" / "prometheus.yml").read_text())
    console = yaml.safe_load(TEMPLATE.read_text())
    assert console["scrape_interval"] == prometheus["global"]["scrape_interval"]


def test_the_tabs_are_the_channels_that_the_router_writes_to() -> None:
    """Every Slack channel of the router's configuration can be looked at."""
    router = (ROOT / "compose" / "alerting" / "router.yaml").read_text()
    shown = yaml.safe_load(TEMPLATE.read_text())["channels"]
    assert all(name in router for name in shown)


@pytest.mark.parametrize("mistake", MESSAGES)
def test_a_mistake_is_named(mistake: str) -> None:
    """One file for each mistake; the message names the dotted place."""
    file = Path(__file__).parent / "bad_configs" / f"{mistake}.yaml"
    with pytest.raises(ConfigError) as caught:
        load(file, ConsoleSettings)
    assert str(caught.value) == f"{file}: {MESSAGES[mistake]}"
