"""The address book: every name that a configuration template may use, for processes on loopback and for containers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
"""Root of the repository: rules, dashboards and runbooks are read from here."""

DEFAULT_PORT_BASE = 18000

SLACK_TOKEN = "SLACK_BOT_TOKEN"
"""With this in the environment alerts go to the real Slack and the workspace of the demo is not started."""

SLACK_SIGNING_SECRET = "SLACK_SIGNING_SECRET"
"""What the real Slack signs clicks with."""

SLACK_APP_TOKEN = "SLACK_APP_TOKEN"
"""Opens a socket to the real Slack on which clicks come; without it and the secret messages there have no buttons."""

SLACK_API = "https://slack.com/api/"
SLACK_PAGE = "https://app.slack.com/client"

DEMO_TOKEN = "xoxb-bongsu-demo"
"""Opens the demo's workspace and nothing else."""

DEMO_SIGNING_SECRET = "bongsu-demo-clicks"
"""Signs the clicks of the demo's workspace and nothing else."""

NO_OTLP = "127.0.0.1:4318"
"""OTLP/HTTP's own port: what the gateway's tracing cluster names while no receiver is given and nothing is sampled."""

OFFSETS: Mapping[str, int] = {
    "console": 0,
    "edge": 80,
    "edge_admin": 81,
    "kafka": 92,
    "kafka_controller": 93,
    "users": 101,
    "orders": 102,
    "billing": 103,
    "questions": 104,
    "answers": 105,
    "load": 106,
    "kafka_lag": 201,
    "gateway_limits": 202,
    "pod_cpu": 203,
    "prometheus": 300,
    "alertmanager": 301,
    "router": 302,
    "slack": 400,
}
"""Native port of each listener: the port base plus this."""

CONTAINERS: Mapping[str, str] = {
    "console": "console:8000",
    "edge": "envoy:8080",
    "edge_admin": "envoy:9901",
    "kafka": "kafka:9092",
    "kafka_controller": "kafka:9093",
    "users": "users:8000",
    "orders": "orders:8000",
    "billing": "billing:8000",
    "questions": "questions:8000",
    "answers": "answers:8000",
    "load": "load:8000",
    "kafka_lag": "kafka-lag:8000",
    "gateway_limits": "gateway-limits:8000",
    "pod_cpu": "pod-cpu:8000",
    "prometheus": "prometheus:9090",
    "alertmanager": "alertmanager:9093",
    "router": "router:8000",
    "slack": "slack:8000",
}
"""Service name and port of each listener on the network of compose.yaml."""

PUBLISHED: Mapping[str, str] = {
    "console_url": "http://127.0.0.1:18000",
    "dashboards_url": "http://127.0.0.1:3000",
    "prometheus_url": "http://127.0.0.1:18300",
    "alertmanager_url": "http://127.0.0.1:18301",
    "router_url": "http://127.0.0.1:18302",
    "slack_url": "http://127.0.0.1:18400",
}
"""Where a browser on the host finds the pages of compose.yaml (a test holds them and its `ports:` together)."""


@dataclass(frozen=True)
class AddressBook:
    """Names to values for string.Template, and the folder that the rendered files go to."""

    values: Mapping[str, str]
    config: Path

    def __getitem__(self, name: str) -> str:
        """Value of one name, as the templates see it."""
        return self.values[name]

    @property
    def real_slack(self) -> bool:
        """Whether alerts go to the real Slack."""
        return self["slack_api"] == SLACK_API


def native(
    home: Path, port_base: int = DEFAULT_PORT_BASE, otlp: str | None = None, *, real_slack: bool = False
) -> AddressBook:
    """Every part on loopback; state, logs and rendered configuration below `home`.

    `otlp` is the ``host:port`` of an OTLP/HTTP receiver for the gateway's spans, None for no tracing. Alerts go to the
    workspace of the demo unless `real_slack` says otherwise.
    """
    addresses = {name: f"127.0.0.1:{port_base + offset}" for name, offset in OFFSETS.items()}
    pages = ("console", "prometheus", "alertmanager", "router", "slack")
    places = {
        "project": str(PROJECT),
        "rules": str(PROJECT / "alerting" / "rules"),
        "home": str(home),
        "state": str(home / "state"),
        "config": str(home / "config"),
        "config_pattern": re.escape(str(home / "config")),
        "kafka_data": str(home / "state" / "kafka"),
        "edge_access_log": str(home / "log" / "access.log"),
        "edge_access_log_followed": str(home / "log" / "access.log"),
        "trace_percent": "100" if otlp else "0",
        "dashboards_url": f"http://{addresses['console']}",
        **{f"{page}_url": f"http://{addresses[page]}" for page in pages},
        **_slack(addresses["slack"], real_slack),
    }
    listen = {f"listen_{name}": address for name, address in addresses.items()}
    return AddressBook(_with_ports({**addresses, **listen, "otlp": otlp or NO_OTLP}) | places, home / "config")


def containers(config: Path, otlp: str | None = None, *, real_slack: bool = False) -> AddressBook:
    """Every part in its container of compose.yaml; `config` is where the files are written for all to mount."""
    places = {
        "project": "/app",
        "rules": "/etc/prometheus/rules",
        "home": "null",  # no process of one container sees those of the others
        "state": "/var/lib/bongsu",
        "config": "/etc/bongsu",
        "config_pattern": "/etc/bongsu",
        "kafka_data": "/var/lib/kafka/data",
        "edge_access_log": "/dev/stdout",
        "edge_access_log_followed": "null",  # Docker has it, and another container can't read it there
        "trace_percent": "100" if otlp else "0",
        **PUBLISHED,
        **_slack(CONTAINERS["slack"], real_slack),
    }
    listen = {f"listen_{name}": f"0.0.0.0:{address.rpartition(':')[2]}" for name, address in CONTAINERS.items()}
    return AddressBook(_with_ports({**CONTAINERS, **listen, "otlp": otlp or NO_OTLP}) | places, config)


def _slack(workspace: str, real: bool) -> dict[str, str]:
    """Where alerts go, and what the console can show of it: of the real Slack, only where it is."""
    if real:
        return {
            "slack_api": SLACK_API,
            "slack_token": "",
            "slack_signing_secret": "null",
            "slack_page": "null",
            "slack_url": SLACK_PAGE,
        }
    return {
        "slack_signing_secret": DEMO_SIGNING_SECRET,
        "slack_api": f"http://{workspace}/api/",
        "slack_token": DEMO_TOKEN,
        "slack_page": f"http://{workspace}",
    }


def _with_ports(addresses: Mapping[str, str]) -> dict[str, str]:
    """Add ``<name>_host`` and ``<name>_port`` for the files that want them apart."""
    parts = {name: address.rpartition(":") for name, address in addresses.items()}
    hosts = {f"{name}_host": host for name, (host, _, _) in parts.items()}
    ports = {f"{name}_port": port for name, (_, _, port) in parts.items()}
    return {**addresses, **hosts, **ports}
